import { describe, expect, it } from "vitest";
import type { Report } from "../../../src/commands/doctor/report.ts";
import {
  answering,
  doctor,
  issuerUrl,
  keyPair,
  oidc,
  pages,
  publish,
  published,
  serve,
  serveOidc,
  wrong,
} from "../../support/doctor.ts";
import { API_KEY } from "../place.ts";

serve();
serveOidc();

describe("npm run doctor fetches the keys of an identity provider as the gateway does", () => {
  const oidcIssuer = (change: object = {}) => ({
    SESSION_ISSUERS: [{ issuer: issuerUrl(), audience: ["chat"], ...change }],
  });
  const keysCheck = (report: Report) => report.checks.find(({ name }) => name.startsWith("keys of"));

  it("and accepts those of oidc-provider", async () => {
    const report = await doctor({ vars: { SESSION_ISSUERS: [{ issuer: oidc.issuer, audience: oidc.audience }] } });
    expect(report.ok).toBe(true);
    expect(keysCheck(report)).toMatchObject({
      ok: true,
      detail: expect.stringMatching(/^2 at .+\/jwks: ES256, RS256$/),
    });
  });

  const rows: readonly (readonly [string, () => Promise<object>, detail: RegExp, remedy: RegExp])[] = [
    ["nothing answers", async () => ({ issuer: "http://127.0.0.1:9" }), /cannot be reached/, /jwksUrl/],
    ["there is no discovery document", async () => ({}), /status 404/, /name the address of its keys as jwksUrl/],
    [
      "the issuer is written without its slash",
      async () => published([], { issuer: `${issuerUrl()}/` }),
      /has the issuer ".+\/", and the setting issuer is ".+\d": the slash at the end counts/,
      /Write issuer = "http.+\/"/,
    ],
    [
      "the issuer is written with a slash too many",
      async () => published([], {}, { issuer: `${issuerUrl()}/` }),
      /the slash at the end counts/,
      /Write issuer = "http.+\d"/,
    ],
    [
      "the document is another issuer's",
      async () => published([], { issuer: "https://other.test" }),
      /has the issuer "https:\/\/other.test"/,
      /Write issuer/,
    ],
    [
      "its keys are at an address with plain http",
      async () => published([], { jwks_uri: "http://keys.test/jwks" }),
      /jwks_uri/,
      /jwksUrl/,
    ],
    [
      "its keys are of a kind that algorithms excludes",
      async () => published([(await keyPair("ES256")).jwk], {}, { algorithms: ["RS256"] }),
      /keys for ES256, and algorithms allows only RS256/,
      /Write algorithms = \["ES256"\]/,
    ],
    ["it publishes no keys", async () => published([], {}), /lists no keys/, /documentation/],
    [
      "it publishes a symmetric key",
      async () => published([{ kty: "oct", k: "c2VjcmV0" }]),
      /\(oct\).+none of them can verify/,
      /HS256 publishes no keys: write the name of its secret/,
    ],
    [
      "it publishes a key for encryption",
      async () => published([(await keyPair("RS256", { use: "enc" })).jwk]),
      /for encryption/,
      /for signatures/,
    ],
    [
      "it answers with a redirect",
      async () => answering(Response.redirect("https://www.other.test/x", 302)),
      /redirect to "https:\/\/www\.other\.test\/x"/,
      /Write the address to which it leads/,
    ],
    [
      "it answers with a page",
      async () => answering(new Response("<html>")),
      /does not answer with JSON/,
      /Compare issuer/,
    ],
    ["it is the example's", async () => ({ issuer: "https://auth.example.com" }), /still the example/, /npm run setup/],
    [
      "the address of its keys is wrong",
      async () => ({ jwksUrl: `${issuerUrl()}/keys` }),
      /\/keys answers with status 404/,
      /Compare jwksUrl/,
    ],
  ];
  it.each(rows)("and names a mistake with its remedy: %s", async (_, prepare, detail, remedy) => {
    const report = await doctor({ vars: oidcIssuer(await prepare()) });
    const check = keysCheck(report);
    expect(check?.ok, check?.detail).toBe(false);
    expect(check?.detail).toMatch(detail);
    expect(check?.remedy).toMatch(remedy);
  });

  it("and tells which keys the algorithms exclude, which is no mistake", async () => {
    publish([(await keyPair("RS256")).jwk, (await keyPair("ES256")).jwk]);
    const report = await doctor({ vars: oidcIssuer({ algorithms: ["RS256"] }) });
    expect(report.ok).toBe(true);
    expect(keysCheck(report)?.detail).toMatch(/algorithms excludes ES256/);
    expect(keysCheck(report)?.remedy).toContain('["RS256","ES256"]');
  });

  it("and compares the slash of the issuer, also with a preset that knows the address of the keys", async () => {
    publish([(await keyPair("RS256")).jwk], { issuer: `${issuerUrl()}/` });
    pages["/.well-known/jwks.json"] = pages["/jwks"] ?? new Response();
    const report = await doctor({ vars: oidcIssuer({ preset: "auth0" }) });
    expect(wrong(report)).toMatchObject([
      { name: `name of ${issuerUrl()}`, remedy: expect.stringContaining(`issuer = "${issuerUrl()}/"`) },
    ]);
  });

  it("and shows a provider's answer on one line, without a secret in it", async () => {
    publish([], { issuer: `https://x.test/\u001b[31m\n${API_KEY}` });
    const detail = keysCheck(await doctor({ vars: oidcIssuer() }))?.detail ?? "";
    expect(detail).toContain("(secret)");
    expect(detail).not.toMatch(/\p{Cc}/u);
  });
});
