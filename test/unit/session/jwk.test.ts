import { describe, expect, it, vi } from "vitest";
import type { Algorithm } from "../../../src/session/algorithms.ts";
import { algorithms } from "../../../src/session/algorithms.ts";
import { keyFromJwk, keyFromSecret, keyFromText, publicJwk } from "../../../src/session/jwk.ts";
import { pemOf, signer } from "../../support/forge.ts";

const EVERY = Object.keys(algorithms) as Algorithm[];
const fitting = (key: { fits: (alg: Algorithm) => boolean } | undefined) => EVERY.filter((alg) => key?.fits(alg));

async function loading(key: ReturnType<typeof keyFromText>): Promise<Algorithm[]> {
  const loaded = await Promise.all(EVERY.map(async (alg) => ((await key?.load(alg)) ? alg : undefined)));
  return loaded.filter((alg) => alg !== undefined);
}

const RSA = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];

describe("a key", () => {
  it.each<[string, string[]]>([
    ["RS256", RSA],
    ["ES256", ["ES256"]],
    ["ES384", ["ES384"]],
    ["ES512", ["ES512"]],
    ["EdDSA", ["EdDSA", "Ed25519"]],
  ])("for %s, as PEM and as JWK without alg, verifies exactly %j", async (alg, expected) => {
    const { publicKey, jwk } = await signer(alg, "k");
    const pem = pemOf("PUBLIC KEY", (await crypto.subtle.exportKey("spki", publicKey)) as ArrayBuffer);
    expect(await loading(keyFromText(pem))).toEqual(expected);
    expect(await loading(keyFromText(`\n\n  ${pem.replaceAll("\n", "\r\n")}  \n`))).toEqual(expected);
    const { alg: _, ...bare } = jwk;
    expect(fitting(keyFromText(JSON.stringify(bare)))).toEqual(expected);
    expect(await loading(keyFromText(JSON.stringify(bare)))).toEqual(expected);
  });

  it("with alg in its JWK verifies only that algorithm", async () => {
    const { jwk } = await signer("PS384", "k");
    expect(fitting(keyFromText(JSON.stringify(jwk)))).toEqual(["PS384"]);
    const ed = await signer("EdDSA", "k");
    expect(fitting(keyFromText(JSON.stringify(ed.jwk)))).toEqual(["EdDSA", "Ed25519"]);
    expect(fitting(keyFromText(JSON.stringify({ ...ed.jwk, alg: "Ed25519" })))).toEqual(["EdDSA", "Ed25519"]);
  });

  it("that is a secret verifies only HMAC", () => {
    expect(fitting(keyFromSecret(new Uint8Array(64)))).toEqual(["HS256", "HS384", "HS512"]);
  });

  it("is imported once", async () => {
    const key = keyFromText(JSON.stringify((await signer("ES256", "k")).jwk));
    expect(await key?.load("ES256")).toBe(await key?.load("ES256"));
  });
});

describe("a text is refused as a public key if it is", () => {
  it.each<[string, string]>([
    ["nothing", ""],
    ["text", "key"],
    ["a list", "[]"],
    ["null", "null"],
    ["a certificate", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"],
    ["a PKCS #1 key", "-----BEGIN RSA PUBLIC KEY-----\nMIIB\n-----END RSA PUBLIC KEY-----"],
    ["a private key", "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----"],
    ["an empty PEM", "-----BEGIN PUBLIC KEY-----\n\n-----END PUBLIC KEY-----"],
    ["a PEM without base64", "-----BEGIN PUBLIC KEY-----\nA\n-----END PUBLIC KEY-----"],
    ["a PEM of another DER", "-----BEGIN PUBLIC KEY-----\nMAAwAA==\n-----END PUBLIC KEY-----"],
    [
      "two PEMs",
      "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
    ],
    ["a symmetric JWK", '{"kty":"oct","k":"AAAA"}'],
    ["a private JWK", '{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"nWGx"}'],
    ["a JWK of an unknown type", '{"kty":"AKP","alg":"ML-DSA-44","pub":"AAAA"}'],
    ["a JWK for key agreement", '{"kty":"OKP","crv":"X25519","x":"3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08"}'],
    ["a set of keys", '{"keys":[]}'],
  ])("%s", async (_, text) => {
    expect(await loading(keyFromText(text))).toEqual([]);
  });

  it.each<[string, object]>([
    ["an x that is short", { x: "AAAA" }],
    ["an x that is long", { x: "A".repeat(86) }],
    ["an x that is no base64url", { x: "=+/ " }],
    ["an x that is empty", { x: "" }],
    ["another curve", { crv: "Ed448" }],
  ])("an Ed25519 JWK with %s", async (_, change) => {
    const { jwk } = await signer("EdDSA", "k");
    const changed = publicJwk({ ...jwk, ...change });
    expect(changed ? await loading(keyFromJwk(changed)) : []).toEqual([]);
  });

  it("an RSA key with so large a modulus that a verification would be slow", async () => {
    const jwk = publicJwk({ kty: "RSA", n: `v${"_".repeat(1400)}`, e: "AQAB" });
    expect(jwk ? await loading(keyFromJwk(jwk)) : []).toEqual([]);
  });
});

// workerd refuses most of these keys itself. Node, where the doctor runs, does not.
describe("an RSA key", () => {
  it.each<[string, number, number[], boolean]>([
    ["2048 bits, 65537", 2048, [1, 0, 1], true],
    ["2048 bits, 3", 2048, [3], true],
    ["8192 bits", 8192, [1, 0, 1], true],
    ["2047 bits", 2047, [1, 0, 1], false],
    ["8193 bits", 8193, [1, 0, 1], false],
    ["e = 1", 2048, [1], false],
    ["e = 1, after zeros", 2048, [0, 0, 1], false],
    ["e = 2", 2048, [2], false],
    ["an even e", 2048, [1, 0, 0], false],
    ["a long even e", 2048, [1, ...new Array(20).fill(255), 254], false],
    ["e = 0", 2048, [0], false],
    ["no e", 2048, [], false],
  ])("of %s is accepted only if it is safe, whatever the runtime accepts", async (_, modulusLength, exponent, safe) => {
    const algorithm = { name: "RSASSA-PKCS1-v1_5", modulusLength, publicExponent: Uint8Array.from(exponent) };
    const spy = vi.spyOn(crypto.subtle, "importKey").mockResolvedValue({ algorithm } as unknown as CryptoKey);
    const key = publicJwk({ kty: "RSA", n: "AAAA", e: "AQAB" });
    expect((key && (await keyFromJwk(key).load("RS256"))) !== undefined).toBe(safe);
    spy.mockRestore();
  });
});

describe("a published JWK", () => {
  it("is stored with only its public members", async () => {
    const { jwk } = await signer("ES256", "k");
    expect(publicJwk({ ...jwk, x5c: ["AAAA"], x5u: "https://evil.example", ext: true, key_ops: ["verify"] })).toEqual({
      kty: "EC",
      kid: "k",
      alg: "ES256",
      crv: "P-256",
      x: jwk.x,
      y: jwk.y,
    });
  });
});
