import { ROLE_MEMORY_MS, ROLES_REMEMBERED } from "../limits.ts";

/** The roles that CometChat recently answered that it does not know. */
export interface Roles {
  readonly has: (role: string) => boolean;
  readonly refuse: (role: string) => void;
}

/** `tell` is called once for each refused role and period, so that the log does not have a line for each user. */
export function createRoles(now: () => number, tell: (role: string) => void): Roles {
  const until = new Map<string, number>();
  return {
    has: (role) => (until.get(role) ?? 0) <= now(),
    refuse(role) {
      if ((until.get(role) ?? 0) > now()) return;
      const [oldest] = until.keys();
      if (until.size >= ROLES_REMEMBERED && oldest !== undefined) until.delete(oldest);
      until.set(role, now() + ROLE_MEMORY_MS);
      tell(role);
    },
  };
}
