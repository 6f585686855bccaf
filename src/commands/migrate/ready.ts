import { REQUEST_MS } from "../../limits.ts";
import { contextFor } from "../context.ts";
import type { Channel } from "./deliver.ts";
import type { Equals } from "./equals.ts";
import { patiently, Unavailable } from "./patience.ts";
import { UsageError } from "./settings.ts";

/** A role that users have and CometChat has not. */
export interface MissingRole {
  readonly app: string;
  readonly role: string;
  readonly users: number;
}

type Channels = ReadonlyMap<string, Channel>;

/** Which roles CometChat lacks: it would refuse every user that has one. */
export async function missingRoles(
  roles: ReadonlyMap<string, ReadonlyMap<string, number>>,
  channels: Channels,
): Promise<readonly MissingRole[]> {
  const missing: MissingRole[] = [];
  for (const [app, used] of roles) {
    const channel = channels.get(app);
    if (!channel) continue;
    const there = await patiently(() => channel.bulk.roles(contextFor(channel, REQUEST_MS)), channel);
    if (!there.ok) throw new Unavailable(app, there.error);
    // Every app has this one, and it is no role of the list's in all of CometChat's samples.
    const known = new Set(["default", ...there.value]);
    for (const [role, users] of used) if (!known.has(role)) missing.push({ app, role, users });
  }
  return missing;
}

export async function createRoles(missing: readonly MissingRole[], channels: Channels): Promise<void> {
  for (const { app, role } of missing) {
    const channel = channels.get(app);
    if (!channel) continue;
    const created = await patiently(() => channel.bulk.createRole(role, contextFor(channel, REQUEST_MS)), channel);
    if (created.ok) continue;
    throw new UsageError(`CometChat refuses the role "${role}" in app ${app}. An app has at most 25 roles.`);
  }
}

/**
 * Tells `equals` of every user that the apps in `used` have.
 * @param apps the configuration's names of its apps: a number for each
 * @param progress told how many users were read so far
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
      const listed = await patiently(() => channel.bulk.users(page, contextFor(channel, REQUEST_MS)), channel);
      if (!listed.ok) throw new Unavailable(app, listed.error);
      for (const uid of listed.value.uids) equals.there(uid, number);
      users += listed.value.uids.length;
      progress(users);
      more = listed.value.more;
    }
  }
}
