import { describe, expect, it } from "vitest";
import { GatewayError } from "../../../src/client/index.ts";
import { app, exception, failure, GATEWAY, gate, problem, rest, session, token, well } from "./app.ts";

const OFFLINE = new TypeError("Failed to fetch");

describe("a sign-out", () => {
  it("revokes the token at the gateway, and logs out of CometChat", async () => {
    const { chat, sent, journal } = app();
    const { authToken } = await chat.signIn();
    await chat.signOut();
    expect(sent[1]).toMatchObject({
      method: "DELETE",
      url: `${GATEWAY}/v1/token`,
      session: session("alice"),
      body: { authToken },
    });
    expect(journal.slice(2).toSorted()).toEqual(["DELETE /v1/token", "logout"]);
    expect(chat.state).toEqual({ status: "signed-out" });
  });

  it("revokes all of the user's tokens with everywhere", async () => {
    const { chat, sent, journal } = app();
    await chat.signIn();
    await chat.signOut({ everywhere: true });
    expect(sent[1]).toMatchObject({ method: "DELETE", url: `${GATEWAY}/v1/tokens`, body: undefined });
    expect(journal).toContain("logout");
  });

  it("changes the state at once, before the gateway has answered", async () => {
    const { chat, states, answers } = app();
    await chat.signIn();
    const revocation = gate<Response>();
    answers.push(() => revocation.promise);
    const signingOut = chat.signOut();
    expect(chat.state).toEqual({ status: "signed-out" });
    revocation.open(new Response(null, { status: 204 }));
    await signingOut;
    expect(states.map(({ status }) => status)).toEqual(["signing-in", "signed-in", "signed-out"]);
  });

  it("logs out of CometChat and fails if the gateway is down, and revokes the token at the next call", async () => {
    const { chat, answers, journal, sent } = app();
    const { authToken } = await chat.signIn();
    answers.push(...Array.from({ length: 5 }, () => OFFLINE));
    expect(await failure(chat.signOut())).toMatchObject({ code: "network" });
    expect(journal).toContain("logout");
    expect(chat.state).toEqual({ status: "signed-out" });
    await chat.signOut();
    expect(sent.at(-1)).toMatchObject({ method: "DELETE", body: { authToken } });
  });

  it("revokes the token and fails if CometChat cannot be reached", async () => {
    const { chat, sent } = app({ logout: () => Promise.reject(exception("FAILED_TO_FETCH")) });
    await chat.signIn();
    const error = await failure(chat.signOut());
    expect(error).toBeInstanceOf(GatewayError);
    expect(error).toMatchObject({ code: "network" });
    expect(sent[1]).toMatchObject({ method: "DELETE" });
    expect(chat.state.status).toBe("signed-out");
  });

  it("succeeds if CometChat answers that nobody is logged in", async () => {
    const { chat } = app({ logout: () => Promise.reject(exception("USER_NOT_LOGED_IN")) });
    await chat.signIn();
    await expect(chat.signOut()).resolves.toBeUndefined();
  });

  it("works without a logout function of the app", async () => {
    const { chat, sent } = app({ logout: undefined as never });
    await chat.signIn();
    await chat.signOut();
    expect(sent).toHaveLength(2);
  });

  it("is repeated with another session after a 401, and after a pause after a 503, as a sign-in is", async () => {
    const own = app();
    await own.chat.signIn();
    own.answers.push(
      () => {
        own.session = session("alice", 2);
        return problem(401, "session-expired");
      },
      problem(503, "keys-unavailable", { "Retry-After": "2" }),
    );
    await own.chat.signOut();
    expect(own.sent.slice(1).map((call) => call.session)).toEqual([
      session("alice"),
      session("alice", 2),
      session("alice", 2),
    ]);
    expect(own.pauses).toEqual([2_000]);
  });

  it("without a session sends no request, logs out of CometChat, and fails", async () => {
    const own = app();
    await own.chat.signIn();
    own.session = undefined;
    expect(await failure(own.chat.signOut())).toMatchObject({ code: "session-missing" });
    expect(own.sent).toHaveLength(1);
    expect(own.journal).toContain("logout");
  });

  it("presents the session of the token if the app has one of another user by then", async () => {
    const own = app();
    await own.chat.signIn();
    own.session = session("bob");
    await own.chat.signOut();
    expect(own.sent[1]).toMatchObject({ session: session("alice") });
  });

  it("while nobody is signed in sends no token, succeeds, and changes no state", async () => {
    const { chat, answers, sent, states } = app();
    answers.push(problem(400, "bad-request"));
    await chat.signOut();
    expect(states).toEqual([]);
    expect(sent).toMatchObject([{ method: "DELETE", body: undefined }]);
  });

  it("fails if the gateway answers 400 to a token", async () => {
    const { chat, answers } = app();
    await chat.signIn();
    answers.push(problem(400, "bad-request"));
    expect(await failure(chat.signOut())).toMatchObject({ code: "bad-request" });
  });

  it("is one request for any number of callers at the same time", async () => {
    const { chat, journal } = app();
    await chat.signIn();
    await Promise.all([chat.signOut(), chat.signOut(), chat.signOut()]);
    expect(journal.slice(2)).toHaveLength(2);
  });

  it("everywhere is done too if a sign-out of this device is under way", async () => {
    const { chat, journal } = app();
    await chat.signIn();
    await Promise.all([chat.signOut(), chat.signOut({ everywhere: true }), chat.signOut({ everywhere: true })]);
    expect(journal.slice(2).toSorted()).toEqual(["DELETE /v1/token", "DELETE /v1/tokens", "logout"]);
  });
});

