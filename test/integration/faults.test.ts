import { describe, expect, test } from "vitest";
import type { Code } from "../../src/errors.ts";
import type { Effect } from "../sandbox/cometchat/index.ts";
import { deleteInDashboard } from "../support/dashboard.ts";
import { sleep, virtualTime } from "../support/time.ts";
import {
  API_KEY,
  bodyOf,
  createWorld,
  ISSUER,
  type ProblemAnswer,
  type World,
  type WorldOptions,
} from "../support/world.ts";

virtualTime();

/** The time of a request in milliseconds. The default is 8,000. */
const DEADLINE = 500;

type Expected = 201 | `${number} ${Code}`;
const down: Expected = "503 cometchat-unavailable";
const refused: Expected = "502 cometchat-rejected";
const limited: Expected = "503 cometchat-rate-limited";
const late: Expected = "504 cometchat-timeout";

const error = (code: string, more: { status?: number; headers?: Record<string, string> } = {}): Effect => ({
  kind: "error",
  code,
  ...more,
});
const tooMany = (value?: string) => error("ERR_TOO_MANY_REQUESTS", value ? { headers: { "Retry-After": value } } : {});

/** The answer if the fault affects one call, and if it affects all. It is the same for unknown and known users. */
const faults: readonly [name: string, effect: Effect, once: Expected, always: Expected][] = [
  // The connection
  ["no connection", { kind: "refuse" }, 201, down],
  ["the connection is reset", { kind: "reset" }, 201, down],
  ["the call is done, and its answer lost", { kind: "drop" }, 201, down],
  ["the answer is cut off", { kind: "cut" }, 201, down],
  ["the call is done, and answered as failed", { kind: "partial" }, 201, down],
  // Time
  ["no answer", { kind: "hang" }, 201, late],
  ["headers, and then silence", { kind: "silence" }, 201, late],
  ["one byte each second", { kind: "drip" }, 201, late],
  ["an answer after 100 ms", { kind: "delay", ms: 100 }, 201, 201],
  ["an answer after the deadline", { kind: "delay", ms: 2 * DEADLINE }, 201, late],
  // Wrong answers
  ["a page, with 200", { kind: "html", status: 200 }, 201, down],
  ["nothing, with 200", { kind: "empty" }, 201, down],
  ["no content", { kind: "empty", status: 204 }, 201, down],
  ["an empty object", { kind: "answer", status: 200, body: "{}" }, 201, down],
  ["half of the JSON", { kind: "truncated" }, 201, down],
  ["10 MB", { kind: "huge" }, 201, down],
  ["a redirect", { kind: "redirect", location: "https://elsewhere.example/v3/users" }, 201, down],
  ["no token", { kind: "token", value: "absent" }, 201, down],
  ["an empty token", { kind: "token", value: "empty" }, 201, down],
  ["null as token", { kind: "token", value: "null" }, 201, down],
  ["a number as token", { kind: "token", value: "number" }, 201, down],
  ["another user's token", { kind: "token", value: "foreign" }, 201, down],
  // Passing faults, some with a 4xx status
  ["a proxy's 502", { kind: "html" }, 201, down],
  ["503 without a body", { kind: "empty", status: 503 }, 201, down],
  ["a database that failed", error("ERR_OPERATION_FAILED"), 201, down],
  ["a database that failed, as 400", error("ERR_OPERATION_FAILED", { status: 400 }), 201, down],
  ["a fatal error", error("ERR_MISSION_FAILED"), 201, down],
  ["an exception", error("ERR_EXCEPTION"), 201, down],
  ["a bad error response", error("ERR_BAD_ERROR_RESPONSE"), 201, down],
  ["a user who was not created completely", error("ERR_WS_USER_CREATION_FAILED"), 201, down],
  ["an unknown code, as 500", error("ERR_OF_TOMORROW", { status: 500 }), 201, down],
  // Refusals, which a repeated call would not change
  ["a wrong key", { kind: "wrongKey" }, refused, refused],
  ["a wrong key, as 401", error("AUTH_ERR_APIKEY_NOT_FOUND", { status: 401 }), refused, refused],
  ["an authOnly key", error("AUTH_ERR_NO_ACCESS"), refused, refused],
  ["no key", error("AUTH_ERR_EMPTY_APIKEY"), refused, refused],
  ["a wrong app or region", error("AUTH_ERR_INVALID_APPID"), refused, refused],
  ["a wrong address", error("ERR_API_NOT_FOUND"), refused, refused],
  ["a wrong version", error("ERR_INVALID_API_VERSION"), refused, refused],
  ["the plan's limit of users", error("ERR_PLAN_QUOTA_RESTRICTION"), refused, refused],
  ["a feature outside the plan", error("ERR_PLAN_RESTRICTION"), refused, refused],
  ["a subscription that has ended", error("ERR_SUBSCRIPTION_EXPIRED"), refused, refused],
  ["a failed validation", error("ERR_BAD_REQUEST"), refused, refused],
  ["an unknown code, as 400", error("ERR_OF_TOMORROW", { status: 400 }), refused, refused],
  ["an unknown code, as 404", error("ERR_OF_TOMORROW", { status: 404 }), refused, refused],
  ["a firewall's page, with 403", { kind: "html", status: 403 }, down, down],
  // The rate limit
  ["429, for 30 seconds", tooMany("30"), limited, limited],
  ["429, until a date", tooMany("Fri, 31 Dec 9999 23:59:59 GMT"), limited, limited],
  ["429, without a time", tooMany(), limited, limited],
  ["429, for a billion seconds", tooMany("1000000000"), limited, limited],
];

