import type * as z from "zod/mini";
import { Refusal } from "../errors.ts";
import { readAtMost } from "../read.ts";

export const UNKNOWN_KEY = "The body holds a key that is not known.";
export const NO_OBJECT = "The body must be an object.";

/**
 * The request's JSON body, checked by `schema`; undefined where there is no body.
 * Throws `body-too-large`, `media-type`, `body-json`, or `body-shape` with the wrong fields named.
 */
export async function readBody<S extends z.ZodMiniType>(
  request: Request,
  schema: S,
  limit: number,
): Promise<z.output<S> | undefined> {
  const value = await readJson(request, limit);
  if (value === undefined) return undefined;
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new Refusal({ reason: "body-shape", detail: shapeProblems(parsed.error.issues) });
}

/** The request's JSON body, of whatever shape; undefined where there is no body. Throws as `readBody` does. */
export async function readJson(request: Request, limit: number): Promise<unknown> {
  const bytes = await readBytes(request, limit);
  if (bytes.length === 0) return undefined;
  if (mediaType(request) !== "application/json") throw new Refusal({ reason: "media-type" });
  return parseJson(bytes);
}

/** Throws `body-json` for what is no JSON in UTF-8. */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    throw new Refusal({ reason: "body-json", detail: "The body is no JSON." });
  }
}

/** The body's bytes, at most `limit`. Throws `body-too-large`, and reads no further. */
export async function readBytes(request: Request, limit: number): Promise<Uint8Array<ArrayBuffer>> {
  if (Number(request.headers.get("Content-Length")) > limit) throw new Refusal({ reason: "body-too-large" });
  const bytes = await readAtMost(request.body, limit);
  if (!bytes) throw new Refusal({ reason: "body-too-large" });
  return bytes;
}

export const mediaType = (request: Request): string =>
  (request.headers.get("Content-Type") ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";

/** Which fields are wrong and why, in our own words: names of a caller's own making are not repeated. */
function shapeProblems(issues: readonly z.core.$ZodIssue[]): string {
  const problems = issues.map((issue) => {
    if (issue.code === "unrecognized_keys") return UNKNOWN_KEY;
    return issue.path.length === 0 ? NO_OBJECT : `${issue.path.join(".")}: ${issue.message}.`;
  });
  return [...new Set(problems)].join(" ");
}