describe("a sign-out during a sign-in", () => {
  it("aborts its request: the callers get the code aborted, and nobody is logged in", async () => {
    const { chat, answers, journal, sent, states } = app();
    const asked = gate<Response>();
    answers.push(() => asked.promise);
    const signingIn = Promise.all([failure(chat.signIn()), failure(chat.signIn())]);
    await rest();
    await chat.signOut();
    for (const error of await signingIn) expect(error).toMatchObject({ code: "aborted", status: 0 });
    expect(sent[0]?.init.signal?.aborted).toBe(true);
    asked.open(token("alice"));
    await rest();
    expect(journal).not.toContainEqual(expect.stringMatching(/^login/));
    expect(states.map(({ status }) => status)).toEqual(["signing-in", "signed-out"]);
  });

  it("does not lose a token that arrives later: the next sign-out revokes it", async () => {
    const { chat, answers, sent } = app();
    const [asked, ended] = [gate<Response>(), gate<Response>()];
    answers.push(
      () => asked.promise,
      () => ended.promise,
    );
    const signingIn = failure(chat.signIn());
    await rest();
    const signingOut = chat.signOut();
    asked.open(token("alice", "late"));
    await rest();
    ended.open(new Response(null, { status: 204 }));
    await Promise.all([signingIn, signingOut]);
    await chat.signOut();
    expect(sent.at(-1)).toMatchObject({ method: "DELETE", body: { authToken: "late" } });
  });

  it("ends the pause before its next attempt", async () => {
    const pause = gate();
    const { chat, answers, sent } = app({ sleep: () => pause.promise });
    answers.push(problem(503, "keys-unavailable"));
    const signingIn = failure(chat.signIn());
    await rest();
    await chat.signOut();
    expect(await signingIn).toMatchObject({ code: "aborted" });
    pause.open();
    await rest();
    expect(sent.map(({ method }) => method)).toEqual(["POST", "DELETE"]);
  });

  it("prevents its request if the app has not yet given a session", async () => {
    const slow = gate<string>();
    let times = 0;
    const { chat, sent } = app({ session: () => (times++ === 0 ? slow.promise : session("alice")) });
    const signingIn = failure(chat.signIn());
    await chat.signOut();
    slow.open(session("alice"));
    expect(await signingIn).toMatchObject({ code: "aborted" });
    await rest();
    expect(sent.map(({ method }) => method)).toEqual(["DELETE"]);
  });

  it.each(["resolves", "rejects"])(
    "waits for its login, which %s, before the logout, and revokes its token",
    async (how) => {
      const login = gate();
      const own = app({
        login: async () => {
          own.journal.push("login");
          await login.promise;
          own.journal.push("logged in");
        },
      });
      const signingIn = failure(own.chat.signIn());
      await rest();
      const signingOut = own.chat.signOut();
      expect(await signingIn).toMatchObject({ code: "aborted" });
      await rest();
      expect(own.journal).not.toContain("logout");
      if (how === "resolves") login.open();
      else login.fail(exception("FAILED_TO_FETCH"));
      await signingOut;
      await rest();
      expect(own.journal.at(-1)).toBe("logout");
      expect(own.journal.filter((entry) => entry === "login")).toHaveLength(1);
      expect(own.sent[1]).toMatchObject({ method: "DELETE", body: { authToken: expect.any(String) } });
      expect(own.chat.state).toEqual({ status: "signed-out" });
    },
  );

  it("and before another sign-in: the first answer is not used, and the logout comes before the login", async () => {
    const own = app();
    const asked = gate<Response>();
    own.answers.push(() => asked.promise);
    const former = failure(own.chat.signIn());
    await rest();
    const signingOut = own.chat.signOut();
    own.session = session("bob");
    const signingIn = own.chat.signIn();
    expect(own.chat.state.status).toBe("signing-in");
    asked.open(token("alice", "alice-token"));
    expect(await former).toMatchObject({ code: "aborted" });
    expect(await signingIn).toMatchObject({ uid: "bob" });
    await signingOut;
    const kinds = own.journal.map((entry) => entry.replace(/ t\d+$/, ""));
    expect(kinds.indexOf("logout")).toBeLessThan(kinds.indexOf("login"));
    expect(kinds.filter((entry) => entry === "login")).toHaveLength(1);
    expect(own.chat.state.user?.uid).toBe("bob");
  });

  it("that waits for another sign-out aborts that sign-in too", async () => {
    const { chat, answers, journal } = app();
    await chat.signIn();
    const ending = gate<Response>();
    answers.push(() => ending.promise);
    const signingOut = chat.signOut();
    const signingIn = failure(chat.signIn());
    const second = chat.signOut();
    expect(await signingIn).toMatchObject({ code: "aborted" });
    ending.open(new Response(null, { status: 204 }));
    await Promise.all([signingOut, second]);
    await rest();
    expect(journal.filter((entry) => entry.startsWith("POST"))).toHaveLength(1);
    expect(chat.state.status).toBe("signed-out");
  });
});

