import { IMPORT_USERS } from "../../limits.ts";
import { claim } from "../../session/claims.ts";
import type { Entry } from "./entry.ts";
import { DUPLICATE } from "./equals.ts";
import { type Rules, type User, userOf } from "./user.ts";

/** How many skipped users, which CometChat has already, one batch may contain. */
const SKIPPED = 1_000;

/** A user in a batch. */
export interface Member {
  readonly user: User;
  readonly line: number;
  /** Whether CometChat had the user when the run began. */
  readonly existed: boolean;
  /** The fields of the row that decide in which app the user lives. */
  readonly placement: Readonly<Record<string, unknown>>;
}

/** Users to send in one call, and users between them that are skipped. The same input always gives the same batches. */
export interface Batch {
  readonly number: number;
  readonly app: string;
  readonly send: readonly Member[];
  readonly skip: readonly Member[];
}

export interface Rows {
  /** For each row: 0, `DUPLICATE` or `EXISTING`. */
  readonly marks: Uint8Array;
  readonly existed: (row: number) => boolean;
  /** Whether users that CometChat has already are sent as well. */
  readonly update: boolean;
}

/** Reads the input for the second time and makes batches for each app. Wrong and duplicate rows are left out. */
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

/** The app's claim and the geography of a row, by their names in `FILE.failed.ndjson`. */
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