/** A world with a short time for requests. Its clock can be moved past the end of the gateway's memory of a fault. */
function hastyWorld(options: WorldOptions = {}) {
  let moved = 0;
  const world = createWorld({
    ...options,
    env: { REQUEST_TIMEOUT_MS: DEADLINE, ...options.env },
    deps: { now: () => Date.now() + moved, random: () => 0, ...options.deps },
    simulator: { sampleUsers: false, ...options.simulator },
    // RSA keys take a while to make, and there are many worlds.
    provider: { algorithms: ["ES256"] },
  });
  return {
    ...world,
    pass: (ms: number) => {
      moved += ms;
    },
  };
}

/** Neither the answer nor the log has a secret or a text of CometChat in it. */
function nothingLeaks(world: World, text: string) {
  const all = text + JSON.stringify(world.lines);
  expect(all).not.toContain(API_KEY);
  expect(all).not.toMatch(/Something went wrong|Please |Bad Gateway|elsewhere/);
  for (const user of world.simulator.users()) {
    for (const token of world.simulator.tokens(user.uid)) expect(JSON.stringify(world.lines)).not.toContain(token);
  }
}

async function signsIn(world: World, subject = "alice") {
  const response = await world.signIn({ subject });
  const answer = await bodyOf(response);
  expect(response.status).toBe(201);
  expect(answer).toMatchObject({ uid: subject });
  expect(world.simulator.tokens(subject)).toContain(answer.authToken);
  return answer;
}

const cells = faults.flatMap(([name, effect, once, always]) =>
  (["unknown", "known"] as const).flatMap((user) => [
    { name, effect, user, times: 1, expected: once },
    { name, effect, user, times: Number.POSITIVE_INFINITY, expected: always },
  ]),
);

