import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import { afterAll, beforeAll, beforeEach, expect, vi } from "vitest";
import { examine } from "../../src/commands/doctor/doctor.ts";
import type { Check, Report } from "../../src/commands/doctor/report.ts";
import { platform } from "../../src/platform.ts";
import { API_KEY, deployment, HMAC_KEY } from "../commands/place.ts";
import { type Oidc, startOidc } from "../providers/oidc.ts";
import { createSimulator, type Simulator } from "../sandbox/cometchat/index.ts";
import { type Listener, listen } from "../sandbox/server.ts";

export const NARROW_KEY = "abcdef0123456789abcdef0123456789abcdef01";
export const WRONG_KEY = "ffffffffffffffffffffffffffffffffffffffff";
export const SECRETS = { COMETCHAT_API_KEY: API_KEY, JWT_SECRET: HMAC_KEY };
export const TOKEN_KEY = btoa("0".repeat(32));

export let simulator: Simulator;
let cometchat: Listener;
export let provider: Listener;
/** The provider's answers, by path. */
export let pages: Record<string, Response | (() => Response)>;

/** A simulated CometChat and an identity provider for the tests of the file, on loopback. */
export function serve(): void {
  beforeAll(async () => {
    simulator = createSimulator({
      appId: "app1",
      region: "us",
      keys: { [API_KEY]: "fullAccess", [NARROW_KEY]: "authOnly" },
      sampleUsers: false,
    });
    cometchat = await listen((request) => simulator.fetch(request), 0);
    provider = await listen(async (request) => {
      const page = pages[new URL(request.url).pathname] ?? new Response("nothing here", { status: 404 });
      return typeof page === "function" ? page() : page.clone();
    }, 0);
  });

  afterAll(async () => {
    await Promise.all([cometchat?.close(), provider?.close()]);
  });

  beforeEach(() => {
    pages = {};
    simulator.reset();
  });
}

export let oidc: Oidc;

/** `oidc-provider`, for the tests of the file. */
export function serveOidc(): void {
  beforeAll(async () => {
    // oidc-provider prints advice for production.
    for (const method of ["info", "warn"] as const) vi.spyOn(console, method).mockImplementation(() => undefined);
    oidc = await startOidc();
    await oidc.open(new URL("http://127.0.0.1:9"));
  });
  afterAll(async () => {
    vi.restoreAllMocks();
    await oidc?.close();
  });
}

export const issuerUrl = () => `http://127.0.0.1:${provider.port}`;
export const app = () => ({ appId: "app1", region: "us", baseUrl: `http://127.0.0.1:${cometchat.port}/v3` });
export const hs256 = { issuer: "https://backend.test", audience: ["chat"], secret: "JWT_SECRET" };

/** A configuration that is right. */
export const right = () => ({
  ALLOWED_ORIGINS: ["https://app.test"],
  COMETCHAT_APPS: { main: app() } as Record<string, unknown>,
  SESSION_ISSUERS: [hs256] as Record<string, unknown>[],
});

export interface Case {
  readonly vars?: Readonly<Record<string, unknown>>;
  readonly secrets?: Readonly<Record<string, string>>;
  readonly top?: Readonly<Record<string, unknown>>;
  readonly env?: string;
  readonly session?: string;
}

export async function doctor({ vars = {}, secrets = SECRETS, top = {}, env, session }: Case): Promise<Report> {
  const config = deployment({ ...right(), ...vars }, secrets, top);
  return look({ config, env, session });
}

export async function look(asked: {
  config: string;
  env?: string | undefined;
  session?: string | undefined;
}): Promise<Report> {
  const report = await examine(asked, { ...platform, cache: () => undefined, log: () => {} });
  const text = JSON.stringify(report);
  for (const secret of [API_KEY, NARROW_KEY, WRONG_KEY, HMAC_KEY, TOKEN_KEY, asked.session]) {
    if (secret !== undefined) expect(text, "no secret and no session is shown").not.toContain(secret);
  }
  expect(report.ok).toBe(report.checks.every(({ ok }) => ok) && report.session?.accepted !== false);
  return report;
}

/** CometChat answers every call with this code. */
export function refused(code: string): Case {
  simulator.faults.add({ match: "any", effect: { kind: "error", code } });
  return {};
}

export function seeded(user: object, asked: Case = {}): Case {
  simulator.seed({ uid: "ada", ...user });
  return asked;
}

export const wrong = ({ checks }: Report): readonly Check[] => checks.filter(({ ok }) => !ok);
export const advice = ({ checks }: Report): readonly Check[] =>
  checks.filter(({ ok, remedy }) => ok && remedy !== undefined);

export async function keyPair(alg: string, more: object = {}) {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  return { privateKey, jwk: { ...(await exportJWK(publicKey)), kid: `key-${alg}`, alg, use: "sig", ...more } };
}

export function publish(keys: readonly object[], change: object = {}): void {
  pages["/.well-known/openid-configuration"] = Response.json({
    issuer: issuerUrl(),
    jwks_uri: `${issuerUrl()}/jwks`,
    ...change,
  });
  pages["/jwks"] = Response.json({ keys });
}

/** Publishes the keys as `publish` does, and returns the settings of the issuer for the test. */
export function published(keys: readonly object[], change: object = {}, settings: object = {}): object {
  publish(keys, change);
  return settings;
}

export function answering(page: Response): object {
  pages["/.well-known/openid-configuration"] = page;
  return {};
}

export const hmacKey = new TextEncoder().encode(HMAC_KEY);
export const inAnHour = () => Math.floor(Date.now() / 1000) + 3600;
export const sign = (claims: JWTPayload, header: object = {}, key: Uint8Array = hmacKey) =>
  new SignJWT({ iss: hs256.issuer, aud: "chat", sub: "ada", exp: inAnHour(), ...claims })
    .setProtectedHeader({ alg: "HS256", ...header })
    .sign(key);
