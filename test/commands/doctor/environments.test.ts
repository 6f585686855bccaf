import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { advice, doctor, look, right, SECRETS, serve, TOKEN_KEY, wrong } from "../../support/doctor.ts";
import { bindings, deployment, HMAC_KEY } from "../place.ts";

serve();

const production = () => ({ ...right(), TOKENS: { reuse: "session" } });
const staging = (change: object) => ({ top: { env: { staging: change } }, env: "staging" });
const secrets = { ...SECRETS, TOKEN_ENCRYPTION_KEY: TOKEN_KEY };

describe("npm run doctor with --env", () => {
  it("names what the environment does not inherit, and where to write it", async () => {
    const report = await doctor({ vars: production(), secrets, ...staging({}) });
    const remedies = new Map(wrong(report).map(({ name, remedy }) => [name, remedy]));
    expect(remedies.get("[env.staging] USERS")).toBe(
      'Write it in [[env.staging.kv_namespaces]] with binding = "USERS".',
    );
    expect(remedies.get("[env.staging] LEDGER")).toContain("[env.staging.durable_objects]");
    expect(remedies.get("[env.staging] RATE_LIMIT_IP")).toContain(
      '[[env.staging.ratelimits]] with name = "RATE_LIMIT_IP"',
    );
    expect(remedies.get("[env.staging] TOKENS")).toBe("Write it in [env.staging.vars]: TOKENS.");
    expect(remedies.get("[env.staging] SESSION_ISSUERS")).toBe("Write it in [env.staging.vars]: SESSION_ISSUERS.");
    expect(advice(report).map(({ name }) => name)).toContain("[env.staging] METRICS");
  });

  it("accepts an environment that repeats everything, and advises against sharing", async () => {
    const kv = [{ binding: "USERS", id: "0123456789abcdef0123456789abcdef" }];
    const own = { ...bindings, kv_namespaces: kv, vars: production() };
    const report = await doctor({
      vars: production(),
      secrets,
      top: { kv_namespaces: kv, env: { staging: own } },
      env: "staging",
    });
    expect(wrong(report)).toEqual([]);
    const shared = advice(report).map(({ name }) => name);
    expect(shared).toEqual(
      ["USERS", "RATE_LIMIT_IP", "RATE_LIMIT_USER", "METRICS", "COMETCHAT_APPS"].map((name) => `[env.staging] ${name}`),
    );
  });

  it("reads .dev.vars.staging, and names the environment in the remedies", async () => {
    const own = { ...bindings, vars: production() };
    const config = deployment(production(), secrets, { env: { staging: own } });
    writeFileSync(
      join(dirname(config), ".dev.vars.staging"),
      `JWT_SECRET=${HMAC_KEY}\nTOKEN_ENCRYPTION_KEY=${TOKEN_KEY}\n`,
      { mode: 0o600 },
    );
    const [check] = wrong(await look({ config, env: "staging" }));
    expect(check?.remedy).toBe("npx wrangler secret put COMETCHAT_API_KEY --env staging (locally: .dev.vars.staging)");
  });

  it("reports an environment that does not exist", async () => {
    const [check] = wrong(await doctor({ env: "staging", top: { env: { prod: {} } } }));
    expect(check).toMatchObject({
      name: "wrangler.toml",
      detail: expect.stringContaining('No environment found in configuration with name "staging"'),
    });
  });
});

describe("npm run doctor without --env", () => {
  it("finds what the environments lack", async () => {
    const report = await doctor({
      vars: production(),
      secrets,
      top: { env: { staging: { ...bindings, vars: right() } } },
    });
    expect(report.ok).toBe(true);
    expect(advice(report)).toMatchObject([
      { name: "[env.staging]", detail: expect.stringMatching(/^TOKENS: /), remedy: "npm run doctor -- --env staging" },
    ]);
  });
});
