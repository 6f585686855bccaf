import { describe, expect, it } from "vitest";
import { createWorld, type ProblemAnswer, type World, type WorldOptions } from "../support/world.ts";

const SECRET = "correct-horse-battery-staple-0123456789";
const OTHER = "the-one-that-is-being-rotated-in-0123456789";

const backendWorld = (secret: string = SECRET, { env, ...rest }: WorldOptions = {}): World =>
  createWorld({ ...rest, env: { BACKEND_SECRET: secret, ...env } });

async function verdict(world: World, path: string, init: RequestInit) {
  const response = await world.call(path, init);
  const text = await response.text();
  const code = response.status < 400 ? "ok" : (JSON.parse(text) as ProblemAnswer).code;
  return { status: response.status, code, text, response, called: world.simulator.journal.entries.length };
}

const bearer = (secret: string) => ({ Authorization: `Bearer ${secret}` });

/** Every backend endpoint, with a valid body. */
const endpoints: readonly [method: string, path: string, body?: string][] = [
  ["POST", "/v1/users", '{"subject":"bob","name":"Bob"}'],
  ["GET", "/v1/users/alice"],
  ["PATCH", "/v1/users/alice", '{"name":"A"}'],
  ["DELETE", "/v1/users/alice"],
  ["POST", "/v1/users/alice/reactivate"],
  ["DELETE", "/v1/users/alice/tokens"],
];

const init = (method: string, headers: Record<string, string>, body?: string): RequestInit => ({
  method,
  headers: { "Content-Type": "application/json", ...headers },
  ...(body === undefined ? {} : { body }),
});

describe("a uid in the address of a backend endpoint", () => {
  const inputs: readonly [name: string, segment: string, status: 400 | 404][] = [
    ["a full stop", ".", 404],
    ["two full stops", "..", 404],
    ["two full stops, encoded", "%2e%2e", 404],
    ["two full stops, half encoded", ".%2E", 404],
    ["two full stops, encoded twice", "%252e%252e", 400],
    ["two full stops and a slash, encoded", "..%2fadmin", 400],
    ["an encoded slash", "a%2fb", 400],
    ["an encoded backslash", "a%5cb", 400],
    ["a backslash", "a\\b", 404],
    ["a slash", "a/b", 404],
    ["nothing", "", 404],
    ["a slash at the end", "alice/", 404],
    ["an encoded letter", "%61lice", 400],
    ["a capital", "A", 400],
    ["a dotless i", "al%C4%B1ce", 400],
    ["a Kelvin sign", "%E2%84%AA", 400],
    ["a line feed at the end, encoded", "alice%0a", 400],
    ["a carriage return and a line feed, encoded", "alice%0d%0aX-Evil:%201", 400],
    ["a null, encoded", "alice%00", 400],
    ["a space, encoded", "alice%20", 400],
    ["a plus", "al+ice", 400],
    ["a semicolon", "alice;x", 400],
    ["a broken escape", "alice%", 400],
    ["a broken UTF-8 escape", "%ff", 400],
    ["a star", "*", 400],
    ["101 characters", "a".repeat(101), 400],
    ["10 KB", "a".repeat(10_240), 400],
  ];

  it.each(inputs)("is refused and never sent to CometChat: %s", async (_, segment, status) => {
    // Dots between slashes change the address before the gateway sees it (URL standard, path state).
    const dots = /^(\.|%2e){1,2}$/i.test(segment);
    for (const [method, path, body] of endpoints.filter(([, path]) => path.includes("alice") && !dots)) {
      const world = backendWorld();
      world.simulator.seed({ uid: "alice" });
      const outcome = await verdict(world, path.replace("alice", segment), init(method, bearer(SECRET), body));
      expect([400, 404]).toContain(outcome.status);
      expect(outcome.called).toBe(0);
      expect(outcome.text).not.toContain("Evil");
    }
    const world = backendWorld();
    const outcome = await verdict(world, `/v1/users/${segment}`, init("GET", bearer(SECRET)));
    expect([outcome.status, outcome.code]).toEqual([status, status === 400 ? "bad-request" : "not-found"]);
  });

  it("is refused everywhere if it is CometChat's own user, app_system", async () => {
    for (const [method, path, body] of endpoints.filter(([, path]) => path.includes("alice"))) {
      const outcome = await verdict(
        backendWorld(),
        path.replace("alice", "app_system"),
        init(method, bearer(SECRET), body),
      );
      expect([outcome.status, outcome.code, outcome.called]).toEqual([403, "subject-not-allowed", 0]);
    }
  });
});

