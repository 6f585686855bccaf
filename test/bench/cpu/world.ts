import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";

/**
 * CometChat, KV and the identity provider's keys for the Workers. They run in a thread of their own and do as little as
 * possible, so that the benchmark measures the Workers. CometChat answers after `delay` milliseconds.
 */
export interface World {
  /** The addresses of CometChat's REST API, of the keys, and of KV. */
  readonly cometchat: string;
  readonly jwks: string;
  readonly kv: string;
  /** Returns the number of requests of each kind since the last call. */
  readonly counts: () => Promise<Counts>;
  /** Sets the milliseconds after which CometChat answers. */
  readonly delay: (ms: number) => Promise<void>;
  readonly stop: () => Promise<void>;
}

interface Counts {
  readonly cometchat: number;
  readonly keys: number;
  readonly kvReads: number;
  readonly kvWrites: number;
}

/** Users whose uid begins with this exist in CometChat. All others have to be created. */
export const KNOWN = "known-";

export async function startWorld(jwks: unknown): Promise<World> {
  const thread = new Worker(import.meta.filename, { workerData: { jwks } });
  const [ports] = (await once(thread, "message")) as [{ http: number; kv: number }];
  const ask = async (path: string) => (await fetch(`http://127.0.0.1:${ports.http}${path}`)).json();
  return {
    cometchat: `http://127.0.0.1:${ports.http}/v3`,
    jwks: `http://127.0.0.1:${ports.http}/jwks`,
    kv: `127.0.0.1:${ports.kv}`,
    counts: async () => (await ask("/counts")) as Counts,
    delay: async (ms) => void (await ask(`/delay?ms=${ms}`)),
    stop: async () => void (await thread.terminate()),
  };
}

if (!isMainThread) {
  const none = { cometchat: 0, keys: 0, kvReads: 0, kvWrites: 0 };
  const counts = { ...none };
  const created = new Set<string>();
  const values = new Map<string, string>();
  let delay = 0;

  const bodyOf = async (request: IncomingMessage): Promise<string> => {
    let text = "";
    for await (const chunk of request.setEncoding("utf8")) text += chunk;
    return text;
  };
  const json = (status: number, value: unknown): [number, string] => [status, JSON.stringify(value)];
  const user = (uid: string) => ({ uid, name: uid, status: "offline", createdAt: 1_795_608_000 });
  const token = (uid: string) => `${uid}_${counts.cometchat}0123456789abcdef0123456789`;

  const cometchat = (path: string, body: string): [number, string] => {
    counts.cometchat += 1;
    const isThere = (uid: string) => uid.startsWith(KNOWN) || uid === "alice" || created.has(uid);
    const { pathname, searchParams } = new URL(path, "http://cometchat.example");
    const wanted = searchParams.get("searchKey");
    if (wanted !== null) return json(200, { data: isThere(wanted) ? [user(wanted)] : [] });
    const [, uid, tokens] = /^\/v3\/users(?:\/([^/]+)(\/auth_tokens)?(?:\/[^/]+)?)?$/.exec(pathname) ?? [];
    if (uid === undefined) {
      const { uid: wanted } = JSON.parse(body) as { uid: string };
      if (isThere(wanted)) return json(400, { error: { code: "ERR_UID_ALREADY_EXISTS", details: {} } });
      created.add(wanted);
      return json(200, { data: { ...user(wanted), authToken: token(wanted) } });
    }
    if (!isThere(uid)) return json(404, { error: { code: "ERR_UID_NOT_FOUND", details: {} } });
    return json(200, { data: tokens ? { uid, authToken: token(uid), createdAt: 1_795_608_000 } : user(uid) });
  };

  const http: RequestListener = async (request, response) => {
    const url = request.url ?? "";
    const body = await bodyOf(request);
    let [status, text] = [200, "{}"];
    if (url === "/counts") {
      text = JSON.stringify(counts);
      Object.assign(counts, none);
    } else if (url.startsWith("/delay")) delay = Number(url.split("=")[1]);
    else if (url === "/jwks") {
      counts.keys += 1;
      text = JSON.stringify(workerData.jwks);
    } else {
      [status, text] = cometchat(url, body);
      if (delay > 0) await sleep(delay);
    }
    response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
    response.end(text);
  };

  /** Answers in the protocol of workerd's KV binding. */
  const kv: RequestListener = async (request, response) => {
    const key = decodeURIComponent((request.url ?? "").slice(1).split("?", 1)[0] ?? "");
    const body = await bodyOf(request);
    if (request.method === "GET") counts.kvReads += 1;
    else counts.kvWrites += 1;
    if (request.method === "PUT") values.set(key, body);
    else if (request.method === "DELETE") values.delete(key);
    const value = request.method === "GET" ? values.get(key) : "";
    response.writeHead(value === undefined ? 404 : 200, { "content-length": Buffer.byteLength(value ?? "") });
    response.end(value);
  };

  const listen = async (listener: RequestListener): Promise<number> => {
    const server = createServer({ keepAliveTimeout: 60_000 }, listener).listen(0, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  };
  parentPort?.postMessage({ http: await listen(http), kv: await listen(kv) });
}
