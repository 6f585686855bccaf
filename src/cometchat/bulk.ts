import * as z from "zod/mini";
import type { Context, Deps } from "../context.ts";
import type { GatewayError, Reason } from "../errors.ts";
import { IMPORT_ANSWER_BYTES, IMPORT_MS, IMPORT_PAGE, ROLES_PAGE } from "../limits.ts";
import type { Result } from "../result.ts";
import { createBreaker } from "./breaker.ts";
import { createClient } from "./client.ts";
import { failureOf } from "./failures.ts";
import { createQuota } from "./quota.ts";
import { createSend } from "./resilience.ts";
import { done } from "./shapes.ts";
import type { App, Profile } from "./types.ts";

/** The outcome for one user of an import. */
export type Imported =
  | { readonly ok: true }
  /** `code` and `fields`: names in CometChat's answer, if they have the form of names. Its texts are never used. */
  | { readonly ok: false; readonly reason: Reason; readonly code?: string; readonly fields: readonly string[] };

/** Calls to CometChat that only the commands make; the Worker does not contain them. All can fail with `upstream-*`. */
export interface Bulk {
  /**
   * `POST /data_import/users`, in one attempt: the caller repeats it at its own pace. Fails if CometChat refuses all
   * users; otherwise returns the outcome of each uid.
   */
  import(
    users: ReadonlyMap<string, Profile & { readonly name: string }>,
    context: Context,
  ): Promise<Result<ReadonlyMap<string, Imported>, GatewayError>>;
  /** One page of all users, also of deactivated ones. `page`: from 1. */
  users(page: number, context: Context): Promise<Result<Page, GatewayError>>;
  /** All roles; an app has at most 25. */
  roles(context: Context): Promise<Result<readonly string[], GatewayError>>;
  createRole(role: string, context: Context): Promise<Result<true, GatewayError>>;
}

interface Page {
  readonly uids: readonly string[];
  /** Whether another page may follow. */
  readonly more: boolean;
}

const text = z.string();
const table = z.record(text, z.unknown());
const imported = z.object({ data: table });
const listed = z.object({ data: z.array(z.object({ uid: text })) });
const roles = z.object({ data: z.array(z.object({ role: text })) });
const refused = z.object({ error: z.object({ code: text, details: z.optional(z.unknown()) }) });

export function createBulk(app: App, deps: Deps): Bulk {
  const send = createSend(createClient(app, deps), createBreaker(deps.now), createQuota(deps.now), deps);
  return {
    import: (users, context) =>
      send(
        {
          method: "POST",
          path: "/data_import/users",
          body: { users: Object.fromEntries([...users].map(([uid, profile]) => [uid, { uid, ...profile }])) },
          once: IMPORT_MS,
          bytes: IMPORT_ANSWER_BYTES,
          read(body) {
            const answer = imported.safeParse(body);
            if (!answer.success) return undefined;
            return new Map([...users.keys()].map((uid) => [uid, outcome(uid, answer.data.data[uid])]));
          },
        },
        context,
      ),

    users: (page, context) =>
      send(
        {
          method: "GET",
          path: `/users?withDeactivated=true&perPage=${IMPORT_PAGE}&page=${page}`,
          bytes: IMPORT_ANSWER_BYTES,
          read(body) {
            const answer = listed.safeParse(body);
            if (!answer.success) return undefined;
            const uids = answer.data.data.map(({ uid }) => uid);
            return { uids, more: uids.length === IMPORT_PAGE };
          },
        },
        context,
      ),

    roles: (context) =>
      send(
        {
          method: "GET",
          path: `/roles?perPage=${ROLES_PAGE}`,
          read(body) {
            const answer = roles.safeParse(body);
            return answer.success ? answer.data.data.map(({ role }) => role) : undefined;
          },
        },
        context,
      ),

    createRole: (role, context) =>
      send({ method: "POST", path: "/roles", body: { role, name: role }, read: done }, context),
  };
}

/**
 * The outcome in one user's answer. CometChat documents the user at `data` and at `data.data`; only the uid is checked.
 */
function outcome(uid: string, answer: unknown): Imported {
  const failed = refused.safeParse(answer);
  if (failed.success) {
    const { code, details } = failed.data.error;
    const named = typeof details === "object" && details !== null ? Object.keys(details) : [];
    const { reason } = failureOf(400, code, named);
    return {
      ok: false,
      reason,
      fields: named.filter((name) => /^\w{1,40}$/.test(name)),
      ...(/^[A-Z_]{1,60}$/.test(code) && { code }),
    };
  }
  const parsed = table.safeParse(answer);
  const outer = parsed.success && parsed.data.success === true ? table.safeParse(parsed.data.data) : undefined;
  const inner = outer?.success ? table.safeParse(outer.data.data) : undefined;
  const whose = (outer?.success ? outer.data.uid : undefined) ?? (inner?.success ? inner.data.uid : undefined);
  return whose === uid ? { ok: true } : { ok: false, reason: "upstream-answer", fields: [] };
}
