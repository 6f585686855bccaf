import type { Fetch } from "../server.ts";

/** The number of earlier log lines that a new visitor gets. */
const KEPT = 300;
/**
 * The time between heartbeats. Without them, a proxy or a laptop after its sleep would not notice a dead connection.
 */
const HEARTBEAT_MS = 15_000;

export interface Feed {
  /** Adds a line. Lines that are not JSON, and those of the sandbox's own health checks, are left out. */
  readonly write: (line: string) => void;
  /** Answers `GET /live/lines` with server-sent events: the earlier lines, and then each new one. */
  readonly fetch: Fetch;
  /** Ends all open streams. */
  readonly close: () => void;
}

/** The gateway's log as a stream. The live view shows these lines, and has no other source. */
export function createFeed(): Feed {
  const kept: string[] = [];
  const open = new Set<(text: string | undefined) => void>();
  const encoder = new TextEncoder();

  return {
    write(line) {
      if (!line.startsWith("{") || line.includes('"route":"/healthz"')) return;
      const event = `data: ${JSON.stringify({ at: Date.now(), line: JSON.parse(line) })}\n\n`;
      kept.push(event);
      if (kept.length > KEPT) kept.shift();
      for (const send of open) send(event);
    },
    async fetch() {
      let stop = () => {};
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          const send = (text: string | undefined) => {
            if (text === undefined) controller.close();
            else controller.enqueue(encoder.encode(text));
          };
          const heartbeat = setInterval(send, HEARTBEAT_MS, ": heartbeat\n\n");
          stop = () => {
            clearInterval(heartbeat);
            open.delete(send);
          };
          open.add(send);
          send(`retry: 1000\n\n${kept.join("")}`);
        },
        cancel: () => stop(),
      });
      return new Response(body, { headers: { "content-type": "text/event-stream", "cache-control": "no-store" } });
    },
    close() {
      for (const send of open) send(undefined);
      open.clear();
    },
  };
}
