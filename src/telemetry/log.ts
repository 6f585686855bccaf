/** Scalars of our own making only: no token, key, claim or upstream text. */
export type LogLine = Readonly<Record<string, string | number | boolean | undefined>> & { readonly event: string };

/** One JSON line, whose fields Workers Logs makes searchable. */
export function log(line: LogLine): void {
  console.log(JSON.stringify(line));
}

/** What may be told of an exception: its kind and where. Its message may hold anything. */
export function traceOf(error: unknown): { readonly kind: string; readonly at: string } {
  if (!(error instanceof Error)) return { kind: typeof error, at: "" };
  const frames = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  return {
    kind: error.name,
    at: frames
      .slice(0, 6)
      .map((frame) => frame.trim())
      .join(" < "),
  };
}
