import { describe, expect, test } from "vitest";
import type { Effect } from "../sandbox/cometchat/index.ts";
import { virtualTime } from "../support/time.ts";
import { bodyOf, createWorld, type ProblemAnswer, type World } from "../support/world.ts";

virtualTime();

const DEADLINE = 500;

/** The answer to a sign-out if the fault affects one call, and if it affects all. */
const faults: readonly [name: string, effect: Effect, once: string, always: string][] = [
  ["no connection", { kind: "refuse" }, "204", "503 cometchat-unavailable"],
  ["the connection is reset", { kind: "reset" }, "204", "503 cometchat-unavailable"],
  ["the call is done, and its answer lost", { kind: "drop" }, "204", "503 cometchat-unavailable"],
  ["the answer is cut off", { kind: "cut" }, "204", "503 cometchat-unavailable"],
  ["the call is done, and answered as failed", { kind: "partial" }, "204", "503 cometchat-unavailable"],
  ["no answer", { kind: "hang" }, "204", "504 cometchat-timeout"],
  ["headers, and then silence", { kind: "silence" }, "204", "504 cometchat-timeout"],
  ["a page, with 200", { kind: "html", status: 200 }, "204", "503 cometchat-unavailable"],
  ["nothing, with 200", { kind: "empty" }, "204", "503 cometchat-unavailable"],
  ["a redirect", { kind: "redirect", location: "https://elsewhere.example/" }, "204", "503 cometchat-unavailable"],
  ["a proxy's 502", { kind: "html" }, "204", "503 cometchat-unavailable"],
  ["an exception", { kind: "error", code: "ERR_EXCEPTION" }, "204", "503 cometchat-unavailable"],
  [
    "a revocation that failed",
    { kind: "error", code: "ERR_AUTH_TOKEN_DELETE_FAILED" },
    "204",
    "503 cometchat-unavailable",
  ],
  [
    "an answer without success",
    { kind: "answer", status: 200, body: '{"data":{"success":false}}' },
    "204",
    "503 cometchat-unavailable",
  ],
  ["a wrong key", { kind: "wrongKey" }, "502 cometchat-rejected", "502 cometchat-rejected"],
  [
    "an authOnly key",
    { kind: "error", code: "AUTH_ERR_NO_ACCESS" },
    "502 cometchat-rejected",
    "502 cometchat-rejected",
  ],
  ["429", { kind: "error", code: "ERR_TOO_MANY_REQUESTS" }, "503 cometchat-rate-limited", "503 cometchat-rate-limited"],
];

const calls = ["DELETE /v1/token", "DELETE /v1/tokens"] as const;
const cells = faults.flatMap(([name, effect, once, always]) =>
  calls.flatMap((call) => [
    { name, effect, call, times: 1, expected: once },
    { name, effect, call, times: Number.POSITIVE_INFINITY, expected: always },
  ]),
);

function hastyWorld() {
  let moved = 0;
  const world = createWorld({
    env: { REQUEST_TIMEOUT_MS: DEADLINE },
    deps: { now: () => Date.now() + moved, random: () => 0 },
    simulator: { sampleUsers: false },
    provider: { algorithms: ["ES256"] },
  });
  return {
    ...world,
    pass: (ms: number) => {
      moved += ms;
    },
  };
}

const signOut = (world: World, call: (typeof calls)[number], session: string, authToken: string) => {
  const headers: Record<string, string> = { authorization: `Bearer ${session}` };
  if (call === "DELETE /v1/tokens") return world.ask("/v1/tokens", { method: "DELETE", headers });
  const body = JSON.stringify({ authToken });
  return world.ask("/v1/token", {
    method: "DELETE",
    headers: { ...headers, "content-type": "application/json" },
    body,
  });
};

describe("a sign-out is answered 204 only when it is done, and can be repeated:", () => {
  test.each(
    cells.map((cell) => [cell.call, cell.name, cell.times === 1 ? "once" : "always", cell.expected, cell] as const),
  )("%s: %s, %s: %s", async (_call, _name, _often, _expected, { call, effect, times, expected }) => {
    const world = hastyWorld();
    const session = await world.provider.issue({ subject: "alice" });
    const { authToken } = await bodyOf(await world.signIn(session));

    const id = world.simulator.faults.add({ match: "any", times, effect });
    const begun = Date.now();
    const response = await signOut(world, call, session, authToken);
    expect(Date.now() - begun).toBeLessThanOrEqual(DEADLINE);
    if (response.status === 204) {
      // The second attempt finds a token unknown that the first has revoked, and so is done.
      const doneBefore = effect.kind === "partial" && call === "DELETE /v1/token";
      expect(doneBefore ? "204" : expected).toBe("204");
      expect(world.simulator.tokens("alice")).toEqual([]);
    } else {
      const { code } = await bodyOf<ProblemAnswer>(response);
      expect(`${response.status} ${code}`).toBe(expected);
    }
    expect(JSON.stringify(world.lines)).not.toContain(authToken);

    world.simulator.faults.remove(id);
    await world.finish();
    world.pass(61_000);
    expect((await signOut(world, call, session, authToken)).status).toBe(204);
    await world.finish();
    expect(world.simulator.tokens("alice")).toEqual([]);
  });
});
