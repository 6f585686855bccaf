import { type Entry, InputError, NO_ROWS, type Problem } from "./entry.ts";
import { Equals } from "./equals.ts";
import type { Findings } from "./findings.ts";
import { type Rules, type User, userOf } from "./user.ts";

/** The result of reading the input for the first time. */
export interface Checked {
  readonly rows: number;
  /** How many users can be imported, duplicates included. */
  readonly users: number;
  /** The apps that users are imported into. */
  readonly apps: ReadonlySet<string>;
  /** For each app and role, how many users have it. */
  readonly roles: ReadonlyMap<string, ReadonlyMap<string, number>>;
  readonly equals: Equals;
}

/** Called with every wrong row, in the order of the input. */
type OnWrong = (entry: Entry, problems: readonly Problem[]) => void;

/**
 * Reads the whole input and checks every row, before anything is sent. The caller must close the returned `equals`.
 * @param apps the names of the configured apps; an app's number is its index here
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
    if (rows === 0) throw new InputError(NO_ROWS);
  } catch (error) {
    equals.close();
    throw error;
  }
  return { rows, users, apps: used, roles, equals };
}

/** Whether the uid is a hash, not the subject with the issuer's prefix. */
const isHashed = ({ uid, subject }: User, { issuer }: Rules): boolean => uid !== issuer.uid.prefix + subject;
