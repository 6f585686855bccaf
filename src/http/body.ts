import type { Context as HonoContext } from "hono";
import { Refusal } from "../errors.ts";
import { readAtMost } from "../read.ts";
import type { HonoEnv } from "./environment.ts";

type C = HonoContext<HonoEnv>;

/**
 * Reads the request's JSON body; undefined if there is none. `limit`: bytes. Throws `media-type`, or as `readBytes` and
 * `parseJson` do.
 */
export async function readJson(c: C, limit: number): Promise<unknown> {
  const bytes = await readBytes(c, limit);
  if (bytes.length === 0) return undefined;
  if (mediaType(c.req.raw) !== "application/json") throw new Refusal({ reason: "media-type" });
  return parseJson(bytes);
}

/** Parses JSON in UTF-8. Throws `body-json`. */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    throw new Refusal({ reason: "body-json", detail: "The body is not JSON." });
  }
}

/** Reads the body. `limit`: bytes. Throws `body-too-large`, or `body-late` if it is not complete by the deadline. */
export async function readBytes(c: C, limit: number): Promise<Uint8Array<ArrayBuffer>> {
  const { raw } = c.req;
  const length = raw.headers.get("Content-Length");
  // A body of length 0 still has a stream, which takes time to read.
  if (length === "0" || !raw.body) return new Uint8Array();
  if (Number(length) > limit) throw new Refusal({ reason: "body-too-large" });
  const late = AbortSignal.timeout(c.get("context").deadline.left());
  const bytes = await readAtMost(raw.body, limit, late).catch(() => {
    throw new Refusal({ reason: "body-late", detail: "The body did not arrive in time." });
  });
  if (!bytes) throw new Refusal({ reason: "body-too-large" });
  return bytes;
}

export const mediaType = (request: Request): string =>
  (request.headers.get("Content-Type") ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
