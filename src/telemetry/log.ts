import { FRAMES_LOGGED } from "../limits.ts";

/**
 * One line of the log: scalars that the gateway itself makes. Never a token, key or claim, nor a text of another
 * server.
 */
export type LogLine = Readonly<Record<string, string | number | boolean | undefined>> & { readonly event: string };

/** Writes one line of JSON, whose fields can be searched in Workers Logs. */
export function log(line: LogLine): void {
  console.log(JSON.stringify(line));
}

/** The name and the place of an exception. Its message is left out, since it may contain a token or a key. */
export function traceOf(error: unknown): { readonly kind: string; readonly at: string } {
  if (!(error instanceof Error)) return { kind: typeof error, at: "" };
  const frames = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  return {
    kind: error.name,
    at: frames
      .slice(0, FRAMES_LOGGED)
      .map((frame) => frame.trim())
      .join(" < "),
  };
}
