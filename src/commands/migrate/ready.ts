import { REQUEST_MS } from "../../limits.ts";
import { contextFor } from "../context.ts";
import type { Channel } from "./deliver.ts";
import type { Equals } from "./equals.ts";
import { Unavailable, withRetries } from "./patience.ts";
import { UsageError } from "./settings.ts";

/** A role that users of the input have and CometChat does not know. */
export interface MissingRole {
  readonly app: string;
  readonly role: string;
  readonly users: number;
}

type Channels = ReadonlyMap<string, Channel>;

/**
 * Finds the roles that CometChat does not know, since it would refuse every user with one. Rejects with `Unavailable`.
 */
export async function missingRoles(
  roles: ReadonlyMap<string, ReadonlyMap<string, number>>,
  channels: Channels,
): Promise<readonly MissingRole[]> {
  const missing: MissingRole[] = [];
  for (const [app, used] of roles) {
    const channel = channels.get(app);
    if (!channel) continue;
    const listed = await withRetries(() => channel.bulk.roles(contextFor(channel, REQUEST_MS)), channel);
    if (!listed.ok) throw new Unavailable(app, listed.error);
    // Every app has the role "default", but CometChat's list of roles does not always contain it.
    const known = new Set(["default", ...listed.value]);
    for (const [role, users] of used) if (!known.has(role)) missing.push({ app, role, users });
  }
  return missing;
}

/** Creates these roles. Rejects with `UsageError` if CometChat refuses one, or with `Unavailable`. */
export async function createRoles(missing: readonly MissingRole[], channels: Channels): Promise<void> {
  for (const { app, role } of missing) {
    const channel = channels.get(app);
    if (!channel) continue;
    const created = await withRetries(() => channel.bulk.createRole(role, contextFor(channel, REQUEST_MS)), channel);
    if (created.ok) continue;
    throw new UsageError(
      `CometChat refuses the role "${role}" in app ${app}. An app can have at most 25 roles; create it in the dashboard to see the reason.`,
    );
  }
}

/**
 * Lists the users of the apps in `used`, and adds them to `equals`. Rejects with `Unavailable` or `Stopped`.
 * @param apps the names of the configured apps; an app's number is its index here
 * @param progress called with the number of users read so far
 */
export async function findExisting(
  apps: readonly string[],
  used: ReadonlySet<string>,
  channels: Channels,
  equals: Equals,
  progress: (users: number) => void,
): Promise<void> {
  let users = 0;
  for (const [number, app] of apps.entries()) {
    const channel = channels.get(app);
    if (!channel || !used.has(app)) continue;
    for (let page = 1, more = true; more; page++) {
      await channel.pace.pause(0);
      const listed = await withRetries(() => channel.bulk.users(page, contextFor(channel, REQUEST_MS)), channel);
      if (!listed.ok) throw new Unavailable(app, listed.error);
      for (const uid of listed.value.uids) equals.addExisting(uid, number);
      users += listed.value.uids.length;
      progress(users);
      more = listed.value.more;
    }
  }
}
