import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "smol-toml";
import { expect, it } from "vitest";
import { BINDINGS } from "../../../src/config/env.ts";
import { parseConfig } from "../../../src/config/parse.ts";
import { doctor, look, serve, wrong } from "../../support/doctor.ts";
import { API_KEY, folder, HMAC_KEY } from "../place.ts";

serve();

const ROOT = join(import.meta.dirname, "../../..");
const read = (name: string) => readFileSync(join(ROOT, name), "utf8");
const example = read("wrangler.toml");
/** The name of each provider's page, and its lines for wrangler.toml. */
const pages = globSync("docs/providers/*.md", { cwd: ROOT }).map((name) => {
  const [, lines = ""] = /```toml\n([^`]+)```/.exec(read(name)) ?? [];
  return [name, lines] as const;
});

it.each(pages)(
  "the gateway accepts the lines of %s in place of the example, and the doctor names what is still an example in them",
  async (_, lines) => {
    const at = example.indexOf("[[vars.SESSION_ISSUERS]]");
    const vars = parse(`${example.slice(0, at)}${lines}`).vars as Record<string, unknown>;
    const bindings = Object.fromEntries(Object.entries(BINDINGS).map(([name, [method]]) => [name, { [method]() {} }]));
    const secrets = { COMETCHAT_API_KEY: API_KEY, AUTH_SECRET: HMAC_KEY, SESSION_SECRET: HMAC_KEY };
    const env = JSON.parse(JSON.stringify(vars));
    expect(await parseConfig({ ...env, ...secrets, ...bindings })).toMatchObject({ ok: true });
    const report = await look({
      config: join(folder({ "wrangler.toml": `${example.slice(0, at)}${lines}` }), "wrangler.toml"),
    });
    const issuer = wrong(report).filter(({ name }) =>
      /^(SESSION_ISSUERS|keys of|SESSION_SECRET|AUTH_SECRET)/.test(name),
    );
    expect(issuer.map(({ detail }) => detail).join()).toMatch(/still (an|the) example|_SECRET is not set/);
  },
);

it.each(pages)(
  "with the lines of %s below the example, the doctor says to delete the example, and asks for no prefix",
  async (_, lines) => {
    const report = await look({ config: join(folder({ "wrangler.toml": `${example}\n${lines}` }), "wrangler.toml") });
    expect(wrong(report)).toContainEqual({
      name: "SESSION_ISSUERS[0]",
      ok: false,
      detail: "SESSION_ISSUERS[0] is still the example of wrangler.toml, beside an issuer of your own",
      remedy: "Delete the example: [[vars.SESSION_ISSUERS]] and the lines below it.",
    });
    expect(report.checks.filter(({ name }) => name.endsWith("uid.prefix"))).toEqual([]);
  },
);

it("the doctor names the one of two issuers that has no prefix, and warns that a prefix changes uids", async () => {
  const entry = (issuer: string, uid: object) => ({ issuer, audience: ["chat"], secret: "JWT_SECRET", ...uid });
  const issuers = [entry("a", {}), entry("b", { uid: { prefix: "b_" } })];
  const [check] = wrong(await doctor({ vars: { SESSION_ISSUERS: issuers } }));
  expect(check?.remedy).toMatch(/SESSION_ISSUERS\[0\] has none\)\. .*new uids/);
});

it("the doctor does not take an operator's own issuer for an example because of its name", async () => {
  const entry = { issuer: "https://your-health.test", audience: ["example"], secret: "JWT_SECRET" };
  expect(wrong(await doctor({ vars: { SESSION_ISSUERS: [entry] } }))).toEqual([]);
});

it("the doctor checks the keys of issuers whose webhook secrets are not set", async () => {
  const entry = (issuer: string, prefix: string) => ({
    ...{ issuer, name: prefix, audience: ["chat"], secret: "JWT_SECRET", uid: { prefix: `${prefix}_` } },
    webhookSecret: `HOOK_${prefix}`,
  });
  const issuers = [
    { ...entry("https://a.test", "a"), algorithms: ["HS512"], secret: "LONG" },
    entry("https://b.test", "b"),
  ];
  const report = await doctor({ vars: { SESSION_ISSUERS: issuers } });
  expect(wrong(report).map(({ name }) => name)).toEqual(["LONG", "HOOK_a", "HOOK_b"]);
  expect(report.checks.map(({ name }) => name)).toContain("keys of https://b.test");
});
