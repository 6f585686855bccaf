import type { Deps } from "../../context.ts";
import { DOCUMENT_BYTES } from "../../limits.ts";

/** The answer to one request, or the reason why there was none. */
export interface Exchange {
  readonly address: string;
  readonly status?: number;
  /** Where a redirect leads. */
  readonly location?: string | null;
  /** The parsed body; undefined if it is not JSON. */
  readonly body?: unknown;
  /** The system's name for the failure: ENOTFOUND, ECONNREFUSED, CERT_HAS_EXPIRED. */
  readonly failure?: string;
}

/**
 * Wraps `fetch` and records its exchanges. The gateway's own code keeps only the kind of a failure, since no more may
 * be logged; the operator wants to see the status or the name of the fault, too.
 */
export function observe(fetch: Deps["fetch"]): {
  readonly fetch: Deps["fetch"];
  readonly exchanges: readonly Exchange[];
} {
  const exchanges: Exchange[] = [];
  return {
    exchanges,
    async fetch(address, init) {
      try {
        const response = await fetch(address, init);
        const { status, headers } = response;
        const bytes = await response.arrayBuffer();
        const location = headers.get("location");
        exchanges.push({
          address,
          status,
          location,
          body: bytes.byteLength > DOCUMENT_BYTES ? undefined : json(bytes),
        });
        return new Response(status === 204 || status === 304 ? null : bytes, { status, headers });
      } catch (error) {
        exchanges.push({ address, failure: codeOf(error) });
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

/** Node's `fetch` always fails with "fetch failed"; the reason is in the error's `cause`. */
function codeOf(error: unknown): string {
  const { code, name, cause } = error as { code?: unknown; name?: string; cause?: unknown };
  if (typeof code === "string") return code;
  return cause === undefined ? (name ?? "unknown") : codeOf(cause);
}
