import type { Located } from "./calls.ts";
import { isObject, limits } from "./rules.ts";

/** A request whose body has been read. */
export interface Incoming {
  method: string;
  headers: Headers;
  query: URLSearchParams;
  key: string;
  authToken: string;
  /** The parsed JSON, or the text if it is not JSON. Undefined if there is no body. */
  body: unknown;
  bytes: number;
  json: boolean;
  signal: AbortSignal | undefined;
}

/** Reads a request to its end. A server does so before it checks the request. */
export async function receive(request: Request, url: URL, signal: AbortSignal | undefined): Promise<Incoming> {
  const { method, headers } = request;
  const bytes = new Uint8Array(await request.arrayBuffer());
  const text = new TextDecoder().decode(bytes);
  let body: unknown;
  let json = false;
  if (text !== "") {
    body = text;
    try {
      body = JSON.parse(text);
      // JSON is UTF-8. The decoder above has replaced wrong bytes; this one throws at them.
      new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes);
      json = true;
    } catch {}
  }
  const key = headers.get("apikey") ?? "";
  const authToken = headers.get("authtoken") ?? "";
  return { method, headers, query: url.searchParams, key, authToken, body, bytes: bytes.length, json, signal };
}

/** The problem of a body. It has to be a JSON object of at most 10 KB, with that Content-Type (documented). */
export function bodyProblem({ name, surface }: Located, incoming: Incoming): string | undefined {
  const { headers, method, body, bytes, json } = incoming;
  if (method === "GET") return undefined;
  const type = headers.get("content-type");
  const said = type !== null && /^application\/json\s*(?:;|$)/i.test(type);
  if (body === undefined) return type === null || said ? undefined : "The Content-Type must be application/json.";
  if (!said) return "The Content-Type must be application/json.";
  if (!json || !isObject(body)) return "The body must be a JSON object.";
  if (surface === "rest" && name !== "import" && bytes > limits.body) return "The body may not be greater than 10 KB.";
  return undefined;
}

/** The uids that a call is about. The journal records the first, and faults for one user need them. */
export function concerned({ uid, surface }: Located, { body }: Incoming, own: string | undefined): string[] {
  if (surface === "client") return own ? [own] : [];
  if (uid) return [uid];
  if (!isObject(body)) return [];
  const many = [body.uidsToDeactivate, body.uidsToActivate].find(Array.isArray) ?? [body.uid];
  const uids = isObject(body.users) ? Object.keys(body.users) : many;
  return uids.filter((one) => typeof one === "string").map((one) => one.toLowerCase());
}
