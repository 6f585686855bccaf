import type { Entry, Problem } from "./entry.ts";
import { Equals } from "./equals.ts";
import type { Findings } from "./findings.ts";
import { type Rules, type User, userOf } from "./user.ts";

/** What the first reading of the input found. */
export interface Checked {
  readonly rows: number;
  /** Users that can be imported; duplicates are not known yet. */
  readonly users: number;
  /** Apps that users go to. */
  readonly apps: ReadonlySet<string>;
  /** App → role → users that have it. */
  readonly roles: ReadonlyMap<string, ReadonlyMap<string, number>>;
  readonly equals: Equals;
}

/** Told of every row that is no user, in its order. */
type OnWrong = (entry: Entry, problems: readonly Problem[]) => void;

/**
 * Reads everything once and checks every row, before anything is sent. `close` the `equals` that it returns.
 * @param apps the configuration's names of its apps: a number for each
 */
export async function check(
  entries: AsyncIterable<Entry>,
  rules: Rules,
  apps: readonly string[],
  findings: Findings,
  onWrong: OnWrong,
): Promise<Checked> {
  const equals = new Equals();
  const used = new Set<string>();
  const roles = new Map<string, Map<string, number>>();
  let rows = 0;
  let users = 0;
  try {
    for await (const entry of entries) {
      rows += 1;
      const { user, problems } = await userOf(entry, rules);
      if (!user) {
        equals.add(entry.line);
        findings.count("wrong");
        for (const problem of problems) findings.add("wrong", { line: entry.line, ...problem });
        onWrong(entry, problems);
        continue;
      }
      users += 1;
      used.add(user.app);
      equals.add(entry.line, user.uid, apps.indexOf(user.app));
      if (isHashed(user, rules)) {
        findings.count("hashed");
        findings.add("hashed", { line: entry.line, subject: user.subject, uid: user.uid });
      }
      const { role } = user.profile;
      if (role === undefined) continue;
      const known = roles.get(user.app) ?? new Map<string, number>();
      roles.set(user.app, known.set(role, (known.get(role) ?? 0) + 1));
    }
  } catch (error) {
    equals.close();
    throw error;
  }
  return { rows, users, apps: used, roles, equals };
}

/** Whether the uid is not the subject itself, with the issuer's prefix. */
const isHashed = ({ uid, subject }: User, { issuer }: Rules): boolean => uid !== issuer.uid.prefix + subject;
