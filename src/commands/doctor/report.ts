/** One thing that was looked at. Where it is all right and has a remedy all the same, that is advice. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  /** What was found. */
  readonly detail: string;
  /** What to do about it. */
  readonly remedy?: string;
}

/** What became of the session that was given. */
export interface SessionReport {
  readonly accepted: boolean;
  /** Why not: one sentence that names the claim and the setting. */
  readonly reason?: string;
  readonly uid?: string;
  /** The app's name in COMETCHAT_APPS. */
  readonly app?: string;
  /** As CometChat would be sent it. */
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

/** A text from outside, as it may be shown: on one line, printable, and not long. */
export function quoted(value: unknown): string {
  const text = (JSON.stringify(value) ?? "nothing").replaceAll(/\p{C}/gu, "?");
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
