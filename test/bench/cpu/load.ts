import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** What a burst of requests met. */
export interface Met {
  readonly requests: number;
  readonly seconds: number;
  /** Milliseconds of each answer. */
  readonly times: readonly number[];
}

/**
 * Sends requests for `ms` milliseconds, on so many connections, the next when the one before is answered. Plain sockets:
 * a client that takes more than the Worker would be measuring itself. Fails on an answer with another status.
 *
 * @param next the bytes of a whole request
 */
export async function load(
  port: number,
  next: () => Buffer,
  { connections, ms, status }: { readonly connections: number; readonly ms: number; readonly status: number },
): Promise<Met> {
  const sockets = await Promise.all(Array.from({ length: connections }, () => open(port)));
  const times: number[] = [];
  const begun = performance.now();
  await Promise.all(
    sockets.map(async (socket) => {
      const read = reader(socket);
      while (performance.now() - begun < ms) {
        const sent = performance.now();
        socket.write(next());
        const answer = await read();
        if (answer.status !== status) throw new Error(`answered ${answer.status} instead of ${status}: ${answer.text}`);
        times.push(performance.now() - sent);
      }
      socket.destroy();
    }),
  );
  return { requests: times.length, seconds: (performance.now() - begun) / 1000, times };
}

/** Sends one request, on a connection of its own. */
export async function send(port: number, bytes: Buffer): Promise<Answer> {
  const socket = await open(port);
  const read = reader(socket);
  socket.write(bytes);
  const answer = await read();
  socket.destroy();
  return answer;
}

async function open(port: number): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  await once(socket, "connect");
  return socket;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Reads one answer after the other: by its Content-Length, or to the last chunk. */
function reader(socket: Socket): () => Promise<Answer> {
  let pending = "";
  let settle: { resolve: (answer: Answer) => void; reject: (error: Error) => void } | undefined;
  socket.on("data", (data) => {
    pending += data.toString("latin1");
    const end = endOf(pending);
    if (end === undefined) return;
    const text = pending;
    pending = "";
    settle?.resolve({ status: Number(text.slice(9, 12)), text });
  });
  const gone = () => settle?.reject(new Error("the connection was closed"));
  socket.on("error", gone);
  socket.on("close", gone);
  return () =>
    new Promise((resolve, reject) => {
      settle = { resolve, reject };
    });
}

/** Where an answer ends; undefined while there is more to come. */
function endOf(text: string): number | undefined {
  const body = text.indexOf("\r\n\r\n") + 4;
  if (body < 4) return undefined;
  const [, length] = /\r\ncontent-length: (\d+)/i.exec(text) ?? [];
  if (length !== undefined) return text.length >= body + Number(length) ? body + Number(length) : undefined;
  return text.endsWith("0\r\n\r\n") ? text.length : undefined;
}

/** A request as it goes over the wire. */
export function request(method: string, path: string, headers: Readonly<Record<string, string>>): Buffer {
  const lines = Object.entries({ host: "gateway.example", ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  const length = method === "GET" ? "" : "content-length: 0\r\n";
  return Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join("")}${length}\r\n`);
}
