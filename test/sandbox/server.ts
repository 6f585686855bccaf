import { createHash, createPublicKey } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { generate } from "selfsigned";
import type { Upgrade } from "./socket.ts";

export type Fetch = (request: Request) => Promise<Response>;

export interface Listener {
  port: number;
  close(): Promise<void>;
}

/** A request listener for Node. If `fetch` throws, there is no answer, and the connection is reset. */
function listenerOf(fetch: Fetch): RequestListener {
  type Bindings = { incoming: IncomingMessage; outgoing: ServerResponse };
  return getRequestListener(
    async (request, { incoming }) => {
      try {
        return await fetch(request);
      } catch {
        (incoming as Bindings["incoming"]).socket.resetAndDestroy();
        return RESPONSE_ALREADY_SENT;
      }
    },
    { overrideGlobalObjects: false },
  );
}

/** Listens for HTTP on 127.0.0.1, and on ::1 if the machine has IPv6. A browser may use either one for `localhost`. */
export async function listen(fetch: Fetch, port: number, upgrade?: Upgrade): Promise<Listener> {
  const listener = listenerOf(fetch);
  const create = () => upgradable(createServer(listener), upgrade);
  const ipv4 = await bind(create(), port, "127.0.0.1");
  const bound = (ipv4.address() as AddressInfo).port;
  const ipv6 = await bind(create(), bound, "::1").catch(() => undefined);
  return {
    port: bound,
    close: async () => {
      await Promise.all([ipv4, ipv6].map((server) => server && close(server)));
    },
  };
}

export interface TlsListener extends Listener {
  /** Base64 SHA-256 of the certificate's public key, for Chromium's `--ignore-certificate-errors-spki-list`. */
  spki: string;
}

/** Listens for TLS on 127.0.0.1. The certificate is new for each run and only in memory. Its name does not matter. */
export async function listenTls(fetch: Fetch, upgrade?: Upgrade): Promise<TlsListener> {
  const { private: key, cert } = await generate([{ name: "commonName", value: "sandbox.invalid" }], { keyType: "ec" });
  const spki = createPublicKey(cert).export({ type: "spki", format: "der" });
  const server = await bind(upgradable(createTlsServer({ key, cert }, listenerOf(fetch)), upgrade), 0, "127.0.0.1");
  return {
    port: (server.address() as AddressInfo).port,
    spki: createHash("sha256").update(spki).digest("base64"),
    close: () => close(server),
  };
}

/** Whether a port is in use already. It is checked before anything is started. */
export async function inUse(port: number): Promise<boolean> {
  for (const host of ["127.0.0.1", "::1"]) {
    try {
      await close(await bind(createServer(), port, host));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EADDRINUSE") return true;
      if (host === "127.0.0.1") throw error;
    }
  }
  return false;
}

function upgradable(server: Server, upgrade?: Upgrade): Server {
  return upgrade ? server.on("upgrade", upgrade) : server;
}

async function bind(server: Server, port: number, host: string): Promise<Server> {
  server.listen(port, host);
  await once(server, "listening");
  return server;
}

async function close(server: Server): Promise<void> {
  const closed = once(server, "close");
  server.close();
  server.closeAllConnections();
  await closed;
}
