/** The result of one check. A check that is `ok` and has a remedy is advice. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  /** What was found. */
  readonly detail: string;
  /** What to do about it. */
  readonly remedy?: string;
}

/** Whether the gateway accepts the session that was given. */
export interface SessionReport {
  readonly accepted: boolean;
  /** Why not: one sentence that names the claim and the setting. */
  readonly reason?: string;
  readonly uid?: string;
  /** The app's name in COMETCHAT_APPS. */
  readonly app?: string;
  /** The profile that the gateway would send to CometChat. */
  readonly profile?: Readonly<Record<string, unknown>>;
}

/** What `npm run doctor -- --json` prints. */
export interface Report {
  readonly ok: boolean;
  readonly checks: readonly Check[];
  readonly session?: SessionReport;
}

export const passed = (name: string, detail: string): Check => ({ name, ok: true, detail });
export const advised = (name: string, detail: string, remedy: string): Check => ({ name, ok: true, detail, remedy });
export const failed = (name: string, detail: string, remedy?: string): Check => ({
  name,
  ok: false,
  detail,
  ...(remedy && { remedy }),
});

/** A value from outside in a form that is safe to print: JSON, on one line, printable, at most 200 characters. */
export function quoted(value: unknown): string {
  const text = (JSON.stringify(value) ?? "nothing").replaceAll(/\p{C}/gu, "?");
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
