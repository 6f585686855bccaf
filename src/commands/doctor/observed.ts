import type { Deps } from "../../context.ts";
import { DOCUMENT_BYTES } from "../../limits.ts";

/** One answer, or the lack of one. */
export interface Seen {
  readonly address: string;
  readonly status?: number;
  /** Where a redirect leads. */
  readonly location?: string | null;
  /** The body as JSON; undefined where it is none. */
  readonly body?: unknown;
  /** Why there was no answer, as the system calls it: ENOTFOUND, ECONNREFUSED, CERT_HAS_EXPIRED. */
  readonly failure?: string;
}

/**
 * The same `fetch`, and what it has seen: the gateway's own code keeps of a failed fetch only its kind, which is all that
 * a log may know. An operator wants to see the status and the name of the fault.
 */
export function observe(fetch: Deps["fetch"]): { readonly fetch: Deps["fetch"]; readonly seen: readonly Seen[] } {
  const seen: Seen[] = [];
  return {
    seen,
    async fetch(address, init) {
      try {
        const response = await fetch(address, init);
        const { status, headers } = response;
        const bytes = await response.arrayBuffer();
        const location = headers.get("location");
        seen.push({ address, status, location, body: bytes.byteLength > DOCUMENT_BYTES ? undefined : json(bytes) });
        return new Response(status === 204 || status === 304 ? null : bytes, { status, headers });
      } catch (error) {
        seen.push({ address, failure: codeOf(error) });
        throw error;
      }
    },
  };
}

function json(bytes: ArrayBuffer): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

/** Node's `fetch` says "fetch failed"; the reason is in its cause. */
function codeOf(error: unknown): string {
  const { code, name, cause } = error as { code?: unknown; name?: string; cause?: unknown };
  if (typeof code === "string") return code;
  return cause === undefined ? (name ?? "unknown") : codeOf(cause);
}