describe("a token that CometChat has revoked", () => {
  it("is replaced by a fresh one", async () => {
    const { chat, sent, journal, states } = app();
    await chat.signIn();
    await chat.revoked();
    expect(sent[1]).toMatchObject({ method: "POST", body: { fresh: true } });
    expect(journal.filter((entry) => entry.startsWith("login"))).toHaveLength(2);
    expect(states.map(({ status }) => status)).toEqual(["signing-in", "signed-in", "signing-in", "signed-in"]);
  });

  it("is replaced once, however often it is reported, and during a sign-in too", async () => {
    const { chat, journal } = app();
    await chat.signIn();
    await Promise.all([chat.revoked(), chat.revoked(), chat.signIn()]);
    expect(journal).toHaveLength(4);
  });

  it("is replaced on a page that was just loaded too", async () => {
    const { chat, sent } = app();
    await chat.revoked();
    expect(sent[0]).toMatchObject({ body: { fresh: true } });
  });

  it("is replaced during a sign-in that sends no request", async () => {
    const { chat, sent } = app();
    await chat.signIn();
    await Promise.all([chat.signIn(), chat.revoked()]);
    expect(sent.map(({ body }) => body)).toEqual([undefined, { fresh: true }]);
  });

  it("is replaced before the sign-in that got it has ended", async () => {
    const [login, slow] = [gate(), gate<string>()];
    let times = 0;
    // The client asks for the session before the request, before the login, and after it because of the second caller.
    const { chat, sent } = app({
      login: () => login.promise,
      session: () => (++times === 3 ? slow.promise : session("alice")),
    });
    const callers = [chat.signIn()];
    await rest();
    callers.push(chat.signIn());
    login.open();
    await rest();
    const revoked = chat.revoked();
    slow.open(session("alice"));
    await Promise.all([...callers, revoked]);
    expect(sent.map(({ body }) => body)).toEqual([undefined, { fresh: true }]);
  });

  it("is replaced by one of the user whose session the app has by then", async () => {
    const own = app();
    await own.chat.signIn();
    own.session = session("bob");
    await own.chat.revoked();
    expect(own.chat.state.user?.uid).toBe("bob");
  });

  it("is not replaced after five failed attempts, which the state shows, and is replaced at the next call", async () => {
    const { chat, answers, sent, pauses } = app();
    await chat.signIn();
    answers.push(...Array.from({ length: 5 }, () => OFFLINE));
    const error = await failure(chat.revoked());
    expect(error).toMatchObject({ code: "network" });
    expect(chat.state).toEqual({ status: "failed", error });
    expect([sent.length, pauses.length]).toEqual([6, 4]);
    await chat.revoked();
    expect(chat.state.status).toBe("signed-in");
  });

  it.each([
    ["the gateway refuses the session", [problem(401, "session-expired")], session("alice"), "session-expired"],
    ["the app has no session", [], undefined, "session-missing"],
  ])("causes a sign-out if %s", async (_, answered, after, code) => {
    const own = app();
    await own.chat.signIn();
    own.session = after;
    own.answers.push(...answered);
    const error = await failure(own.chat.revoked());
    expect(error).toMatchObject({ code, status: 401 });
    expect(own.chat.state).toEqual({ status: "signed-out", error });
    expect(own.journal.at(-1)).toBe("logout");
    expect(own.states.map(({ status }) => status)).not.toContain("failed");
  });

  it("causes no sign-out while the provider, CometChat or the gateway is down", async () => {
    for (const [status, code] of [
      [503, "keys-unavailable"],
      [504, "cometchat-timeout"],
      [500, "internal"],
    ] as const) {
      const { chat, answers, journal } = app();
      await chat.signIn();
      answers.push(...Array.from({ length: 5 }, () => problem(status, code)));
      await failure(chat.revoked());
      expect(chat.state.status).toBe("failed");
      expect(journal).not.toContain("logout");
    }
  });

  it("is not replaced after a sign-out, although the SDK reports that in the same way", async () => {
    const own = app({
      logout: async () => {
        own.journal.push("logout");
        await own.chat.revoked();
      },
    });
    await own.chat.signIn();
    await own.chat.signOut();
    await own.chat.revoked();
    expect(own.journal.slice(2).toSorted()).toEqual(["DELETE /v1/token", "logout"]);
    await own.chat.signIn();
    await own.chat.revoked();
    expect(own.chat.state.status).toBe("signed-in");
  });

  it("is not replaced after a sign-out that came while CometChat refused the token", async () => {
    const login = gate();
    const { chat, sent } = app({ login: () => login.promise });
    const signingIn = failure(chat.signIn());
    await rest();
    const signingOut = chat.signOut();
    login.fail(exception("AUTH_ERR_AUTH_TOKEN_NOT_FOUND"));
    await Promise.all([signingIn, signingOut]);
    await rest();
    await chat.revoked();
    expect(chat.state.status).toBe("signed-out");
    expect(sent.map(({ method }) => method)).toEqual(["POST", "DELETE"]);
  });

  it("is replaced once, although the SDK reports each refusal of a token as a revocation", async () => {
    const own = app({
      login: async () => {
        setTimeout(() => own.chat.revoked().catch(() => undefined));
        throw exception("AUTH_ERR_AUTH_TOKEN_NOT_FOUND");
      },
    });
    expect(await failure(own.chat.signIn())).toMatchObject({ code: "cometchat-rejected" });
    await rest();
    expect(own.sent).toHaveLength(2);
    expect(own.chat.state.status).toBe("failed");
  });
});

