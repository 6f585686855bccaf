import { afterAll, afterEach, beforeAll, expect, vi } from "vitest";
import { type BetterAuth, startBetterAuth } from "../providers/betterauth.ts";
import { type Oidc, startOidc } from "../providers/oidc.ts";
import { type Sandbox, startSandbox } from "../sandbox/index.ts";
import { leaks } from "./leaks.ts";

/** Two identity providers from npm, and the gateway in workerd. They talk to each other over real sockets. */
export let oidc: Oidc;
export let better: BetterAuth;
export let sandbox: Sandbox;

beforeAll(async () => {
  // oidc-provider prints advice for production.
  for (const method of ["info", "warn"] as const) vi.spyOn(console, method).mockImplementation(() => undefined);
  [oidc, better] = await Promise.all([startOidc(), startBetterAuth()]);
  sandbox = await startSandbox({
    onMint: leaks.addToken,
    vars: {
      SESSION_ISSUERS: [
        {
          name: "oidc-provider",
          issuer: oidc.issuer,
          audience: oidc.audience,
          sessionIdClaim: "sid",
          uid: { prefix: "o_" },
        },
        { issuer: better.issuer, preset: "better-auth", uid: { prefix: "b_" } },
        // Nothing listens on this port: a provider that is down.
        { name: "down", issuer: "http://127.0.0.1:9", audience: ["chat"], uid: { prefix: "n_" } },
      ],
    },
  });
  await oidc.open(sandbox.gateway);
});

afterEach(() => {
  leaks.addSettings(sandbox.secrets);
  leaks.addLines(sandbox.logs);
  expect(leaks.found(), "no session, auth token or key in the gateway's log").toEqual([]);
});

afterAll(async () => {
  await sandbox?.stop();
  await Promise.all([oidc?.close(), better?.close()]);
});

interface Answer {
  readonly status: number;
  readonly retryAfter: number;
  readonly body: { readonly uid?: string; readonly code?: string; readonly authToken?: string };
}

/** POST /v1/token with this session. */
export async function ask(session: string): Promise<Answer> {
  leaks.addSecret(session);
  const response = await fetch(new URL("/v1/token", sandbox.gateway), {
    method: "POST",
    headers: { Authorization: `Bearer ${session}` },
  });
  return {
    status: response.status,
    retryAfter: Number(response.headers.get("retry-after")),
    body: (await response.json()) as Answer["body"],
  };
}

export const nameOf = (uid: string | undefined) => sandbox.simulator.user(uid ?? "")?.name;
