import { describe, expect, it, vi } from "vitest";
import { GatewayError } from "../../../src/client/index.ts";
import { app, exception, failure, GATEWAY, gate, NOW, problem, rest, session, token, well } from "./app.ts";

describe("a sign-in", () => {
  it("sends the session to the gateway, and gives the token to the app's login", async () => {
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

  it("gives the login the gateway's whole answer", async () => {
    const given: unknown[] = [];
    const { chat } = app({ login: (answer) => given.push(answer) });
    expect(given).toEqual([]);
    const answer = await chat.signIn();
    expect(given).toEqual([answer]);
  });

  it("sends no body and no headers with a cookie, so that no preflight is needed", async () => {
    const { chat, sent } = app({ cookie: true });
    await chat.signIn();
    expect(sent[0]?.init).toMatchObject({ method: "POST", credentials: "include", headers: {} });
    expect(sent[0]?.init.body).toBeUndefined();
    expect(Object.keys(sent[0]?.init.headers ?? {})).toEqual([]);
  });

  it("sends no cookies with a bearer token", async () => {
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

  it("fails for all callers at the same time, and works at the next call", async () => {
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

  it("goes on if a listener throws, and calls the other listeners", async () => {
    const { chat } = app();
    const seen: string[] = [];
    const off = chat.subscribe(() => {
      off();
      throw new Error("of a listener");
    });
    chat.subscribe(({ status }) => seen.push(status));
    const error = vi.spyOn(console, "error").mockReturnValue(undefined);
    await chat.signIn();
    expect(seen).toEqual(["signing-in", "signed-in"]);
    expect(error.mock.calls).toEqual([[expect.objectContaining({ message: "of a listener" })]]);
  });

  it("does not call a listener after it has unsubscribed", async () => {
    const { chat } = app();
    const seen: string[] = [];
    const stop = chat.subscribe(({ status }) => seen.push(status));
    const signingIn = chat.signIn();
    stop();
    await signingIn;
    expect(seen).toEqual(["signing-in"]);
  });
});

describe("a sign-in of a user who is signed in already", () => {
  it("returns the same answer without a request", async () => {
    const { chat, journal, states } = app();
    const first = await chat.signIn();
    expect(await chat.signIn()).toBe(first);
    expect(journal).toHaveLength(2);
    expect(states).toHaveLength(2);
  });

  it("returns the same answer with a refreshed session of the same user", async () => {
    const own = app();
    const first = await own.chat.signIn();
    own.session = session("alice", 2);
    expect(await own.chat.signIn()).toBe(first);
    expect(own.sent).toHaveLength(1);
  });

  it.each([
    ["of another user", session("bob", 2)],
    ["of another issuer's user", session("alice", 2, "https://other.example")],
    ["that is opaque and different", "opaque"],
  ])("logs out and signs in with a session %s", async (_, other) => {
    const own = app();
    await own.chat.signIn();
    own.session = other;
    await own.chat.signIn();
    expect(own.sent.map((call) => call.session)).toEqual([session("alice"), other]);
    expect(own.journal.map((entry) => entry.split(" ")[0])).toEqual(["POST", "login", "logout", "POST", "login"]);
    expect(own.states.map(({ status }) => status)).toEqual(["signing-in", "signed-in", "signing-in", "signed-in"]);
  });

  it("fails if there is no longer a session", async () => {
    const own = app();
    await own.chat.signIn();
    own.session = undefined;
    expect(await failure(own.chat.signIn())).toMatchObject({ code: "session-missing", status: 401 });
    expect(own.chat.state.status).toBe("failed");
    expect(own.sent).toHaveLength(1);
  });

  it("returns the same answer while the provider is down", async () => {
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

  it("gets a new token if the old one has expired", async () => {
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

  it("sends a request if the session is in a cookie, which cannot be compared", async () => {
    const { chat, sent } = app({ cookie: true });
    await chat.signIn();
    await chat.signIn();
    expect(sent).toHaveLength(2);
  });
});

describe("a sign-in during which the app's session changes", () => {
  it.each([
    ["sessions that are JWTs", session("bob")],
    ["opaque sessions", "bob"],
  ])("to another user never logs the first user in: %s", async (_, other) => {
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

  it("to another user during the login signs the other user in, for every caller", async () => {
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

  it("to none logs nobody in", async () => {
    const own = app();
    own.answers.push((call) => {
      own.session = undefined;
      return well(call);
    });
    expect(await failure(own.chat.signIn())).toMatchObject({ code: "session-missing" });
    expect(own.journal).toEqual(["POST /v1/token"]);
  });

  it("to a refreshed one of the same user needs no second request", async () => {
    const own = app();
    own.answers.push((call) => {
      own.session = session("alice", 2);
      return well(call);
    });
    await own.chat.signIn();
    expect(own.sent).toHaveLength(1);
  });

  it("at each call, with opaque texts, needs no second request", async () => {
    let turn = 0;
    const { chat, sent } = app({ session: () => `opaque-${++turn}` });
    await chat.signIn();
    expect(sent).toHaveLength(1);
  });

  it("to another user again and again fails with the code aborted", async () => {
    let turn = 0;
    const { chat, sent, journal } = app({ session: () => session(`user${++turn}`) });
    expect(await failure(chat.signIn())).toMatchObject({ code: "aborted" });
    expect(sent).toHaveLength(5);
    expect(journal).not.toContainEqual(expect.stringMatching(/^login/));
  });

  it("is not noticed if the provider cannot be reached again, and the sign-in works", async () => {
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

describe("a sign-in whose login at CometChat fails", () => {
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

  it("because CometChat does not know the token is repeated with a fresh one", async () => {
    const { chat, sent, pauses } = refusing(NOT_FOUND);
    await chat.signIn();
    expect(sent.map(({ body }) => body)).toEqual([undefined, { fresh: true }]);
    expect(sent[1]?.init.headers).toMatchObject({ "Content-Type": "application/json" });
    expect(pauses).toEqual([]);
    expect(chat.state.status).toBe("signed-in");
  });

  it("because CometChat does not know the fresh token either fails", async () => {
    const { chat, sent } = refusing(NOT_FOUND, NOT_FOUND, NOT_FOUND);
    expect(await failure(chat.signIn())).toMatchObject({ code: "cometchat-rejected", status: 0 });
    expect(sent).toHaveLength(2);
    expect(chat.state.status).toBe("failed");
  });

  it.each([
    ["CometChat cannot be reached", exception("FAILED_TO_FETCH")],
    ["another login is under way", exception(-1, "LOGIN_IN_PROGRESS")],
  ])("because %s repeats the login with the same token", async (_, error) => {
    const { chat, journal, pauses } = refusing(error, error);
    const { authToken } = await chat.signIn();
    const login = `login ${authToken}`;
    expect(journal).toEqual(["POST /v1/token", login, "pause", login, "pause", login]);
    expect(pauses[1]).toBeGreaterThanOrEqual(pauses[0] ?? 0);
  });

  it.each([
    ["network", exception("FAILED_TO_FETCH")],
    ["cometchat-rejected", exception(-1, "LOGIN_IN_PROGRESS")],
  ])("five times fails with the code %s", async (code, error) => {
    const { chat, journal } = refusing(...Array.from({ length: 9 }, () => error));
    expect(await failure(chat.signIn())).toMatchObject({ code });
    expect(journal.filter((entry) => entry.startsWith("login"))).toHaveLength(5);
    expect(journal.filter((entry) => entry === "POST /v1/token")).toHaveLength(1);
  });

  it.each([
    exception("ERR_ALREADY_LOGGED_IN"),
    exception(-1, "ALREADY_LOGGED_IN"),
    exception("ERR_X", "X", "User bob is already logged in."),
  ])("because another user is logged in logs that user out first: %o", async (error) => {
    const { chat, journal } = refusing(error);
    await chat.signIn();
    const kinds = journal.map((entry) => entry.split(" ")[0]);
    expect(kinds).toEqual(["POST", "login", "logout", "pause", "login"]);
  });

  it("because it returns another user logs that user out first", async () => {
    const users = ["bob", "Alice"];
    const { chat, journal } = app({ login: async () => ({ getUid: () => users.shift() }) });
    await chat.signIn();
    expect(journal).toEqual(["POST /v1/token", "logout", "pause"]);
    expect(chat.state.user?.uid).toBe("alice");
  });

  it.each([
    ["a code", exception("ERR_PLAN_RESTRICTION"), "ERR_PLAN_RESTRICTION"],
    ["an error of the app", new TypeError("undefined is not a function"), "TypeError"],
    ["a text", "no", "login"],
    ["nothing", undefined, "login"],
  ])("with %s fails at once with cometchat-rejected, and names it", async (_, error, name) => {
    const { chat, journal } = refusing(error);
    const failed = await failure(chat.signIn());
    expect(failed).toBeInstanceOf(GatewayError);
    expect(failed).toMatchObject({ code: "cometchat-rejected", message: expect.stringContaining(name) });
    expect(journal).toHaveLength(2);
  });

  it("with an exception fails with cometchat-rejected", async () => {
    const { chat } = app({
      login: () => {
        throw exception("ERR_X");
      },
    });
    expect(await failure(chat.signIn())).toMatchObject({ code: "cometchat-rejected" });
  });
});