describe("a sign-in is answered in time with the right code, and works after the fault:", () => {
  test.each(
    cells.map((cell) => [cell.name, cell.times === 1 ? "once" : "always", cell.user, cell.expected, cell] as const),
  )("%s, %s, %s user: %s", async (_name, _often, _user, _expected, { effect, user, times, expected }) => {
    const world = hastyWorld();
    // The provider's keys are fetched before, since this test is about CometChat.
    await signsIn(world, "somebody");
    if (user === "known") await signsIn(world);

    const id = world.simulator.faults.add({ match: "any", times, effect });
    const session = await world.provider.issue({ subject: "alice" });
    const begun = Date.now();
    const response = await world.ask("/v1/token", { method: "POST", headers: { authorization: `Bearer ${session}` } });
    expect(Date.now() - begun).toBeLessThanOrEqual(DEADLINE);
    const text = await response.text();
    if (expected === 201) {
      expect(response.status, text).toBe(201);
      expect(world.simulator.tokens("alice")).toContain(JSON.parse(text).authToken);
    } else {
      const problem = JSON.parse(text) as ProblemAnswer;
      expect(`${response.status} ${problem.code}`).toBe(expected);
      // A client that has to wait gets the time, which is never hours.
      const wait = response.headers.get("retry-after");
      if (response.status === 503) expect(Number(wait)).toBeGreaterThanOrEqual(1);
      if (wait !== null) expect(Number(wait)).toBeLessThanOrEqual(60);
    }
    nothingLeaks(world, expected === 201 ? "" : text);
    // No redirect is followed, since the request has the API key.
    expect(world.simulator.journal.entries.filter(({ redirect }) => redirect !== "manual")).toEqual([]);

    world.simulator.faults.remove(id);
    await world.finish();
    world.pass(61_000);
    await signsIn(world);
    expect(world.simulator.users().map(({ uid }) => uid)).toEqual(["somebody", "alice"]);
  });
});

describe("the log tells an operator what to do after", () => {
  test.each([
    ["AUTH_ERR_NO_ACCESS", "upstream-key", /fullAccess/],
    ["AUTH_ERR_APIKEY_NOT_FOUND", "upstream-key", /API key/],
    ["AUTH_ERR_INVALID_APPID", "upstream-app", /region/],
    ["ERR_PLAN_QUOTA_RESTRICTION", "upstream-plan", /plan/],
  ])("%s", async (code, reason, remedy) => {
    const world = hastyWorld();
    world.simulator.faults.add({ match: "create", effect: error(code) });
    await world.signIn();
    const lines = world.lines.filter((line) => line.remedy !== undefined);
    expect(lines).toEqual([
      expect.objectContaining({ event: "request", reason, remedy: expect.stringMatching(remedy) }),
    ]);
    nothingLeaks(world, "");
  });

  test("a role that CometChat does not have, which is logged once while users sign in without it", async () => {
    const world = hastyWorld({
      env: {
        SESSION_ISSUERS: [
          { issuer: ISSUER, audience: ["chat"], profile: { role: "role" }, roles: { boss: "moderator" } },
        ],
      },
    });
    for (const subject of ["alice", "bob"]) {
      expect((await world.signIn({ subject, claims: { role: "boss" } })).status).toBe(201);
      expect(world.simulator.user(subject)).toMatchObject({ role: "default" });
    }
    expect(world.lines.filter(({ event }) => event === "cometchat-role-unknown")).toEqual([
      expect.objectContaining({ app: "main", role: "moderator", remedy: expect.any(String) }),
    ]);
    expect(world.simulator.journal.calls({ call: "create" })).toBe(3);
  });
});

