import { describe, expect, it } from "vitest";
import { GatewayError } from "../../../src/client/index.ts";
import { app, exception, failure, GATEWAY, gate, problem, rest, session, token, well } from "./app.ts";

const OFFLINE = new TypeError("Failed to fetch");

describe("a sign-out", () => {
  it("ends the token at the gateway, and logs out of CometChat", async () => {
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

  it("ends all of the user's tokens where it is everywhere", async () => {
    const { chat, sent, journal } = app();
    await chat.signIn();
    await chat.signOut({ everywhere: true });
    expect(sent[1]).toMatchObject({ method: "DELETE", url: `${GATEWAY}/v1/tokens`, body: undefined });
    expect(journal).toContain("logout");
  });

  it("shows at once, whatever it waits for", async () => {
    const { chat, states, answers } = app();
    await chat.signIn();
    const gone = gate<Response>();
    answers.push(() => gone.promise);
    const leaving = chat.signOut();
    expect(chat.state).toEqual({ status: "signed-out" });
    gone.open(new Response(null, { status: 204 }));
    await leaving;
    expect(states.map(({ status }) => status)).toEqual(["signing-in", "signed-in", "signed-out"]);
  });

  it("logs out of CometChat though the gateway cannot be reached, and says so; again, it ends the token", async () => {
    const { chat, answers, journal, sent } = app();
    const { authToken } = await chat.signIn();
    answers.push(...Array.from({ length: 5 }, () => OFFLINE));
    expect(await failure(chat.signOut())).toMatchObject({ code: "network" });
    expect(journal).toContain("logout");
    expect(chat.state).toEqual({ status: "signed-out" });
    await chat.signOut();
    expect(sent.at(-1)).toMatchObject({ method: "DELETE", body: { authToken } });
  });

  it("ends the token though CometChat cannot be reached, and says so", async () => {
    const { chat, sent } = app({ logout: () => Promise.reject(exception("FAILED_TO_FETCH")) });
    await chat.signIn();
    const error = await failure(chat.signOut());
    expect(error).toBeInstanceOf(GatewayError);
    expect(error).toMatchObject({ code: "network" });
    expect(sent[1]).toMatchObject({ method: "DELETE" });
    expect(chat.state.status).toBe("signed-out");
  });

  it("is done where CometChat says that nobody is logged in", async () => {
    const { chat } = app({ logout: () => Promise.reject(exception("USER_NOT_LOGED_IN")) });
    await chat.signIn();
    await expect(chat.signOut()).resolves.toBeUndefined();
  });

  it("needs no logout of the app's", async () => {
    const { chat, sent } = app({ logout: undefined as never });
    await chat.signIn();
    await chat.signOut();
    expect(sent).toHaveLength(2);
  });

  it("asks for another session after a 401, and waits after a 503, as a sign-in does", async () => {
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

  it("sends nothing without a session, logs out of CometChat, and says so", async () => {
    const own = app();
    await own.chat.signIn();
    own.session = undefined;
    expect(await failure(own.chat.signOut())).toMatchObject({ code: "session-missing" });
    expect(own.sent).toHaveLength(1);
    expect(own.journal).toContain("logout");
  });

  it("takes the session that the token was given for where the user has changed", async () => {
    const own = app();
    await own.chat.signIn();
    own.session = session("bob");
    await own.chat.signOut();
    expect(own.sent[1]).toMatchObject({ session: session("alice") });
  });

  it("of nobody is sent without a token, and nothing to end is no error; it changes nothing", async () => {
    const { chat, answers, sent, states } = app();
    answers.push(problem(400, "bad-request"));
    await chat.signOut();
    expect(states).toEqual([]);
    expect(sent).toMatchObject([{ method: "DELETE", body: undefined }]);
  });

  it("that is not understood is an error where a token was named", async () => {
    const { chat, answers } = app();
    await chat.signIn();
    answers.push(problem(400, "bad-request"));
    expect(await failure(chat.signOut())).toMatchObject({ code: "bad-request" });
  });

  it("is one for any number of callers at the same time", async () => {
    const { chat, journal } = app();
    await chat.signIn();
    await Promise.all([chat.signOut(), chat.signOut(), chat.signOut()]);
    expect(journal.slice(2)).toHaveLength(2);
  });

  it("everywhere is done though one of this device is under way", async () => {
    const { chat, journal } = app();
    await chat.signIn();
    await Promise.all([chat.signOut(), chat.signOut({ everywhere: true }), chat.signOut({ everywhere: true })]);
    expect(journal.slice(2).toSorted()).toEqual(["DELETE /v1/token", "DELETE /v1/tokens", "logout"]);
  });
});

describe("a sign-out while signing in", () => {
  it("ends the request: its callers are told `aborted`, and nobody is logged in", async () => {
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

  it("does not lose a token whose answer comes all the same: the next sign-out ends it", async () => {
    const { chat, answers, sent } = app();
    const [asked, ended] = [gate<Response>(), gate<Response>()];
    answers.push(
      () => asked.promise,
      () => ended.promise,
    );
    const signingIn = failure(chat.signIn());
    await rest();
    const leaving = chat.signOut();
    asked.open(token("alice", "late"));
    await rest();
    ended.open(new Response(null, { status: 204 }));
    await Promise.all([signingIn, leaving]);
    await chat.signOut();
    expect(sent.at(-1)).toMatchObject({ method: "DELETE", body: { authToken: "late" } });
  });

  it("ends the pause before another try", async () => {
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

  it("while the app finds its session sends no request for a token", async () => {
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
    "waits with the logout for a login under way, which %s, and ends its token",
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
      const leaving = own.chat.signOut();
      expect(await signingIn).toMatchObject({ code: "aborted" });
      await rest();
      expect(own.journal).not.toContain("logout");
      if (how === "resolves") login.open();
      else login.fail(exception("FAILED_TO_FETCH"));
      await leaving;
      await rest();
      expect(own.journal.at(-1)).toBe("logout");
      expect(own.journal.filter((entry) => entry === "login")).toHaveLength(1);
      expect(own.sent[1]).toMatchObject({ method: "DELETE", body: { authToken: expect.any(String) } });
      expect(own.chat.state).toEqual({ status: "signed-out" });
    },
  );

  it("and a sign-in after it: the former answer is not used, and the logout comes before the login", async () => {
    const own = app();
    const asked = gate<Response>();
    own.answers.push(() => asked.promise);
    const former = failure(own.chat.signIn());
    await rest();
    const leaving = own.chat.signOut();
    own.session = session("bob");
    const signingIn = own.chat.signIn();
    expect(own.chat.state.status).toBe("signing-in");
    asked.open(token("alice", "alice-token"));
    expect(await former).toMatchObject({ code: "aborted" });
    expect(await signingIn).toMatchObject({ uid: "bob" });
    await leaving;
    const kinds = own.journal.map((entry) => entry.replace(/ t\d+$/, ""));
    expect(kinds.indexOf("logout")).toBeLessThan(kinds.indexOf("login"));
    expect(kinds.filter((entry) => entry === "login")).toHaveLength(1);
    expect(own.chat.state.user?.uid).toBe("bob");
  });

  it("which itself waits for a sign-out ends that sign-in too", async () => {
    const { chat, answers, journal } = app();
    await chat.signIn();
    const ending = gate<Response>();
    answers.push(() => ending.promise);
    const leaving = chat.signOut();
    const signingIn = failure(chat.signIn());
    const again = chat.signOut();
    expect(await signingIn).toMatchObject({ code: "aborted" });
    ending.open(new Response(null, { status: 204 }));
    await Promise.all([leaving, again]);
    await rest();
    expect(journal.filter((entry) => entry.startsWith("POST"))).toHaveLength(1);
    expect(chat.state.status).toBe("signed-out");
  });
});

describe("a token that CometChat ended", () => {
  it("is replaced by a fresh one", async () => {
    const { chat, sent, journal, states } = app();
    await chat.signIn();
    await chat.revoked();
    expect(sent[1]).toMatchObject({ method: "POST", body: { fresh: true } });
    expect(journal.filter((entry) => entry.startsWith("login"))).toHaveLength(2);
    expect(states.map(({ status }) => status)).toEqual(["signing-in", "signed-in", "signing-in", "signed-in"]);
  });

  it("is so once, however many say it, and whoever signs in meanwhile", async () => {
    const { chat, journal } = app();
    await chat.signIn();
    await Promise.all([chat.revoked(), chat.revoked(), chat.signIn()]);
    expect(journal).toHaveLength(4);
  });

  it("is so on a page that was loaded anew, too", async () => {
    const { chat, sent } = app();
    await chat.revoked();
    expect(sent[0]).toMatchObject({ body: { fresh: true } });
  });

  it("is so though a sign-in has just found that there was nothing to do", async () => {
    const { chat, sent } = app();
    await chat.signIn();
    await Promise.all([chat.signIn(), chat.revoked()]);
    expect(sent.map(({ body }) => body)).toEqual([undefined, { fresh: true }]);
  });

  it("is so though the sign-in that got it is not done yet", async () => {
    const [login, slow] = [gate(), gate<string>()];
    let times = 0;
    // The session is asked for before the request, before the login, and after it, since another caller has come.
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

  it("belongs to whoever is signed in at the app by now", async () => {
    const own = app();
    await own.chat.signIn();
    own.session = session("bob");
    await own.chat.revoked();
    expect(own.chat.state.user?.uid).toBe("bob");
  });

  it("while offline is asked for again; after five tries the state says so, and the next call may work", async () => {
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
    ["the gateway takes no session any more", [problem(401, "session-expired")], session("alice"), "session-expired"],
    ["there is no session any more", [], undefined, "session-missing"],
  ])("signs out where %s", async (_, answered, after, code) => {
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

  it("does not sign out while the provider, CometChat or the gateway is down", async () => {
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

  it("is nothing to do after a sign-out, which CometChat's SDK tells in the same words", async () => {
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

  it("is nothing to do after a sign-out that came while CometChat refused the token, either", async () => {
    const login = gate();
    const { chat, sent } = app({ login: () => login.promise });
    const signingIn = failure(chat.signIn());
    await rest();
    const leaving = chat.signOut();
    login.fail(exception("AUTH_ERR_AUTH_TOKEN_NOT_FOUND"));
    await Promise.all([signingIn, leaving]);
    await rest();
    await chat.revoked();
    expect(chat.state.status).toBe("signed-out");
    expect(sent.map(({ method }) => method)).toEqual(["POST", "DELETE"]);
  });

  it("and the fresh one with it does not go round for ever, though the SDK tells each refusal as a revocation", async () => {
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

describe("what can be logged", () => {
  const SECRET = "alice_0123456789abcdef0123456789abcdef01234567";
  const shown = (value: unknown) =>
    [JSON.stringify(value), String(value), (value as Error).stack, JSON.stringify({ ...(value as object) })].join("\n");

  it("holds no token: the chat session, and each of its states", async () => {
    const { chat, answers, states } = app();
    answers.push(token("alice", SECRET));
    await chat.signIn();
    expect(JSON.stringify(chat)).toContain('"status":"signed-in"');
    for (const value of [chat, chat.state, ...states]) expect(shown(value)).not.toContain(SECRET);
  });

  it.each([
    ["login", `The auth token ${SECRET} does not exist. Please make sure you are logged in.`],
    ["logout", `DELETE https://x.apiclient-us.cometchat.io/v3.0/me failed for ${SECRET}`],
  ])("holds no token: what a %s rejects with", async (what, message) => {
    const rejecting = () => Promise.reject(Object.assign(new Error(message), { code: "ERR_X", details: { SECRET } }));
    const { chat, answers } = app({ [what]: rejecting });
    answers.push(token("alice", SECRET));
    const error = await failure(what === "login" ? chat.signIn() : chat.signIn().then(() => chat.signOut()));
    expect(error).toMatchObject({ code: "cometchat-rejected", message: expect.stringContaining("ERR_X") });
    for (const value of [error, chat, chat.state]) expect(shown(value)).not.toContain(SECRET);
    expect(error).not.toHaveProperty("cause");
  });

  it("holds neither a former token nor a short one", async () => {
    const { chat, answers } = app({ login: () => Promise.reject(new Error(`not short-1, nor ${SECRET}`)) });
    answers.push(token("alice", "short-1"));
    const error = await failure(chat.signIn());
    expect(shown(error)).toContain("not *, nor *");
  });

  it("holds no session: what the provider rejects with, and what the gateway is told", async () => {
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

  it("is in no address", async () => {
    const { chat, sent, answers } = app();
    answers.push(token("alice", SECRET));
    await chat.signIn();
    await chat.signOut();
    await chat.signOut({ everywhere: true });
    for (const { url } of sent) expect(url).toMatch(/^https:\/\/chat-auth\.example\.com\/v1\/tokens?$/);
  });
});

it("keeps one state object between changes", async () => {
  const own = app();
  own.answers.push((call) => {
    expect(own.chat.state).toBe(own.chat.state);
    return well(call);
  });
  await own.chat.signIn();
  expect(own.chat.state).toBe(own.chat.state);
});
