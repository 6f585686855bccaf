import { type Answer, isCode, refuse } from "./answers.ts";
import { type Call, type Handlers, type Located, locate } from "./calls.ts";
import { type Chats, chatStore } from "./chats.ts";
import { clientCalls, preflight } from "./client.ts";
import { control } from "./control.ts";
import { ConnectionReset, play } from "./effects.ts";
import { type Faults, faults as faultList } from "./faults.ts";
import { importCalls } from "./imports.ts";
import { bodyProblem, concerned, type Incoming, receive } from "./incoming.ts";
import { type Journal, journal as newJournal } from "./journal.ts";
import { type SimulatorOptions, type Switches, sleep as sleepFor } from "./options.ts";
import { rates as rateLimits } from "./rates.ts";
import { roleCalls } from "./roles.ts";
import { isObject } from "./rules.ts";
import { tokenCalls, tokenStore } from "./tokens.ts";
import { type User, userCalls, userStore } from "./users.ts";
import { seconds, type World } from "./world.ts";

export { ConnectionReset } from "./effects.ts";
export type { Effect } from "./faults.ts";
export type { SimulatorOptions } from "./options.ts";

export interface Simulator {
  /**
   * Answers the REST API, the client API and `/_sim/…`. Takes the arguments of `fetch`, and rejects as `fetch` does.
   */
  fetch: (input: Request | string | URL, init?: RequestInit) => Promise<Response>;
  /** Copies of all users. Deactivated users are among them. */
  users: () => User[];
  user: (uid: string) => User | undefined;
  /** The user's auth tokens that work, newest first. */
  tokens: (uid: string) => string[];
  /** Creates a user, or changes an existing one, without a call. */
  seed: (user: Partial<User> & { uid: string }) => void;
  /** Makes an auth token without a call. */
  mint: (uid: string) => string;
  /** The uid whose login gave this `jwt`, by which the SDK authenticates on a WebSocket. */
  whose: (jwt: string) => string | undefined;
  /** The messages and groups. */
  chats: Chats;
  journal: Journal;
  faults: Faults;
  /** Puts everything back to the start: users, tokens, roles, chats, faults, journal, rate limits and switches. */
  reset: () => void;
  /** Changes switches, or replaces all keys. `undefined` puts a switch back to its default. */
  set: (change: Change) => void;
}

type Change = Switches & Partial<Pick<SimulatorOptions, "keys">>;

