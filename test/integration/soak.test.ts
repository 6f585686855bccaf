import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { seeded, soak } from "../soak/drive.ts";
import { shaky, unreliable } from "../soak/storage.ts";
import { virtualTime } from "../support/time.ts";
import { bodyOf, createWorld, type ProblemAnswer, type TokenAnswer, unlimited } from "../support/world.ts";

virtualTime();

// `npm run soak` does the same for 20,000 sign-ins, through sockets, and measures it.
test("1,000 sign-ins of 100 users lose nobody while a tenth of CometChat's answers and of KV's operations fail", async () => {
  const random = seeded(20261124);
  const world = createWorld({
    env: {
      REQUEST_TIMEOUT_MS: 2_000,
      USERS: unreliable(env.USERS, random),
      RATE_LIMIT_IP: shaky(unlimited, random),
      RATE_LIMIT_USER: shaky(unlimited, random),
    },
    deps: { random },
    // Each answer takes some time, so that the work of other requests comes in between.
    simulator: { sampleUsers: false, random, latency: () => 5 + random() * 20 },
    provider: { algorithms: ["ES256"] },
  });
  const trial = { users: 100, signIns: 1_000, concurrency: 20, faulty: 0.1, random, patience: () => 10 };
  const outcome = await soak(trial, world.simulator, async (subject) => {
    const session = await world.provider.issue({ subject });
    const response = await world.ask("/v1/token", { method: "POST", headers: { authorization: `Bearer ${session}` } });
    const body = await bodyOf<TokenAnswer | ProblemAnswer>(response);
    return { status: response.status, ...body };
  });
  await world.finish();

  expect(outcome).toMatchObject({ lost: 0, wrongTokens: 0, strangers: [], missing: [] });
  const odd = Object.keys(outcome.answers).filter((answer) => !/^(201|503|504)/.test(answer));
  expect(odd).toEqual([]);
  // Almost all sign-ins work at the first try.
  expect(outcome.first).toBeGreaterThan(950);
  // This shows that there were faults.
  expect(outcome.faults).toBeGreaterThan(70);
}, 60_000);
