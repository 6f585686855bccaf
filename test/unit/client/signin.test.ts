import { describe, expect, it, vi } from "vitest";
import { GatewayError } from "../../../src/client/index.ts";
import { app, exception, failure, GATEWAY, gate, NOW, problem, rest, session, token, well } from "./app.ts";

describe("a sign-in", () => {
  it("takes the session to the gateway and the token to the app's login", async () => {
    const { chat, sent, journal, states, answers } = app();
    const answer = {
      authToken: "alice-token",
      uid: "alice",
      appId: "275300000000000a",
      region: "us",
      created: true,
      expiresAt: "2026-12-24T00:00:00.000Z",
    };
    answers.push(Response.json(answer, { status: 201 }));
    expect(chat.state).toEqual({ status: "signed-out" });
    expect(await chat.signIn()).toEqual(answer);
    expect(sent).toMatchObject([{ method: "POST", url: `${GATEWAY}/v1/token`, session: session("alice") }]);
    expect(journal).toEqual(["POST /v1/token", "login alice-token"]);
    const user = { uid: "alice", appId: "275300000000000a", region: "us" };
    expect(states).toEqual([{ status: "signing-in" }, { status: "signed-in", user }]);
    expect(chat.state).toBe(states[1]);
  });

  it("gives the login everything that the gateway said", async () => {
    const given: unknown[] = [];
    const { chat } = app({ login: (answer) => given.push(answer) });
    expect(given).toEqual([]);
    const answer = await chat.signIn();
    expect(given).toEqual([answer]);
  });

  it("sends a body only where there is something to say, so that a cookie needs no preflight", async () => {
    const { chat, sent } = app({ cookie: true });
    await chat.signIn();
    expect(sent[0]?.init).toMatchObject({ method: "POST", credentials: "include", headers: {} });
    expect(sent[0]?.init.body).toBeUndefined();
    expect(Object.keys(sent[0]?.init.headers ?? {})).toEqual([]);
  });

  it("asks for no cookies where the session is a bearer token", async () => {
    const { chat, sent } = app();
    await chat.signIn();
    expect(sent[0]?.init).not.toHaveProperty("credentials");
  });

  it.each([`${GATEWAY}/`, `${GATEWAY}//`])("finds the gateway at %s", async (gateway) => {
    const { chat, sent } = app({ gateway });
    await chat.signIn();
    expect(sent[0]?.url).toBe(`${GATEWAY}/v1/token`);
  });

  it("is one request and one login for any number of callers at the same time", async () => {
    const { chat, journal, states } = app();
    const first = chat.signIn();
    const callers = [first, ...Array.from({ length: 9 }, () => chat.signIn()), rest().then(() => chat.signIn())];
    const answers = await Promise.all(callers);
    expect(new Set(answers).size).toBe(1);
    expect(journal).toHaveLength(2);
    expect(states.map(({ status }) => status)).toEqual(["signing-in", "signed-in"]);
  });

  it("fails for all of its callers alike, and the next one begins anew", async () => {
    const { chat, answers, journal } = app();
    answers.push(problem(403, "user-deactivated"));
    const errors = await Promise.all([failure(chat.signIn()), failure(chat.signIn())]);
    expect(errors[0]).toBeInstanceOf(GatewayError);
    expect(errors[0]).toBe(errors[1]);
    expect(chat.state).toEqual({ status: "failed", error: errors[0] });
    await chat.signIn();
    expect(chat.state.status).toBe("signed-in");
    expect(journal).toEqual(["POST /v1/token", "POST /v1/token", expect.stringMatching(/^login/)]);
  });

  it("goes on though a listener throws, and tells the others", async () => {
    const { chat } = app();
    const told: string[] = [];
    const off = chat.subscribe(() => {
      off();
      throw new Error("a listener's own");
    });
    chat.subscribe(({ status }) => told.push(status));
    const error = vi.spyOn(console, "error").mockReturnValue(undefined);
    await chat.signIn();
    expect(told).toEqual(["signing-in", "signed-in"]);
    expect(error.mock.calls).toEqual([[expect.objectContaining({ message: "a listener's own" })]]);
  });

  it("tells a listener nothing after it was taken away", async () => {
    const { chat } = app();
    const told: string[] = [];
    const stop = chat.subscribe(({ status }) => told.push(status));
    const signingIn = chat.signIn();
    stop();
    await signingIn;
    expect(told).toEqual(["signing-in"]);
  });
});