describe("a backend endpoint", () => {
  const wrong: readonly [name: string, headers: Record<string, string>, path?: string, secret?: string][] = [
    ["none", {}],
    ["an empty header", { Authorization: "" }],
    ["an empty secret", { Authorization: "Bearer " }],
    ["no secret", { Authorization: "Bearer" }],
    ["a wrong one", bearer("wrong")],
    ["one of the same length", bearer(SECRET.replace("c", "C"))],
    ["a shorter one", bearer(SECRET.slice(0, -1))],
    ["a longer one", bearer(`${SECRET}0`)],
    ["two spaces before it", { Authorization: `Bearer  ${SECRET}` }],
    ["another scheme", { Authorization: `Basic ${SECRET}` }],
    ["Basic, as browsers do it", { Authorization: `Basic ${btoa(`:${SECRET}`)}` }],
    ["no scheme", { Authorization: SECRET }],
    ["twice", { Authorization: `Bearer ${SECRET}, Bearer ${SECRET}` }],
    ["in another header", { "X-Api-Key": SECRET, "X-Backend-Secret": SECRET }],
    ["in a cookie", { Cookie: `BACKEND_SECRET=${SECRET}` }],
    ["in the query", {}, `?access_token=${SECRET}`],
    ["both values as one", bearer(`${SECRET},${OTHER}`), "", `${SECRET},${OTHER}`],
    ["a comma, where the second value is empty", bearer(","), "", `${SECRET},`],
    ["the value with its comma", bearer(`${SECRET},`), "", `${SECRET},`],
    ["nothing, where the second value is empty", { Authorization: "Bearer " }, "", `${SECRET},`],
    ["nothing, where the first value is empty", { Authorization: "Bearer " }, "", `,${SECRET}`],
    ["its digest", bearer("352302489bc2fcf025cf00cda8308033f97ac87712ce90b4d7cd72c58e4c3af9"), "", "f".repeat(32)],
  ];

  it.each(wrong)(
    "answers 401 and calls nothing without the right secret: %s",
    async (_, headers, query = "", secret = SECRET) => {
      for (const [method, path, body] of endpoints) {
        const world = backendWorld(secret);
        world.simulator.seed({ uid: "alice" });
        const outcome = await verdict(world, path + query, init(method, headers, body));
        expect([outcome.status, outcome.code, outcome.called]).toEqual([401, "backend-unauthorized", 0]);
        expect(outcome.response.headers.get("WWW-Authenticate")).toBe('Bearer realm="backend"');
        expect(outcome.response.headers.get("Cache-Control")).toBe("no-store");
        expect(outcome.text + JSON.stringify(world.lines)).not.toContain(SECRET.slice(0, 16));
      }
    },
  );

  it.each<[string, string, string, string]>([
    ["the one value", SECRET, "Bearer", SECRET],
    ["the one beside an empty value", `${SECRET},`, "Bearer", SECRET],
    ["the old value while it is rotated out", `${OTHER},${SECRET}`, "Bearer", SECRET],
    ["the new value while the old is rotated out", `${OTHER}, ${SECRET}`, "Bearer", OTHER],
    ["another spelling of the scheme", SECRET, "bEARER", SECRET],
  ])("admits a caller who presents %s", async (_, configured, scheme, presented) => {
    const world = backendWorld(configured);
    world.simulator.seed({ uid: "alice" });
    const outcome = await verdict(world, "/v1/users/alice", init("GET", { Authorization: `${scheme} ${presented}` }));
    expect(outcome.status).toBe(200);
  });

  it("answers 400 to a query, although the secret is right", async () => {
    for (const [method, path, body] of endpoints) {
      const outcome = await verdict(backendWorld(), `${path}?x=1`, init(method, bearer(SECRET), body));
      expect([outcome.status, outcome.code, outcome.called]).toEqual([400, "bad-request", 0]);
    }
  });

  it("limits wrong secrets by address, so that a right guess does not help afterwards", async () => {
    let counted = 0;
    const RATE_LIMIT_IP = { limit: async () => ({ success: ++counted <= 3 }) };
    const world = backendWorld(SECRET, { env: { RATE_LIMIT_IP } });
    world.simulator.seed({ uid: "alice" });
    const statuses: number[] = [];
    for (let guess = 0; guess < 5; guess += 1) {
      statuses.push((await verdict(world, "/v1/users/alice", init("GET", bearer(`guess ${guess}`)))).status);
    }
    expect(statuses).toEqual([401, 401, 401, 429, 429]);
    expect((await verdict(world, "/v1/users/alice", init("GET", bearer(SECRET)))).status).toBe(429);
    const elsewhere = { ...bearer(SECRET), "CF-Connecting-IP": "192.0.2.7" };
    expect((await verdict(world, "/v1/users/alice", init("GET", elsewhere))).status).toBe(200);
  });
});

