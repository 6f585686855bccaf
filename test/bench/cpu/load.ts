import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** The outcome of `load`. */
export interface Met {
  readonly requests: number;
  readonly seconds: number;
  /** The milliseconds to each answer. */
  readonly times: readonly number[];
}

/**
 * Sends requests for `ms` milliseconds. Each connection sends its next request when the one before is answered. Throws
 * if an answer has another status. It uses plain sockets, because an HTTP client might need more time than the Worker.
 *
 * @param next returns the bytes of a whole request
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

/** Sends one request on a new connection. */
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

/** Reads one answer at each call. An answer ends by its Content-Length, or with its last chunk. */
function reader(socket: Socket): () => Promise<Answer> {
  let pending = "";
  let waiting: { resolve: (answer: Answer) => void; reject: (error: Error) => void } | undefined;
  socket.on("data", (data) => {
    pending += data.toString("latin1");
    const end = endOf(pending);
    if (end === undefined) return;
    const text = pending;
    pending = "";
    waiting?.resolve({ status: Number(text.slice(9, 12)), text });
  });
  const fail = () => waiting?.reject(new Error("the connection was closed"));
  socket.on("error", fail);
  socket.on("close", fail);
  return () =>
    new Promise((resolve, reject) => {
      waiting = { resolve, reject };
    });
}

/** The length of the whole answer. Undefined if the text is not complete yet. */
function endOf(text: string): number | undefined {
  const body = text.indexOf("\r\n\r\n") + 4;
  if (body < 4) return undefined;
  const [, length] = /\r\ncontent-length: (\d+)/i.exec(text) ?? [];
  if (length !== undefined) return text.length >= body + Number(length) ? body + Number(length) : undefined;
  return text.endsWith("0\r\n\r\n") ? text.length : undefined;
}

/** The bytes of a request. */
export function request(method: string, path: string, headers: Readonly<Record<string, string>>): Buffer {
  const lines = Object.entries({ host: "gateway.example", ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  const length = method === "GET" ? "" : "content-length: 0\r\n";
  return Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join("")}${length}\r\n`);
}