describe("a fault of CometChat", () => {
  test("with 429 prevents calls for other users, who are answered with the time that is left", async () => {
    const world = hastyWorld();
    world.simulator.faults.add({ match: "create", times: 1, effect: tooMany("30") });
    await world.signIn({ subject: "alice" });
    world.pass(10_000);
    world.simulator.journal.clear();
    const response = await world.signIn({ subject: "bob" });
    expect(await bodyOf<ProblemAnswer>(response)).toMatchObject({ code: "cometchat-rate-limited" });
    expect(response.headers.get("retry-after")).toBe("20");
    expect(world.simulator.journal.calls()).toBe(0);
  });

  test("that lasts is answered at once, does not affect another app, and is over at the first success", async () => {
    const world = hastyWorld({
      env: {
        COMETCHAT_APPS: {
          main: { appId: "275300000000000a", region: "us" },
          other: { appId: "elsewhere", region: "eu" },
        },
        SESSION_ISSUERS: [
          { issuer: ISSUER, audience: ["chat"], appClaim: "team", appByClaim: { a: "main", b: "other" } },
        ],
      },
    });
    const signIn = (team: string) => world.signIn({ subject: "alice", claims: { team } });
    world.simulator.faults.add({ match: "any", effect: { kind: "refuse" } });
    for (let n = 0; n < 3; n++) expect((await signIn("a")).status).toBe(503);
    const calls = world.simulator.journal.calls();
    const response = await signIn("a");
    expect(await bodyOf<ProblemAnswer>(response)).toMatchObject({ code: "cometchat-unavailable" });
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    expect(world.simulator.journal.calls()).toBe(calls);
    expect(world.lines.at(-1)).toMatchObject({ reason: "upstream-open" });

    world.simulator.faults.clear();
    // The simulator has one app. It refuses calls to the other, which shows that they are made.
    expect(await bodyOf<ProblemAnswer>(await signIn("b"))).toMatchObject({ code: "cometchat-rejected" });
    world.pass(5_000);
    expect((await signIn("a")).status).toBe(201);
  });

  test("that makes 100 requests hang does not affect /healthz, and all of them end in time", async () => {
    const world = hastyWorld();
    await signsIn(world, "somebody");
    world.simulator.faults.add({ match: "any", effect: { kind: "hang" } });
    const sessions = await Promise.all(
      Array.from({ length: 100 }, (_, n) => world.provider.issue({ subject: `user-${n}` })),
    );
    const begun = Date.now();
    const answers = sessions.map(async (session) => {
      const response = await world.ask("/v1/token", {
        method: "POST",
        headers: { authorization: `Bearer ${session}` },
      });
      return { status: response.status, took: Date.now() - begun };
    });
    await sleep(100);
    expect(world.simulator.journal.calls({ call: "create" })).toBeGreaterThanOrEqual(101);
    const asked = Date.now();
    const health = await world.ask("/healthz");
    expect(await health.json()).toEqual({ status: "ok" });
    expect(Date.now() - asked).toBe(0);
    for (const { status, took } of await Promise.all(answers)) {
      expect([503, 504]).toContain(status);
      expect(took).toBeLessThanOrEqual(DEADLINE);
    }
  });

  test("at the create of a user who was deleted there does not make the user count as deactivated", async () => {
    const world = hastyWorld();
    await signsIn(world);
    await deleteInDashboard(world);
    world.simulator.faults.add({ match: "create", times: 1, effect: { kind: "drop" } });
    expect(await signsIn(world)).toMatchObject({ created: true });
    expect(world.simulator.users().length).toBe(1);
  });
});

/** KV with these operations replaced. */
const kv = (
  faulty: Partial<Record<"get" | "put" | "delete", (...args: never[]) => Promise<unknown>>>,
  under?: unknown,
) => {
  const store = new Map<string, string>();
  return {
    get: async (key: string, type?: unknown) => {
      const text = store.get(key) ?? null;
      return text !== null && (type === "json" || (type as { type?: string })?.type === "json")
        ? JSON.parse(text)
        : text;
    },
    put: async (key: string, value: string) => {
      store.set(key, value);
    },
    delete: async (key: string) => {
      store.delete(key);
    },
    list: async () => ({ keys: [...store.keys()].map((name) => ({ name })), list_complete: true }),
    ...(under as object),
    ...faulty,
  };
};
const throws = async () => {
  throw new Error("KV GET failed: 500 Internal Server Error");
};
const hangs = () => new Promise<never>(() => undefined);

