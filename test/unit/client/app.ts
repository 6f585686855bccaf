import { type ChatOptions, type ChatSession, type ChatState, createChatSession } from "../../../src/client/index.ts";

export const GATEWAY = "https://chat-auth.example.com";
export const NOW = Date.UTC(2026, 10, 24, 12, 0, 0);

/** A session as providers issue them: the same user's at each `turn`, and another text. */
export function session(subject: string, turn = 1, issuer = "https://idp.example"): string {
  const part = (value: unknown) =>
    btoa(JSON.stringify(value)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return `${part({ alg: "ES256" })}.${part({ iss: issuer, sub: subject, iat: turn, name: "???>>>" })}.signature${turn}`;
}

/** The user whom such a session names; an opaque text names itself. */
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
  /** What happened, in order: requests, logins, logouts and pauses. */
  readonly journal: string[];
  readonly sent: Sent[];
  /** Milliseconds of each pause. */
  readonly pauses: number[];
  /** Each state that a listener was told. */
  readonly states: ChatState[];
  /** The gateway's answers to come; after them it answers as it does when all is well. */
  readonly answers: Answer[];
  /** What the app's session is. */
  session: string | undefined;
  /** The clock, in milliseconds since 1970. */
  now: number;
}

/** An app around a chat session: a gateway, CometChat's SDK and a clock that do as the test says. */
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

/** The gateway when all is well. */
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

/** A promise and what settles it. */
export function gate<T = void>(): { promise: Promise<T>; open: (value: T) => void; fail: (error: unknown) => void } {
  let open: (value: T) => void = () => undefined;
  let fail: (error: unknown) => void = () => undefined;
  const promise = new Promise<T>((resolve, reject) => {
    open = resolve;
    fail = reject;
  });
  return { promise, open, fail };
}

/** Lets everything happen that waits for nothing outside. */
export async function rest(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await new Promise((done) => setTimeout(done));
}

/** CometChat's own rejection. */
export const exception = (code: string | number, name = "CometChatException", message = "Please try again.") =>
  Object.assign(new Error(message), { code, name });

/** What a promise rejects with. */
export const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (value) => {
      throw new Error(`resolved with ${JSON.stringify(value)}`);
    },
    (error: unknown) => error,
  );