describe("a deployment without a backend secret", () => {
  it.each([
    ["none", undefined],
    ["an empty one", ""],
    ["spaces", "  "],
    ["commas", " , ,"],
  ])("answers at backend endpoints exactly as where nothing is, whatever a caller presents: %s", async (_, secret) => {
    const world = createWorld({ env: { BACKEND_SECRET: secret } });
    world.simulator.seed({ uid: "alice" });
    const strange = await world.call("/v1/nowhere", { headers: { "X-Request-Id": "request-1" } });
    const expected = [strange.status, await strange.text(), shown(strange)];
    const credentials = [{}, bearer(""), bearer(","), bearer("undefined"), { Authorization: "Bearer " }];
    const methods = [...endpoints, ["PUT", "/v1/users"], ["OPTIONS", "/v1/users/alice"], ["GET", "/v1/users"]] as const;
    for (const [method, path, body] of methods) {
      for (const headers of credentials) {
        const response = await world.call(path, init(method, { "X-Request-Id": "request-1", ...headers }, body));
        expect([response.status, await response.text(), shown(response)]).toEqual(expected);
      }
    }
    expect(world.simulator.journal.entries).toEqual([]);
  });

  /** Every header except the time that the answer took. */
  const shown = ({ headers }: Response) => [...headers].filter(([name]) => name !== "server-timing");
});

describe("a credential of another kind", () => {
  it("is refused with 401: a session where the backend secret is expected", async () => {
    for (const [method, path, body] of endpoints) {
      const world = backendWorld();
      const session = await world.provider.issue({ subject: "alice" });
      const outcome = await verdict(world, path, init(method, bearer(session), body));
      expect([outcome.status, outcome.code, outcome.called]).toEqual([401, "backend-unauthorized", 0]);
    }
  });

  it.each([
    ["POST", "/v1/token"],
    ["DELETE", "/v1/token"],
    ["DELETE", "/v1/tokens"],
  ])("is refused with 401: the backend secret at %s %s", async (method, path) => {
    const outcome = await verdict(backendWorld(), path, { method, headers: bearer(SECRET) });
    expect([outcome.status, outcome.code, outcome.called]).toEqual([401, "session-malformed", 0]);
    expect(outcome.text).not.toContain(SECRET);
  });

  it("is refused with 401: CometChat's API key at a backend endpoint", async () => {
    const key = String(backendWorld().env.COMETCHAT_API_KEY);
    const outcome = await verdict(backendWorld(), "/v1/users/alice", init("GET", bearer(key)));
    expect([outcome.status, outcome.code]).toEqual([401, "backend-unauthorized"]);
  });
});
