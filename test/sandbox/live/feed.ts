import type { Fetch } from "../server.ts";

/** Log lines that a visitor who comes later still gets. */
const KEPT = 300;
/** So that a proxy, or a laptop that slept, notices a dead connection. */
const HEARTBEAT_MS = 15_000;

export interface Feed {
  /** One line of the gateway's log; what is no JSON, and the sandbox's own questions whether it is up, are left out. */
  readonly write: (line: string) => void;
  /** `GET /live/lines`: the lines so far and then each as it comes, as server-sent events. */
  readonly fetch: Fetch;
  /** Ends the streams that are open. */
  readonly close: () => void;
}

/** The gateway's log as a stream: the live view shows these lines and asks nobody else. */
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
          const heartbeat = setInterval(send, HEARTBEAT_MS, ": still here\n\n");
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
