import type { Bulk, Imported } from "../../cometchat/bulk.ts";
import type { CometChat, Profile } from "../../cometchat/cometchat.ts";
import type { Deps } from "../../context.ts";
import type { GatewayError } from "../../errors.ts";
import { IMPORT_MS, IMPORT_TRIES, REQUEST_MS } from "../../limits.ts";
import { contextFor } from "../context.ts";
import type { Problem } from "./entry.ts";
import type { Pace } from "./pace.ts";
import { FATAL, TEMPORARY, Unavailable, waitFor, withRetries } from "./patience.ts";

/** What the import needs to call CometChat for one app. */
export interface Channel {
  readonly app: string;
  readonly bulk: Bulk;
  readonly chat: Pick<CometChat, "update" | "get">;
  readonly pace: Pace;
  readonly now: Deps["now"];
  readonly random: Deps["random"];
}

/** The outcome of one batch, by uid. Users in neither field were imported. */
export interface Delivered {
  /** Users that CometChat had already and did not change. */
  readonly existing: ReadonlySet<string>;
  readonly failed: ReadonlyMap<string, Problem>;
}

type Users = ReadonlyMap<string, Profile & { readonly name: string }>;

/**
 * Imports these users, and repeats calls whose failure may be temporary. If CometChat refuses a batch as a whole, it is
 * sent again in halves, so that one bad user does not prevent the import of the others. Rejects with `Unavailable` or
 * `Stopped`.
 * @param update whether users that CometChat has already are updated
 */
export async function deliver(users: Users, update: boolean, channel: Channel): Promise<Delivered> {
  const existing = new Set<string>();
  const failed = new Map<string, Problem>();
  const parts: Users[] = [users];
  for (let part = parts.shift(); part; part = parts.shift()) {
    const left = await deliverPart(part, existing, failed, channel);
    if (left === undefined) continue;
    const [only] = left.keys();
    if (left.size > 1) parts.unshift(...halves(left));
    else if (only !== undefined) failed.set(only, refusal("CometChat refuses this user"));
  }
  // CometChat does not document whether an import updates existing users. Those that it reports as existing are updated
  // one by one.
  if (update) for (const uid of existing) await updateUser(uid, users, failed, channel);
  return { existing: update ? new Set() : existing, failed };
}

/** Sends users in one call. Resolves with undefined when all are done, else with those that were refused as a whole. */
async function deliverPart(
  users: Users,
  existing: Set<string>,
  failed: Map<string, Problem>,
  { app, bulk, pace, now, random }: Channel,
): Promise<Users | undefined> {
  let pending = users;
  let last: GatewayError | undefined;
  for (let attempt = 1; attempt <= IMPORT_TRIES; attempt++) {
    await pace.turn();
    const answer = await bulk.import(pending, contextFor({ now }, IMPORT_MS));
    last = answer.ok ? undefined : answer.error;
    if (answer.ok) {
      pending = sortOutcomes(answer.value, pending, existing, failed, attempt < IMPORT_TRIES);
      if (pending.size === 0) return undefined;
    } else {
      if (FATAL.has(answer.error.reason)) throw new Unavailable(app, answer.error);
      if (!TEMPORARY.has(answer.error.reason)) return pending;
    }
    if (attempt < IMPORT_TRIES) await pace.pause(waitFor(last, attempt, random()));
  }
  throw new Unavailable(app, last);
}

/** Adds each user to `existing` or `failed` by its outcome. Returns those to try again. */
function sortOutcomes(
  outcomes: ReadonlyMap<string, Imported>,
  users: Users,
  existing: Set<string>,
  failed: Map<string, Problem>,
  mayRetry: boolean,
): Users {
  const left = new Map<string, Profile & { readonly name: string }>();
  for (const [uid, profile] of users) {
    const outcome = outcomes.get(uid);
    if (!outcome || outcome.ok) continue;
    if (outcome.reason === "upstream-uid-exists") existing.add(uid);
    else if (mayRetry && TEMPORARY.has(outcome.reason)) left.set(uid, profile);
    else failed.set(uid, refusal(reasonOf(outcome)));
  }
  return left;
}

async function updateUser(uid: string, users: Users, failed: Map<string, Problem>, channel: Channel): Promise<void> {
  const profile = users.get(uid);
  if (!profile) return;
  const { chat, now } = channel;
  const updated = await withRetries(() => chat.update(uid, profile, [], contextFor({ now }, REQUEST_MS)), channel);
  if (updated.ok) return;
  const deactivated = updated.error.reason === "upstream-uid-unknown";
  failed.set(uid, refusal(deactivated ? "is deactivated in CometChat" : "CometChat refuses the update"));
}

function halves(users: Users): Users[] {
  const all = [...users];
  const middle = Math.ceil(all.length / 2);
  return [new Map(all.slice(0, middle)), new Map(all.slice(middle))];
}

const refusal = (reason: string): Problem => ({ field: "row", reason });

/**
 * Why CometChat refused one user. CometChat's own texts may repeat the API key or personal data, so they are not used.
 */
function reasonOf({ reason, code, fields }: Exclude<Imported, { ok: true }>): string {
  if (reason === "upstream-role") return "CometChat has no such role";
  if (reason === "upstream-plan") return "the app's CometChat plan allows no more users";
  if (reason === "upstream-answer") return "CometChat's answer does not say whether this user was imported";
  const named = fields.length > 0 ? `: ${fields.join(", ")}` : "";
  return `CometChat refuses this user${code ? ` (${code})` : ""}${named}`;
}