describe("with KV that has", () => {
  const mapping = { app: "main", profile: "", createdAt: 1, syncedAt: 1 };
  // The order of two calls is not asserted, since they may be made at the same time.
  const rows: [string, unknown, unknown[]][] = [
    ["reads that throw", kv({ get: throws }), ["mint"]],
    ["reads that hang", kv({ get: hangs }), ["mint"]],
    ["reads of text that is no JSON", kv({ get: async () => JSON.parse("{") }), ["mint"]],
    ["reads of a text", kv({ get: async () => "corrupt" }), ["mint"]],
    ["reads of an older version", kv({ get: async () => ({ v: 0, known: true }) }), ["mint"]],
    ["reads without the user", kv({ get: async () => null }), ["create", "mint"]],
    ["reads of another app", kv({ get: async () => ({ ...mapping, app: "gone" }) }), ["create", "mint"]],
    ["reads with the user", kv({ get: async () => mapping }), ["mint"]],
    ["writes that are refused", kv({ put: throws, delete: throws }), ["create", "mint"]],
    ["reads and writes that throw", kv({ get: throws, put: throws, delete: throws }), ["mint"]],
  ];

  test.each(rows)("%s, a user who exists signs in", async (_, USERS, calls) => {
    const world = hastyWorld({ env: { USERS } });
    world.simulator.seed({ uid: "alice", name: "alice" });
    expect(await signsIn(world)).toMatchObject({ created: false });
    const asked = world.simulator.journal.entries.map(({ call }) => call).filter((call) => call !== "update");
    expect(asked.sort()).toEqual(calls);
    expect(world.simulator.users().length).toBe(1);
  });

  test.each(rows)("%s, a new user signs in twice", async (_, USERS) => {
    const world = hastyWorld({ env: { USERS } });
    expect(await signsIn(world)).toMatchObject({ created: true });
    expect(await signsIn(world)).toMatchObject({ created: false });
    expect(world.simulator.users().length).toBe(1);
  });

  test("writes that hang, the answer is not delayed", async () => {
    const world = hastyWorld({ env: { USERS: kv({ put: hangs }) } });
    const session = await world.provider.issue({ subject: "alice" });
    const begun = Date.now();
    const response = await world.ask("/v1/token", { method: "POST", headers: { authorization: `Bearer ${session}` } });
    expect(response.status).toBe(201);
    expect(Date.now() - begun).toBe(0);
  });

  test("writes that are refused, the log tells so, without naming the user", async () => {
    const world = hastyWorld({ env: { USERS: kv({ put: throws }) } });
    await signsIn(world);
    const line = world.lines.find(({ event }) => event !== "request");
    expect(line).toBeDefined();
    expect(JSON.stringify(line)).not.toMatch(/alice|KV GET failed/);
  });

  test("lost everything, every user is found again", async () => {
    const USERS = kv({});
    const world = hastyWorld({ env: { USERS } });
    for (const subject of ["alice", "bob", "carol"]) await signsIn(world, subject);
    const after = hastyWorld({ env: { USERS: kv({}) } });
    for (const user of world.simulator.users()) after.simulator.seed(user);
    for (const subject of ["alice", "bob", "carol"]) {
      expect(await signsIn(after, subject)).toMatchObject({ created: false });
    }
    expect(after.simulator.users().length).toBe(3);
  });
});

describe("a rate limit that fails", () => {
  test.each(["RATE_LIMIT_IP", "RATE_LIMIT_USER"])(
    "does not prevent a sign-in, and is logged: %s throws",
    async (binding) => {
      const world = hastyWorld({ env: { [binding]: { limit: throws } } });
      await signsIn(world);
      expect(world.lines).toContainEqual(expect.objectContaining({ event: "rate-limit-fault" }));
    },
  );

  test.each(["RATE_LIMIT_IP", "RATE_LIMIT_USER"])("does not prevent a sign-in: %s hangs", async (binding) => {
    const world = hastyWorld({ env: { [binding]: { limit: hangs } } });
    const session = await world.provider.issue({ subject: "alice" });
    const begun = Date.now();
    const asked = world.ask("/v1/token", { method: "POST", headers: { authorization: `Bearer ${session}` } });
    const response = await Promise.race([asked, sleep(1_000)]);
    expect(response?.status).toBe(201);
    expect(Date.now() - begun).toBeLessThanOrEqual(DEADLINE);
  });
});
