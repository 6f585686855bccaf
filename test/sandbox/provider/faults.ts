import type { JWK } from "jose";

/** The documents that a gateway fetches from an identity provider. */
export type DocumentName = "discovery" | "jwks";

/**
 * How a provider's documents can fail. `on` limits the fault to one of the two documents.
 *
 * `status`: an error with that status. `delay`: the right document, after a pause. `hang`: no answer; the connection is
 * cut after a minute. `refused`: no connection. `redirect`: 302, by default to an address that serves the right
 * document, so a gateway that followed it would succeed. `html`, `truncated`, `empty`: 200 with that body. `huge`:
 * valid JSON, padded with `bytes` characters. `drip`: the right document, a few bytes at a time. `empty-set`: a JWKS
 * without keys. `many-keys`: a JWKS with `count` additional keys, and the right keys at its end. `wrong-issuer`: a
 * discovery document that names another issuer.
 */
export type ProviderFault = { on?: DocumentName } & (
  | { kind: "status"; status: number; headers?: Record<string, string> }
  | { kind: "delay"; ms: number }
  | { kind: "hang" }
  | { kind: "refused" }
  | { kind: "redirect"; location?: string }
  | { kind: "html" }
  | { kind: "truncated" }
  | { kind: "empty" }
  | { kind: "huge"; bytes?: number }
  | { kind: "drip"; bytes?: number; everyMs?: number }
  | { kind: "empty-set" }
  | { kind: "many-keys"; count?: number }
  | { kind: "wrong-issuer"; issuer?: string }
);

interface Asked {
  request: Request;
  body: Record<string, unknown>;
  /** An address at which the same document is served without a fault. */
  elsewhere: string;
  answer: (body: string) => Response;
}

/** Answers a request for a document as the fault says. */
export async function spoil(fault: ProviderFault, { request, body, elsewhere, answer }: Asked): Promise<Response> {
  const text = JSON.stringify(body);
  switch (fault.kind) {
    case "status":
      return Response.json(
        { error: "temporarily_unavailable" },
        { status: fault.status, headers: fault.headers ?? {} },
      );
    case "delay":
      await wait(fault.ms, request.signal);
      return answer(text);
    case "hang":
      await wait(60_000, request.signal);
      throw new TypeError("the identity provider never answered");
    case "refused":
      throw new TypeError("connection refused");
    case "redirect":
      return new Response(null, { status: 302, headers: { location: fault.location ?? elsewhere } });
    case "html":
      return new Response("<!doctype html><title>Sign in</title><p>Maintenance", {
        headers: { "content-type": "text/html" },
      });
    case "truncated":
      return answer(text.slice(0, -20));
    case "empty":
      return answer("");
    case "huge":
      return answer(JSON.stringify({ ...body, padding: "x".repeat(fault.bytes ?? 8 * 1024 * 1024) }));
    case "drip":
      return new Response(drip(text, fault.bytes ?? 4, fault.everyMs ?? 100), {
        headers: { "content-type": "application/json" },
      });
    case "empty-set":
      return answer(JSON.stringify("keys" in body ? { keys: [] } : body));
    case "many-keys":
      return answer(JSON.stringify("keys" in body ? { keys: crowd(body.keys as JWK[], fault.count ?? 10_000) } : body));
    case "wrong-issuer":
      return answer(
        JSON.stringify("keys" in body ? body : { ...body, issuer: fault.issuer ?? "https://elsewhere.example" }),
      );
  }
}

/** Adds copies of the first key with other key ids. They are valid keys, and faster to make than new ones. */
function crowd(keys: JWK[], count: number): JWK[] {
  const [first] = keys;
  return [...Array.from({ length: count }, (_, n) => ({ ...first, kid: `other-${n}` })), ...keys];
}

function drip(text: string, bytes: number, everyMs: number): ReadableStream<Uint8Array> {
  const rest = new TextEncoder().encode(text);
  let sent = 0;
  return new ReadableStream({
    async pull(controller) {
      await wait(everyMs);
      controller.enqueue(rest.slice(sent, sent + bytes));
      sent += bytes;
      if (sent >= rest.length) controller.close();
    },
  });
}

function wait(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
