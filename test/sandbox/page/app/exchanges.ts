import { createStore } from "./store.ts";

/** One request to the gateway and its answer. The auth token in it is shortened. */
export interface Exchange {
  id: number;
  method: string;
  path: string;
  fresh: boolean;
  at: number;
  /** Undefined until the answer comes. 0 if no answer came. */
  status?: number;
  timing?: string;
  retryAfter?: string;
  problem?: Record<string, unknown>;
  answer?: Record<string, unknown>;
  /** The milliseconds that the client waits before it tries again. */
  pause?: number;
}

export const exchanges = createStore<readonly Exchange[]>([]);

function change(id: number, more: Partial<Exchange>): void {
  exchanges.set(exchanges.get().map((one) => (one.id === id ? { ...one, ...more } : one)));
}

/** `fetch` for the client package. It records each request for this page. An application leaves it out. */
export async function watchedFetch(input: string, init: RequestInit): Promise<Response> {
  const id = (exchanges.get().at(-1)?.id ?? 0) + 1;
  const { method = "GET", body } = init;
  const fresh = typeof body === "string" && body.includes('"fresh":true');
  const entry = { id, method, path: new URL(input).pathname, fresh, at: Date.now() };
  exchanges.set([...exchanges.get(), entry].slice(-12));
  try {
    const response = await fetch(input, init);
    const { status, ok, headers } = response;
    const timing = headers.get("server-timing");
    const retryAfter = headers.get("retry-after");
    const json = status === 204 ? undefined : ((await response.clone().json()) as Record<string, unknown>);
    const { authToken, ...rest } = json ?? {};
    const answer = { ...rest, ...(typeof authToken === "string" && { authToken: shorten(authToken) }) };
    change(id, {
      status,
      ...(timing && { timing }),
      ...(retryAfter && { retryAfter }),
      ...(json && (ok ? { answer } : { problem: json })),
    });
    return response;
  } catch (error) {
    change(id, { status: 0 });
    throw error;
  }
}

/** The milliseconds that the client waits before it tries again. Undefined while it does not wait. */
export const pause = createStore<number | undefined>(undefined);

/** `sleep` for the client package. It lets the page show the pause. */
export async function watchedSleep(ms: number): Promise<void> {
  const last = exchanges.get().at(-1);
  if (last && last.status !== undefined) change(last.id, { pause: ms });
  pause.set(ms);
  await new Promise((resolve) => setTimeout(resolve, ms));
  pause.set(undefined);
}

/** Shortens a token. Two tokens still look different, and nobody can use the short form. */
export function shorten(token: string): string {
  return token.length > 28 ? `${token.slice(0, 16)}…${token.slice(-6)}` : token;
}