describe("a log that an app writes", () => {
  const SECRET = "alice_0123456789abcdef0123456789abcdef01234567";
  const shown = (value: unknown) =>
    [JSON.stringify(value), String(value), (value as Error).stack, JSON.stringify({ ...(value as object) })].join("\n");

  it("never has a token in it from the chat session or one of its states", async () => {
    const { chat, answers, states } = app();
    answers.push(token("alice", SECRET));
    await chat.signIn();
    expect(JSON.stringify(chat)).toContain('"status":"signed-in"');
    for (const value of [chat, chat.state, ...states]) expect(shown(value)).not.toContain(SECRET);
  });

  it.each([
    ["login", `The auth token ${SECRET} does not exist. Please make sure you are logged in.`],
    ["logout", `DELETE https://x.apiclient-us.cometchat.io/v3.0/me failed for ${SECRET}`],
  ])("never has a token in it from an error of %s", async (what, message) => {
    const rejecting = () => Promise.reject(Object.assign(new Error(message), { code: "ERR_X", details: { SECRET } }));
    const { chat, answers } = app({ [what]: rejecting });
    answers.push(token("alice", SECRET));
    const error = await failure(what === "login" ? chat.signIn() : chat.signIn().then(() => chat.signOut()));
    expect(error).toMatchObject({ code: "cometchat-rejected", message: expect.stringContaining("ERR_X") });
    for (const value of [error, chat, chat.state]) expect(shown(value)).not.toContain(SECRET);
    expect(error).not.toHaveProperty("cause");
  });

  it("never has an older or a short token in it", async () => {
    const { chat, answers } = app({ login: () => Promise.reject(new Error(`not short-1, nor ${SECRET}`)) });
    answers.push(token("alice", "short-1"));
    const error = await failure(chat.signIn());
    expect(shown(error)).toContain("not *, nor *");
  });

  it("never has a session in it from an error of the provider or of a request", async () => {
    const { chat } = app({ session: () => Promise.reject(new Error(`expired: ${session("alice")}`)) });
    expect(shown(await failure(chat.signIn()))).not.toContain(session("alice").slice(0, 20));
    const other = app();
    other.answers.push(
      (call) => {
        throw new TypeError(`Failed to fetch with ${call.session}`);
      },
      ...Array.from({ length: 4 }, () => OFFLINE),
    );
    expect(shown(await failure(other.chat.signIn()))).not.toContain(session("alice").slice(0, 20));
  });

  it("of addresses never has a token or session in it", async () => {
    const { chat, sent, answers } = app();
    answers.push(token("alice", SECRET));
    await chat.signIn();
    await chat.signOut();
    await chat.signOut({ everywhere: true });
    for (const { url } of sent) expect(url).toMatch(/^https:\/\/chat-auth\.example\.com\/v1\/tokens?$/);
  });
});

it("the state is the same object until it changes", async () => {
  const own = app();
  own.answers.push((call) => {
    expect(own.chat.state).toBe(own.chat.state);
    return well(call);
  });
  await own.chat.signIn();
  expect(own.chat.state).toBe(own.chat.state);
});
