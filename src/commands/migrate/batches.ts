import { IMPORT_USERS } from "../../limits.ts";
import { claim } from "../../session/claims.ts";
import type { Entry } from "./entry.ts";
import { DUPLICATE } from "./equals.ts";
import { type Rules, type User, userOf } from "./user.ts";

/** Users that are there already and are left alone, which one batch may account for. */
const SKIPPED = 1_000;

export interface Member {
  readonly user: User;
  readonly line: number;
  /** Whether CometChat had it when the run began. */
  readonly existed: boolean;
  /** What of the row decided in which app the user lives, besides the profile. */
  readonly placement: Readonly<Record<string, unknown>>;
}

/** What is sent at once, and the users that were passed over on the way. The same input gives the same batches. */
export interface Batch {
  readonly number: number;
  readonly app: string;
  readonly send: readonly Member[];
  readonly skip: readonly Member[];
}

export interface Rows {
  /** By row: 0 or `DUPLICATE`. */
  readonly marks: Uint8Array;
  readonly existed: (row: number) => boolean;
  /** Whether users that are there are sent as well. */
  readonly update: boolean;
}

/** The second reading: rows that are wrong or duplicate are left out. Each app has batches of its own. */
export async function* batchesOf(
  entries: AsyncIterable<Entry>,
  rules: Rules,
  { marks, existed, update }: Rows,
): AsyncGenerator<Batch> {
  const open = new Map<string, { send: Member[]; skip: Member[] }>();
  let number = 0;
  let row = -1;
  for await (const entry of entries) {
    row += 1;
    if (marks[row] === DUPLICATE) continue;
    const { user } = await userOf(entry, rules);
    if (!user) continue;
    const placement = placementIn(entry, rules);
    const member = { user, line: entry.line, existed: existed(row), placement };
    const batch = open.get(user.app) ?? { send: [], skip: [] };
    open.set(user.app, batch);
    (member.existed && !update ? batch.skip : batch.send).push(member);
    if (batch.send.length < IMPORT_USERS && batch.skip.length < SKIPPED) continue;
    open.delete(user.app);
    yield { number: number++, app: user.app, ...batch };
  }
  for (const [app, batch] of open) yield { number: number++, app, ...batch };
}

/** The claim and the place, by their names in the input as `FILE.failed.ndjson` has it. */
export function placementIn({ row }: Entry, { issuer, pick }: Rules): Readonly<Record<string, unknown>> {
  if (!row) return {};
  const { fields, claims } = pick(row);
  const app = issuer.appClaim === undefined ? undefined : claim(claims, issuer.appClaim);
  return {
    ...(issuer.appClaim !== undefined && app !== undefined && { [issuer.appClaim]: app }),
    ...(fields.country !== undefined && { country: fields.country }),
    ...(fields.continent !== undefined && { continent: fields.continent }),
  };
}