/** Simulates one CometChat app: its REST API v3, and the part of its client API that the SDK and the UI Kit call. */
export function createSimulator(options: SimulatorOptions): Simulator {
  const { appId, region, keys: given, onMint, onUser, onMessage, ...others } = options;
  const { now = Date.now, sleep = sleepFor, random = Math.random, ...initial } = others;
  const switches: Switches = { ...initial };
  let keys = given;
  const users = userStore();
  const tokens = tokenStore(now, () => switches.tokenLifetime, onMint);
  const chats = chatStore();
  const roles = new Set<string>();
  const world: World = { appId, region, switches, now, sleep, users, tokens, chats, roles, onUser, onMessage };
  const rates = rateLimits(now, switches);
  const journal = newJournal();
  const { faults, strike } = faultList(random);
  const handlers: Handlers = {
    ...userCalls(world),
    ...tokenCalls(world),
    ...roleCalls(world),
    ...importCalls(world),
    ...clientCalls(world),
  };

  function set({ keys: others, ...change }: Change): void {
    if (others) keys = others;
    Object.assign(switches, change);
    if ("roles" in change) assignRoles();
  }

  function assignRoles(): void {
    world.roles.clear();
    for (const role of ["default", ...(switches.roles ?? [])]) world.roles.add(role);
  }

  function reset(): void {
    for (const name of Object.keys(switches)) delete switches[name as keyof Switches];
    set({ ...initial, keys: given });
    assignRoles();
    users.clear();
    tokens.clear();
    chats.clear();
    rates.clear();
    faults.clear();
    journal.clear();
    if (switches.sampleUsers === false) return;
    for (const number of [1, 2, 3, 4, 5]) seed({ uid: `cometchat-uid-${number}`, name: `Sample User ${number}` });
  }

  function seed(user: Partial<User> & { uid: string }): void {
    const uid = user.uid.toLowerCase();
    const there = users.find(uid);
    if (there) Object.assign(there, user, { uid });
    else users.insert({ name: uid, role: "default", status: "offline", createdAt: seconds(world), ...user, uid });
  }

  /** Does the call, or refuses it for the first problem that it has. */
  async function serve(located: Located, request: Incoming): Promise<Answer> {
    const { surface, name, version, app } = located;
    const named = app?.id ?? (surface === "client" ? request.headers.get("appid") : null) ?? appId;
    if (!located.hosted || named !== appId || (app && app.region !== region)) {
      return refuse("AUTH_ERR_INVALID_APPID", { app: named });
    }
    if (name === "preflight") return preflight;
    const scope = Object.hasOwn(keys, request.key) ? keys[request.key] : undefined;
    if (surface === "rest") {
      if (request.key === "") return refuse("AUTH_ERR_EMPTY_APIKEY");
      if (!scope) return refuse("AUTH_ERR_APIKEY_NOT_FOUND", { key: request.key });
    }
    const limited = rates.count(name);
    if (limited) return limited;
    if (version !== "v3" && version !== "v3.0") {
      return refuse(/^v\d/.test(version) ? "ERR_INVALID_API_VERSION" : "ERR_API_NOT_FOUND");
    }
    const handle = handlers[name];
    if (!handle) return refuse("ERR_API_NOT_FOUND");
    // CometChat's pages contradict each other about an `authOnly` key. It may surely mint, and very probably create.
    if (surface === "rest" && scope === "authOnly" && name !== "mint" && name !== "create") {
      return refuse("AUTH_ERR_NO_ACCESS", { key: request.key });
    }
    const problem = bodyProblem(located, request);
    if (problem) return refuse("ERR_BAD_REQUEST", {}, { body: [problem] });
    const { uid, item } = located;
    const { query, authToken, signal } = request;
    const body = isObject(request.body) ? request.body : {};
    const device = request.headers.get("resource") ?? "";
    const call: Call = { name, surface, uid, item, query, body, authToken, device, signal };
    return await handle(call);
  }

  async function answer(request: Request, url: URL, signal: AbortSignal | undefined): Promise<Response> {
    const located = locate(request.method, url, request.headers);
    const incoming = await receive(request, url, signal);
    const uids = concerned(located, incoming, tokens.find(incoming.authToken)?.uid);
    const entry = journal.add({
      at: now(),
      surface: located.surface,
      call: located.name,
      method: request.method,
      host: url.host,
      path: url.pathname + url.search,
      uid: uids[0] ?? "",
      headers: [...request.headers.keys()].sort(),
      body: incoming.body,
      redirect: request.redirect,
      ...(located.surface === "client" && incoming.authToken && { authToken: incoming.authToken }),
    });
    const struck = strike(entry, uids);
    if (struck.id) entry.fault = struck.id;
    try {
      signal?.throwIfAborted();
      if (struck.effect?.kind === "refuse") throw new ConnectionReset("refused");
      const { latency } = switches;
      const wait =
        (typeof latency === "function" ? latency() : (latency ?? 0)) + struck.delays.reduce((a, b) => a + b, 0);
      if (wait > 0) await sleep(wait, signal);
      const scene = { call: located.name, key: incoming.key, uid: entry.uid, signal, sleep };
      const carryOut = async () => restated(await serve(located, incoming), switches);
      const made = await (struck.effect ? play(struck.effect, { ...scene, serve: carryOut }) : carryOut());
      const response = render(made, located.surface, rates.headers(located.name));
      Object.assign(entry, { outcome: "answered", status: response.status });
      return response;
    } catch (error) {
      if (error instanceof ConnectionReset) entry.outcome = error.stage;
      else if (signal?.aborted) entry.outcome = "aborted";
      throw error;
    }
  }

  reset();
  return {
    fetch: async (input, init) => {
      const request = input instanceof Request && !init ? input : new Request(input, init);
      const url = new URL(request.url);
      if (url.pathname.startsWith("/_sim/")) {
        return await control(request, url.pathname, { world, journal, faults, set, reset });
      }
      return await answer(request, url, init?.signal ?? request.signal ?? undefined);
    },
    users: () => users.all().map((user) => ({ ...user })),
    user: (uid) => {
      const user = users.find(uid.toLowerCase());
      return user && { ...user };
    },
    tokens: (uid) => tokens.of(uid.toLowerCase()).map((token) => token.authToken),
    seed,
    mint: (uid) => tokens.mint(uid.toLowerCase()).authToken,
    chats,
    whose: (jwt) => tokens.byJwt(jwt)?.uid,
    journal,
    faults,
    reset,
    set,
  };
}

/** Replaces the status of a code that the switch `statuses` lists. */
function restated(answer: Answer, { statuses }: Switches): Answer {
  if (!statuses || !isObject(answer.json) || !isObject(answer.json.error)) return answer;
  const { code } = answer.json.error;
  const status = typeof code === "string" && isCode(code) ? statuses[code] : undefined;
  return status ? { ...answer, status } : answer;
}

function render({ status, json, raw, headers }: Answer, surface: Located["surface"], rate: Record<string, string>) {
  const all = new Headers({ "content-type": "application/json", ...rate });
  // Without this header the browser would hide even an error from the SDK.
  if (surface === "client") all.set("access-control-allow-origin", "*");
  for (const [name, value] of Object.entries(headers ?? {})) all.set(name, value);
  if (raw === null) all.delete("content-type");
  return new Response(raw === undefined ? JSON.stringify(json) : raw, { status, headers: all });
}