describe("who is signed in already", () => {
  it("is given the same answer, without a request", async () => {
    const { chat, journal, states } = app();
    const first = await chat.signIn();
    expect(await chat.signIn()).toBe(first);
    expect(journal).toHaveLength(2);
    expect(states).toHaveLength(2);
  });

  it("is so with a refreshed session of the same user", async () => {
    const own = app();
    const first = await own.chat.signIn();
    own.session = session("alice", 2);
    expect(await own.chat.signIn()).toBe(first);
    expect(own.sent).toHaveLength(1);
  });

  it.each([
    ["user", session("bob", 2)],
    ["issuer's user", session("alice", 2, "https://other.example")],
    ["opaque session", "opaque"],
  ])("is signed in anew, after a logout, with another %s", async (_, other) => {
    const own = app();
    await own.chat.signIn();
    own.session = other;
    await own.chat.signIn();
    expect(own.sent.map((call) => call.session)).toEqual([session("alice"), other]);
    expect(own.journal.map((entry) => entry.split(" ")[0])).toEqual(["POST", "login", "logout", "POST", "login"]);
    expect(own.states.map(({ status }) => status)).toEqual(["signing-in", "signed-in", "signing-in", "signed-in"]);
  });

  it("is not any more where there is no session", async () => {
    const own = app();
    await own.chat.signIn();
    own.session = undefined;
    expect(await failure(own.chat.signIn())).toMatchObject({ code: "session-missing", status: 401 });
    expect(own.chat.state.status).toBe("failed");
    expect(own.sent).toHaveLength(1);
  });

  it("stays so while the provider cannot be asked", async () => {
    let down = false;
    const { chat, sent } = app({
      session: async () => {
        if (down) throw new Error("offline");
        return session("alice");
      },
    });
    const first = await chat.signIn();
    down = true;
    expect(await chat.signIn()).toBe(first);
    expect(sent).toHaveLength(1);
  });

  it("is signed in anew where the token has an end and it has come", async () => {
    const own = app();
    own.answers.push(token("alice", "short", { expiresAt: new Date(NOW + 60_000).toISOString() }));
    await own.chat.signIn();
    own.now = NOW + 59_999;
    await own.chat.signIn();
    expect(own.sent).toHaveLength(1);
    own.now = NOW + 60_000;
    await own.chat.signIn();
    expect(own.sent).toHaveLength(2);
  });

  it("is asked after at the gateway where the session is in a cookie, which cannot be compared", async () => {
    const { chat, sent } = app({ cookie: true });
    await chat.signIn();
    await chat.signIn();
    expect(sent).toHaveLength(2);
  });
});

describe("a session that becomes another user's meanwhile", () => {
  it.each([
    ["JWTs", session("bob")],
    ["opaque", "bob"],
  ])("never has the former user logged in, be the sessions %s", async (_, other) => {
    const own = app();
    if (other === "bob") own.session = "alice";
    const asked = gate<Response>();
    own.answers.push(() => asked.promise);
    const signingIn = own.chat.signIn();
    await rest();
    own.session = other;
    asked.open(token("alice", "alice-token"));
    expect(await signingIn).toMatchObject({ uid: "bob" });
    expect(own.journal.filter((entry) => entry.startsWith("login"))).toEqual([expect.not.stringContaining("alice")]);
    expect(own.chat.state.user?.uid).toBe("bob");
  });

  it("does so for the caller who comes during the former user's login, too", async () => {
    const login = gate();
    const logins: string[] = [];
    const own = app({
      login: ({ uid }) => {
        logins.push(uid);
        return logins.length === 1 ? login.promise : undefined;
      },
    });
    const first = own.chat.signIn();
    await rest();
    own.session = session("bob");
    const second = own.chat.signIn();
    login.open();
    expect(await second).toMatchObject({ uid: "bob" });
    expect(await first).toMatchObject({ uid: "bob" });
    expect(logins).toEqual(["alice", "bob"]);
    expect(own.states.filter(({ status }) => status === "signed-in").map(({ user }) => user?.uid)).toEqual(["bob"]);
  });

  it("logs nobody in where it is gone", async () => {
    const own = app();
    own.answers.push((call) => {
      own.session = undefined;
      return well(call);
    });
    expect(await failure(own.chat.signIn())).toMatchObject({ code: "session-missing" });
    expect(own.journal).toEqual(["POST /v1/token"]);
  });

  it("is no other where it was refreshed", async () => {
    const own = app();
    own.answers.push((call) => {
      own.session = session("alice", 2);
      return well(call);
    });
    await own.chat.signIn();
    expect(own.sent).toHaveLength(1);
  });

  it("is no other where the app makes a new one at each call", async () => {
    let turn = 0;
    const { chat, sent } = app({ session: () => `opaque-${++turn}` });
    await chat.signIn();
    expect(sent).toHaveLength(1);
  });

  it("ends in `aborted` where it never stops", async () => {
    let turn = 0;
    const { chat, sent, journal } = app({ session: () => session(`user${++turn}`) });
    expect(await failure(chat.signIn())).toMatchObject({ code: "aborted" });
    expect(sent).toHaveLength(5);
    expect(journal).not.toContainEqual(expect.stringMatching(/^login/));
  });

  it("does not lose the sign-in where the provider cannot be asked again", async () => {
    let calls = 0;
    const { chat } = app({
      session: async () => {
        calls += 1;
        if (calls > 1) throw new Error("offline");
        return session("alice");
      },
    });
    expect(await chat.signIn()).toMatchObject({ uid: "alice" });
  });
});

