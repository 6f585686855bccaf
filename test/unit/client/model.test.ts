import fc from "fast-check";
import { expect, inject, it } from "vitest";
import { createChatSession, GatewayError } from "../../../src/client/index.ts";
import { exception, session, subjectOf } from "./app.ts";

const RUNS = 2_000;

type Step =
  | "sign in"
  | "sign out"
  | "sign out everywhere"
  | "revoke" // CometChat revokes the token of the user who is logged in, and the SDK reports it
  | { readonly user: "alice" | "bob" | undefined; readonly turn: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.constant("sign in" as const) },
  { weight: 2, arbitrary: fc.constantFrom("sign out" as const, "sign out everywhere" as const) },
  { weight: 1, arbitrary: fc.constant("revoke" as const) },
  { weight: 3, arbitrary: fc.record({ user: fc.constantFrom("alice", "bob", undefined), turn: fc.nat(3) }) },
);
/** The outcomes of the next requests and logins. After them, all succeed. */
const outcomes = fc.array(
  fc.constantFrom("well", "well", "well", "offline", 503, 401, 403, "unknown token", "in progress", "other"),
  { maxLength: 12 },
);

/** CometChat's SDK as an app sees it: one user at a time, one login at a time, and a listener. */
interface Sdk {
  user: string | undefined;
  token: string | undefined;
  busy: string | undefined;
}

/** An answer whose body is there at once. Reading a real body takes time that the scheduler does not control. */
const answer = (status: number, body: unknown) =>
  ({ ok: status < 300, status, headers: new Headers(), json: async () => body }) as Response;

it("a chat session always ends with the SDK logged in as the session's user or logged out, in any order of events", async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), fc.array(step, { maxLength: 12 }), outcomes, async (s, steps, planned) => {
      const outcome = [...planned];
      const live = new Map<string, string>();
      const sdk: Sdk = { user: undefined, token: undefined, busy: undefined };
      const wrong: string[] = [];
      const shown: string[] = [];
      const results: Promise<unknown>[] = [];
      let current: string | undefined = session("alice");
      let minted = 0;
      /** Whether the app's last call was a sign-in. */
      let wanted: boolean | undefined;

      const watched = (promise: Promise<unknown>) =>
        results.push(
          promise.catch((error: unknown) => {
            if (!(error instanceof GatewayError)) wrong.push(`rejected with ${error}`);
            shown.push(`${error} ${JSON.stringify(error)}`);
          }),
        );
      const alone = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
        if (sdk.busy) wrong.push(`${what} during a ${sdk.busy}`);
        sdk.busy = what;
        try {
          return await work();
        } finally {
          sdk.busy = undefined;
        }
      };
      /** The README's listener, which the SDK calls at every logout. */
      const loggedOut = () => {
        sdk.user = undefined;
        sdk.token = undefined;
        watched(chat.revoked());
      };

      const chat = createChatSession({
        gateway: "https://gateway.example",
        session: () => s.schedule(Promise.resolve(), "session").then(() => current),
        fetch: async (_, init) => {
          const who = subjectOf(`${(init.headers as Record<string, string>).Authorization}`.replace("Bearer ", ""));
          const { method } = init;
          await s.schedule(Promise.resolve(), `${method} as ${who}`);
          const how = outcome.shift();
          if (how === "offline") throw new TypeError("Failed to fetch");
          if (typeof how === "number") return answer(how, { code: `code-of-${how}` });
          if (method === "POST") {
            const authToken = `secret-${++minted}`;
            live.set(authToken, who);
            return answer(201, { authToken, uid: who, appId: "app", region: "us", created: false });
          }
          const named = init.body && (JSON.parse(`${init.body}`) as { authToken: string }).authToken;
          for (const [one, owner] of live) if (owner === who && (!named || one === named)) live.delete(one);
          return answer(204, undefined);
        },
        login: ({ authToken, uid }) => {
          if (current === undefined || subjectOf(current) !== uid) wrong.push(`login of ${uid} with ${current}`);
          return alone("login", async () => {
            await s.schedule(Promise.resolve(), `login of ${uid}`);
            const how = outcome.shift();
            if (how === "offline") throw exception("FAILED_TO_FETCH");
            if (how === "in progress") throw exception(-1, "LOGIN_IN_PROGRESS");
            if (how === "other") throw exception("ERR_X", "X", `${authToken} is refused`);
            if (how === "unknown token" || !live.has(authToken)) {
              loggedOut();
              throw exception("AUTH_ERR_AUTH_TOKEN_NOT_FOUND", "X", `The auth token ${authToken} does not exist.`);
            }
            sdk.user = uid;
            sdk.token = authToken;
          });
        },
        logout: () =>
          alone("logout", async () => {
            await s.schedule(Promise.resolve(), "logout");
            if (sdk.user === undefined) throw exception("USER_NOT_LOGED_IN");
            const failed = outcome.shift() === "offline";
            loggedOut();
            if (failed) throw exception("FAILED_TO_FETCH");
          }),
        sleep: () => s.schedule(Promise.resolve(), "pause"),
      });
      let last = chat.state;
      chat.subscribe((next) => {
        if (next === last) wrong.push("a listener was called without a change");
        last = next;
        shown.push(JSON.stringify([next, chat]));
        if ((next.status === "signed-in") !== (next.user !== undefined)) wrong.push(`a user while ${next.status}`);
        // The state that the app gets is the state of the SDK.
        if (next.status === "signed-in" && next.user?.uid !== sdk.user)
          wrong.push(`${next.user?.uid} is not logged in`);
      });

      s.scheduleSequence(
        steps.map((next) => ({
          label: JSON.stringify(next),
          builder: async () => {
            if (`${next}`.startsWith("sign")) wanted = next === "sign in";
            if (next === "sign in") watched(chat.signIn());
            else if (next === "sign out") watched(chat.signOut());
            else if (next === "sign out everywhere") watched(chat.signOut({ everywhere: true }));
            else if (next === "revoke") {
              if (sdk.token === undefined || sdk.busy) return;
              live.delete(sdk.token);
              loggedOut();
            } else current = next.user && session(next.user, next.turn);
          },
        })),
      );
      await s.waitIdle();
      await Promise.all(results);
      expect(chat.state).toBe(last);
      expect(chat.state.status, "everything has ended").not.toBe("signing-in");
      if (wanted === false) expect(chat.state.status, "a sign-out signs nobody in").toBe("signed-out");
      if (chat.state.status === "signed-in") expect(sdk.user).toBe(chat.state.user?.uid);
      if (chat.state.status === "signed-out") expect(sdk.user, "logged in though signed out").toBeUndefined();

      // From here on, everything succeeds.
      outcome.length = 0;
      current = session("carol");
      watched(chat.signIn());
      await s.waitIdle();
      expect([chat.state.status, chat.state.user?.uid, sdk.user]).toEqual(["signed-in", "carol", "carol"]);
      const used = `${sdk.token}`;
      watched(chat.signOut());
      await s.waitIdle();
      expect([chat.state.status, sdk.user, live.has(used)]).toEqual(["signed-out", undefined, false]);
      await Promise.all(results);
      expect(wrong).toEqual([]);
      expect(shown.filter((text) => text.includes("secret-")).slice(0, 1)).toEqual([]);
    }),
    { numRuns: RUNS, seed: inject("fuzz").seed },
  );
}, 120_000);
