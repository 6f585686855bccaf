import { type ChatOptions, type ChatSession, type ChatState, createChatSession } from "../../../src/client/index.ts";

export const GATEWAY = "https://chat-auth.example.com";
export const NOW = Date.UTC(2026, 10, 24, 12, 0, 0);

/** A session in the form of a JWT. With another `turn` it is another session of the same user. */
export function session(subject: string, turn = 1, issuer = "https://idp.example"): string {
  const part = (value: unknown) =>
    btoa(JSON.stringify(value)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return `${part({ alg: "ES256" })}.${part({ iss: issuer, sub: subject, iat: turn, name: "???>>>" })}.signature${turn}`;
}

/** The subject of such a session. Of an opaque text it is the text itself. */
export function subjectOf(text: string): string {
  const payload = text.split(".")[1];
  if (payload === undefined) return text;
  return (JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/"))) as { sub: string }).sub;
}

export interface Sent {
  readonly method: string;
  readonly url: string;
  readonly session: string | undefined;
  readonly body: unknown;
  readonly init: RequestInit;
}

type Answer = Response | Error | ((sent: Sent) => Response | Promise<Response>);

export interface App {
  readonly chat: ChatSession;
  /** Requests, logins, logouts and pauses, in order. */
  readonly journal: string[];
  readonly sent: Sent[];
  /** The milliseconds of each pause. */
  readonly pauses: number[];
  /** Each state that a listener got. */
  readonly states: ChatState[];
  /** The gateway's next answers. After them, each of its answers is a success. */
  readonly answers: Answer[];
  /** The session that the app gives. */
  session: string | undefined;
  /** The clock, in milliseconds since 1970. */
  now: number;
}

/** A chat session with a gateway, an SDK of CometChat and a clock that the test controls. */
export function app(options: Partial<ChatOptions> & { readonly cookie?: boolean } = {}): App {
  const { cookie = false, ...rest } = options;
  const journal: string[] = [];
  const sent: Sent[] = [];
  const pauses: number[] = [];
  const states: ChatState[] = [];
  const answers: Answer[] = [];
  const own = { journal, sent, pauses, states, answers, session: session("alice") as string | undefined, now: NOW };
  const chat = createChatSession({
    gateway: GATEWAY,
    ...(!cookie && { session: async () => own.session }),
    login: async ({ authToken }) => {
      journal.push(`login ${authToken}`);
    },
    logout: async () => {
      journal.push("logout");
    },
    fetch: async (url, init) => {
      const authorization = (init.headers as Record<string, string>).Authorization;
      const call: Sent = {
        method: `${init.method}`,
        url,
        session: authorization?.replace("Bearer ", ""),
        body: init.body && JSON.parse(String(init.body)),
        init,
      };
      sent.push(call);
      journal.push(`${call.method} ${url.slice(GATEWAY.length)}`);
      const answer = answers.shift() ?? well;
      if (answer instanceof Error) throw answer;
      return answer instanceof Response ? answer : answer(call);
    },
    sleep: async (ms) => {
      pauses.push(ms);
      journal.push("pause");
    },
    now: () => own.now,
    ...rest,
  });
  chat.subscribe((state) => {
    states.push(state);
  });
  return Object.assign(own, { chat });
}

let minted = 0;

/** The gateway's success. */
export function well({ method, session: who }: Sent): Response {
  if (method === "DELETE") return new Response(null, { status: 204 });
  minted += 1;
  return token(subjectOf(who ?? "cookie"), `t${minted}`);
}

export const token = (uid: string, authToken = `${uid}-token`, more: object = {}): Response =>
  Response.json({ authToken, uid, appId: "275300000000000a", region: "us", created: false, ...more }, { status: 201 });

export const problem = (status: number, code: string, headers: Record<string, string> = {}): Response =>
  new Response(JSON.stringify({ type: "about:blank", title: "No.", status, code, requestId: `id-of-${code}` }), {
    status,
    headers: { "Content-Type": "application/problem+json", ...headers },
  });

/** A promise, and the functions that resolve and reject it. */
export function gate<T = void>(): { promise: Promise<T>; open: (value: T) => void; fail: (error: unknown) => void } {
  let open: (value: T) => void = () => undefined;
  let fail: (error: unknown) => void = () => undefined;
  const promise = new Promise<T>((resolve, reject) => {
    open = resolve;
    fail = reject;
  });
  return { promise, open, fail };
}

/** Waits until all work is done that does not wait for the test. */
export async function rest(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await new Promise((done) => setTimeout(done));
}

/** An error of CometChat's SDK. */
export const exception = (code: string | number, name = "CometChatException", message = "Please try again.") =>
  Object.assign(new Error(message), { code, name });

/** The error with which a promise rejects. */
export const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (value) => {
      throw new Error(`resolved with ${JSON.stringify(value)}`);
    },
    (error: unknown) => error,
  );