describe("the app's login that rejects", () => {
  const NOT_FOUND = exception("AUTH_ERR_AUTH_TOKEN_NOT_FOUND");
  const refusing = (...errors: unknown[]) => {
    const own = app({
      login: async ({ authToken }) => {
        own.journal.push(`login ${authToken}`);
        if (errors.length > 0) throw errors.shift();
      },
    });
    return own;
  };

  it("since CometChat does not know the token, is called with a fresh one", async () => {
    const { chat, sent, pauses } = refusing(NOT_FOUND);
    await chat.signIn();
    expect(sent.map(({ body }) => body)).toEqual([undefined, { fresh: true }]);
    expect(sent[1]?.init.headers).toMatchObject({ "Content-Type": "application/json" });
    expect(pauses).toEqual([]);
    expect(chat.state.status).toBe("signed-in");
  });

  it("since CometChat does not know the fresh one either, fails", async () => {
    const { chat, sent } = refusing(NOT_FOUND, NOT_FOUND, NOT_FOUND);
    expect(await failure(chat.signIn())).toMatchObject({ code: "cometchat-rejected", status: 0 });
    expect(sent).toHaveLength(2);
    expect(chat.state.status).toBe("failed");
  });

  it.each([
    ["it could not reach CometChat", exception("FAILED_TO_FETCH")],
    ["another login is under way", exception(-1, "LOGIN_IN_PROGRESS")],
  ])("since %s, is called again with the same token", async (_, error) => {
    const { chat, journal, pauses } = refusing(error, error);
    const { authToken } = await chat.signIn();
    const login = `login ${authToken}`;
    expect(journal).toEqual(["POST /v1/token", login, "pause", login, "pause", login]);
    expect(pauses[1]).toBeGreaterThanOrEqual(pauses[0] ?? 0);
  });

  it.each([
    ["network", exception("FAILED_TO_FETCH")],
    ["cometchat-rejected", exception(-1, "LOGIN_IN_PROGRESS")],
  ])("five times fails with %s", async (code, error) => {
    const { chat, journal } = refusing(...Array.from({ length: 9 }, () => error));
    expect(await failure(chat.signIn())).toMatchObject({ code });
    expect(journal.filter((entry) => entry.startsWith("login"))).toHaveLength(5);
    expect(journal.filter((entry) => entry === "POST /v1/token")).toHaveLength(1);
  });

  it.each([
    exception("ERR_ALREADY_LOGGED_IN"),
    exception(-1, "ALREADY_LOGGED_IN"),
    exception("ERR_X", "X", "User bob is already logged in."),
  ])("since another user is logged in (%o), logs that one out first", async (error) => {
    const { chat, journal } = refusing(error);
    await chat.signIn();
    const kinds = journal.map((entry) => entry.split(" ")[0]);
    expect(kinds).toEqual(["POST", "login", "logout", "pause", "login"]);
  });

  it("resolving with another user counts as that", async () => {
    const users = ["bob", "Alice"];
    const { chat, journal } = app({ login: async () => ({ getUid: () => users.shift() }) });
    await chat.signIn();
    expect(journal).toEqual(["POST /v1/token", "logout", "pause"]);
    expect(chat.state.user?.uid).toBe("alice");
  });

  it.each([
    ["a code", exception("ERR_PLAN_RESTRICTION"), "ERR_PLAN_RESTRICTION"],
    ["an error of the app's own", new TypeError("undefined is not a function"), "TypeError"],
    ["a text", "no", "login"],
    ["nothing", undefined, "login"],
  ])("with %s fails at once, and says so", async (_, error, said) => {
    const { chat, journal } = refusing(error);
    const told = await failure(chat.signIn());
    expect(told).toBeInstanceOf(GatewayError);
    expect(told).toMatchObject({ code: "cometchat-rejected", message: expect.stringContaining(said) });
    expect(journal).toHaveLength(2);
  });

  it("by throwing is the same", async () => {
    const { chat } = app({
      login: () => {
        throw exception("ERR_X");
      },
    });
    expect(await failure(chat.signIn())).toMatchObject({ code: "cometchat-rejected" });
  });
});
