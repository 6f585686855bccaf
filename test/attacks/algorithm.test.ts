import { beforeAll, describe, expect, it } from "vitest";
import type { Reason } from "../../src/errors.ts";
import { b64, hmac, pemOf, resigned, segment, sign, signatureOf, signer } from "../support/forge.ts";
import {
  CLAIMS,
  createSigners,
  createTarget,
  expectAccepted,
  expectRefused,
  ISSUER,
  JWKS,
  type Signers,
  session,
  type Target,
} from "../support/target.ts";

// The order of the group of P-256 (SEC 2 §2.4.2).
const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

let by: Signers;
beforeAll(async () => {
  by = await createSigners();
});

const targetWith = (keys?: unknown, more = {}): Target =>
  createTarget({ keys: keys ?? [by.es256.jwk, by.rs256.jwk, by.ps256.jwk, by.ed25519.jwk], ...more });

describe("a session that the issuer signed", () => {
  it.each(["es256", "rs256", "ps256", "ed25519"] as const)("is accepted with a key for %s", async (name) => {
    await expectAccepted(targetWith(), await session(by[name]));
  });
});

describe("a session without a signature (RFC 8725 §3.1; CVE-2015-9235, CVE-2022-23540)", () => {
  it.each([
    ["none", { alg: "none" }],
    ["None", { alg: "None" }],
    ["nOnE", { alg: "nOnE" }],
    ["NONE with a kid", { alg: "NONE", kid: "es" }],
    ["no alg", {}],
    ["a number", { alg: 256 }],
    ["null", { alg: null }],
    ["a list", { alg: ["ES256"] }],
    ["an object", { alg: { toString: "ES256" } }],
    ["lower case", { alg: "es256" }],
    ["an inherited name", { alg: "constructor" }],
    ["__proto__", JSON.parse('{"alg":"__proto__"}')],
    ["a space at the end", { alg: "ES256 " }],
    ["an encryption", { alg: "dir", enc: "A256GCM" }],
  ])("is refused before any key is used: alg %s", async (_, header) => {
    const target = targetWith();
    const signed = await session(by.es256);
    const unsigned = `${segment(header)}.${segment(CLAIMS)}.`;
    await expectRefused(target, unsigned, "alg-not-allowed");
    await expectRefused(target, resigned(unsigned, signatureOf(signed)), "alg-not-allowed");
    expect(target.asked).toEqual([]);
  });

  it("is refused where its header names an allowed algorithm", async () => {
    await expectRefused(targetWith(), resigned(await session(by.es256), new Uint8Array()), "signature-wrong");
    await expectRefused(targetWith(), resigned(await session(by.rs256), new Uint8Array()), "signature-wrong");
  });
});

describe("a public key (RFC 8725 §2.1; CVE-2023-48223, CVE-2026-34950, CVE-2026-22817)", () => {
  it.each(["rs256", "es256"] as const)("is never used as an HMAC secret: %s as PEM, DER and JWK", async (name) => {
    const { publicKey, jwk, kid } = by[name];
    const der = (await crypto.subtle.exportKey("spki", publicKey)) as ArrayBuffer;
    const pem = pemOf("PUBLIC KEY", der);
    const secrets = [pem, pem.trim(), ` ${pem}`, new Uint8Array(der), JSON.stringify(jwk), jwk.n ?? jwk.x ?? ""];
    for (const target of [targetWith(), targetWith([], { issuers: [{ ...ENTRY, publicKey: pem }] })]) {
      for (const secret of secrets) {
        for (const alg of ["HS256", "HS384", "HS512"]) {
          await expectRefused(target, await hmac(secret, CLAIMS, { alg, kid }), "alg-not-allowed");
        }
      }
    }
  });

  it.each(["", " ", "\n", "\t\r\n", "\uFEFF", "\uFEFF \n"])(
    "cannot be configured as the secret of an issuer, also after %j",
    async (before) => {
      const pem = pemOf("PUBLIC KEY", (await crypto.subtle.exportKey("spki", by.rs256.publicKey)) as ArrayBuffer);
      for (const text of [pem, JSON.stringify(by.rs256.jwk)]) {
        const target = targetWith([], {
          issuers: [{ issuer: ISSUER, audience: ["chat"], secret: "AUTH_SECRET" }],
          env: { AUTH_SECRET: `${before}${text}` },
        });
        expect(await target.present(await hmac(`${before}${text}`, CLAIMS))).toMatchObject({
          status: 500,
          code: "config-invalid",
        });
      }
    },
  );

  it("verifies nothing at an issuer that is configured with a secret", async () => {
    const target = targetWith([by.es256.jwk], {
      issuers: [{ issuer: ISSUER, audience: ["chat"], secret: "AUTH_SECRET" }],
      env: { AUTH_SECRET: "a secret of at least thirty-two bytes" },
    });
    await expectRefused(target, await session(by.es256), "alg-not-allowed");
    await expectAccepted(target, await hmac("a secret of at least thirty-two bytes", CLAIMS));
    await expectRefused(target, await hmac("a secret of at least thirty-two bytez", CLAIMS), "signature-wrong");
    await expectRefused(
      target,
      await hmac("a secret of at least thirty-two bytes", CLAIMS, { alg: "HS512" }),
      "alg-not-allowed",
    );
    expect(target.asked).toEqual([]);
  });
});

const ENTRY = { issuer: ISSUER, audience: ["chat"] };

describe("a symmetric key in a JWKS (RFC 8725 §3.1)", () => {
  const k = b64("a secret of at least thirty-two bytes");
  it("is ignored: tokens signed with it are refused, and the other keys work", async () => {
    const target = targetWith([
      { kty: "oct", kid: "shared", k },
      { kty: "oct", kid: "es", k, alg: "ES256" },
      by.es256.jwk,
    ]);
    for (const header of [{ kid: "shared" }, { alg: "HS512", kid: "shared" }, { kid: "es" }, {}]) {
      await expectRefused(
        target,
        await hmac("a secret of at least thirty-two bytes", CLAIMS, header),
        "alg-not-allowed",
      );
    }
    await expectAccepted(target, await session(by.es256));
  });

  it("does not count as a key: a document with no other key has none", async () => {
    await expectRefused(targetWith([{ kty: "oct", kid: "es", k }]), await session(by.es256), "keys-unavailable");
  });
});

describe("a key that does not fit the token, although it has the same kid (RFC 8725 §3.1, RFC 7517 §4.2–4.4)", () => {
  const named = (jwk: object, kid: string) => ({ ...jwk, kid });
  it.each<[string, () => Promise<string>, () => object[], Reason]>([
    ["RS256, the kid of an EC key", () => session(by.rs256, {}, { kid: "es" }), () => [by.es256.jwk], "key-unknown"],
    ["ES256, a P-384 key", () => session(by.es256), () => [named(by.es384.jwk, "es")], "key-unknown"],
    [
      "ES256, a P-384 key that says ES256",
      () => session(by.es256),
      () => [{ ...by.es384.jwk, kid: "es", alg: "ES256" }],
      "key-unknown",
    ],
    ["PS256, a key for RS256", () => session(by.ps256), () => [{ ...by.ps256.jwk, alg: "RS256" }], "key-unknown"],
    ["RS512, a key for RS256", () => session(by.rs256, {}, { alg: "RS512" }), () => [by.rs256.jwk], "key-unknown"],
    [
      "a key for encryption",
      () => session(by.es256),
      () => [{ ...by.es256.jwk, use: "enc" }, by.rs256.jwk],
      "key-unknown",
    ],
    [
      "a key whose key_ops do not list verify",
      () => session(by.es256),
      () => [{ ...by.es256.jwk, key_ops: ["sign"] }, by.rs256.jwk],
      "key-unknown",
    ],
    [
      "key_ops that is no list",
      () => session(by.es256),
      () => [{ ...by.es256.jwk, key_ops: "verify" }, by.rs256.jwk],
      "key-unknown",
    ],
    [
      "a point that is not on the curve",
      () => session(by.es256),
      () => [{ ...by.es256.jwk, y: by.es256.jwk.x }],
      "signature-wrong",
    ],
    ["another key of the same kind", () => session(by.stranger), () => [by.es256.jwk], "signature-wrong"],
    ["another RSA key", () => session(by.strangerRsa), () => [by.rs256.jwk], "signature-wrong"],
    [
      "a published private key",
      () => session(by.es256),
      () => [{ ...by.es256.jwk, d: "AA" }, by.rs256.jwk],
      "key-unknown",
    ],
  ])("does not verify it: %s", async (_, token, keys, reason) => {
    await expectRefused(targetWith(keys()), await token(), reason);
  });
});

describe("a key that fits the token", () => {
  it("verifies it, with the operation verify in key_ops, and without alg and use", async () => {
    await expectAccepted(targetWith([{ ...by.es256.jwk, key_ops: ["verify"] }]), await session(by.es256));
    const { alg: _, use: __, ...bare } = by.ps256.jwk;
    await expectAccepted(targetWith([bare]), await session(by.ps256));
  });
});

describe("an algorithm that the issuer's entry does not list (RFC 8725 §3.1)", () => {
  const OTHER = "https://other.example";

  it.each([
    ["RS256", "rs256", "es256"],
    ["ES256", "es256", "rs256"],
    ["PS256", "ps256", "rs256"],
    ["EdDSA", "ed25519", "es256"],
  ] as const)("is refused, although its key is published: algorithms = [%j]", async (algorithm, ours, theirs) => {
    const target = targetWith(undefined, { issuers: [{ ...ENTRY, jwksUrl: JWKS, algorithms: [algorithm] }] });
    await expectRefused(target, await session(by[theirs]), "alg-not-allowed");
    expect(target.asked).toEqual([]);
    await expectAccepted(target, await session(by[ours]));
    await expectRefused(target, await session(by[theirs]), "alg-not-allowed");
  });

  it("is refused, although another issuer's entry lists it", async () => {
    const uid = { shared: true };
    const target = targetWith([by.rs256.jwk, by.es256.jwk], {
      issuers: [
        { ...ENTRY, jwksUrl: JWKS, algorithms: ["RS256"], uid },
        { ...ENTRY, issuer: OTHER, jwksUrl: `${OTHER}/jwks`, algorithms: ["ES256"], uid },
      ],
    });
    target.respond = (address) =>
      address === `${OTHER}/jwks` ? Response.json({ keys: [by.rs256.jwk, by.es256.jwk] }) : undefined;
    for (const round of [1, 2]) {
      await expectAccepted(target, await session(by.rs256, { jti: `${round}` }));
      await expectRefused(target, await session(by.es256), "alg-not-allowed");
      await expectAccepted(target, await session(by.es256, { iss: OTHER, jti: `${round}` }));
      await expectRefused(target, await session(by.rs256, { iss: OTHER }), "alg-not-allowed");
    }
  });
});

describe("several keys that fit a token, because they share its kid or it has none", () => {
  const copies = async (count: number) =>
    (await Promise.all(Array.from({ length: count }, () => signer("ES256", "es")))).map(({ jwk }) => jwk);

  it("are tried one after the other, up to four", async () => {
    const others = await copies(3);
    await expectAccepted(targetWith([...others, by.es256.jwk]), await session(by.es256));
    await expectAccepted(targetWith([...others, by.es256.jwk]), await session(by.es256, {}, { kid: undefined }));
  });

  it("are not tried after the fourth, so that an attacker cannot cause more work", async () => {
    const others = await copies(4);
    await expectRefused(targetWith([...others, by.es256.jwk]), await session(by.es256), "signature-wrong");
    const nameless = await session(by.es256, {}, { kid: undefined });
    await expectRefused(targetWith([...others, by.es256.jwk]), nameless, "signature-wrong");
  });

  it("are counted without the keys that do not fit", async () => {
    const keys = [by.rs256.jwk, by.ps256.jwk, by.ed25519.jwk, by.es384.jwk, by.strangerRsa.jwk, by.es256.jwk];
    await expectAccepted(targetWith(keys), await session(by.es256, {}, { kid: undefined }));
  });
});

describe("a kid from an attacker (RFC 8725 §3.10)", () => {
  it.each<[string, unknown, Reason]>([
    ["an object", { toString: "es" }, "token-header"],
    ["a list", ["es"], "token-header"],
    ["a number", 1, "token-header"],
    ["null", null, "token-header"],
    ["257 characters", "k".repeat(257), "token-header"],
    ["256 characters", "k".repeat(256), "key-unknown"],
    ["a path", "../../../../etc/passwd", "key-unknown"],
    ["SQL", "es' OR '1'='1", "key-unknown"],
    ["a line break", "es\r\nX-Evil: 1", "key-unknown"],
    ["NUL", "es\u0000", "key-unknown"],
    ["__proto__", "__proto__", "key-unknown"],
    ["constructor", "constructor", "key-unknown"],
    ["empty", "", "key-unknown"],
    ["a lone surrogate", "\ud800", "key-unknown"],
    ["another case", "ES", "key-unknown"],
    ["an address", "https://evil.example/jwks", "key-unknown"],
  ])("is only compared, never used in an address or a log: %s", async (_, kid, reason) => {
    const target = targetWith();
    await expectRefused(target, await session(by.es256, {}, { kid }), reason);
    expect(new Set(target.asked.map((address) => new URL(address).origin))).toEqual(
      new Set(reason === "token-header" ? [] : [ISSUER]),
    );
  });

  it("makes the token too large with 10 KB", async () => {
    await expectRefused(targetWith(), await session(by.es256, {}, { kid: "k".repeat(10_000) }), "token-too-large");
  });
});

describe("a key that the token itself names or contains (RFC 8725 §3.10; CVE-2018-0114)", () => {
  it.each(["jku", "x5u", "jwk", "x5c", "x5t"])("is ignored, and its address is not fetched: %s", async (member) => {
    const value = {
      jku: "https://evil.example/jwks",
      x5u: "https://evil.example/cert",
      jwk: by.stranger.jwk,
      x5c: [b64("certificate")],
      x5t: b64("thumbprint"),
    }[member];
    const target = targetWith();
    await expectRefused(target, await session(by.stranger, {}, { [member]: value }), "signature-wrong");
    await expectAccepted(target, await session(by.es256, {}, { [member]: value }));
    expect(target.asked).toEqual([JWKS]);
  });
});

describe("a token with critical extensions (RFC 7515 §4.1.11, RFC 7797; CVE-2025-59420, CVE-2026-35042)", () => {
  it.each<[string, object]>([
    ["b64 false", { crit: ["b64"], b64: false }],
    ["b64 true", { crit: ["b64"], b64: true }],
    ["an empty list", { crit: [] }],
    ["an unknown one", { crit: ["x-ours"], "x-ours": 1 }],
    ["one named twice", { crit: ["b64", "b64"], b64: true }],
    ["one that is not in the header", { crit: ["exp"] }],
    ["a registered member", { crit: ["alg"] }],
    ["a text", { crit: "b64" }],
    ["null", { crit: null }],
    ["false", { crit: false }],
  ])("is refused: %s", async (_, header) => {
    await expectRefused(targetWith(), await session(by.es256, {}, header), "crit-present");
  });
});

describe("a signature of a wrong form (CVE-2022-21449, RFC 7518 §3.3, §3.4)", () => {
  const bytes = (value: bigint) =>
    Uint8Array.from(value.toString(16).padStart(64, "0").match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
  const raw = (r: bigint, s: bigint) => Uint8Array.from([...bytes(r), ...bytes(s)]);
  const der = ([...signature]: Uint8Array) => {
    const integer = (half: number[]) => {
      const trimmed = half.slice(half.findIndex((byte) => byte > 0));
      const positive = (trimmed[0] ?? 0) > 127 ? [0, ...trimmed] : trimmed;
      return [2, positive.length, ...positive];
    };
    const body = [...integer(signature.slice(0, 32)), ...integer(signature.slice(32))];
    return Uint8Array.from([48, body.length, ...body]);
  };
  it.each<[string, (good: Uint8Array) => Uint8Array]>([
    ["all zero", () => new Uint8Array(64)],
    ["r = n, s = n", () => raw(P256_ORDER, P256_ORDER)],
    ["r = 0", (good) => Uint8Array.from([...new Uint8Array(32), ...good.slice(32)])],
    ["s = 0", (good) => Uint8Array.from([...good.slice(0, 32), ...new Uint8Array(32)])],
    ["s ≥ n", (good) => Uint8Array.from([...good.slice(0, 32), ...bytes(P256_ORDER + 1n)])],
    ["all ones", () => new Uint8Array(64).fill(255)],
    ["r = s = 1", () => raw(1n, 1n)],
    ["DER", der],
    ["63 bytes", (good) => good.slice(0, 63)],
    ["65 bytes", (good) => Uint8Array.from([...good, 0])],
    ["65 bytes, the first zero", (good) => Uint8Array.from([0, ...good])],
    ["96 bytes", (good) => Uint8Array.from([...good, ...good.slice(32)])],
    ["one byte", () => Uint8Array.from([1])],
  ])("is refused: ECDSA, %s", async (_, change) => {
    const good = await session(by.es256);
    await expectRefused(targetWith(), resigned(good, change(signatureOf(good))), "signature-wrong");
  });

  it("is refused: RSA, a byte too short or too long", async () => {
    const good = await session(by.rs256);
    const signature = signatureOf(good);
    await expectRefused(targetWith(), resigned(good, signature.slice(1)), "signature-wrong");
    await expectRefused(targetWith(), resigned(good, Uint8Array.from([0, ...signature])), "signature-wrong");
  });
});

describe("the second valid ECDSA signature of the same content, (r, n − s)", () => {
  it("is accepted, since the standard allows it, and is the same session", async () => {
    const target = targetWith();
    const good = await session(by.es256, { jti: "one" });
    const signature = signatureOf(good);
    const s = BigInt(`0x${Array.from(signature.slice(32), (byte) => byte.toString(16).padStart(2, "0")).join("")}`);
    const other = (P256_ORDER - s).toString(16).padStart(64, "0").match(/../g) ?? [];
    const twin = resigned(
      good,
      Uint8Array.from([...signature.slice(0, 32), ...other.map((byte) => Number.parseInt(byte, 16))]),
    );
    expect(twin).not.toBe(good);
    const first = await expectAccepted(target, good);
    const second = await expectAccepted(target, twin);
    expect(second.uid).toBe(first.uid);
  });
});

describe("a weak RSA key (RFC 7518 §3.3)", () => {
  it("verifies nothing: 1024 bits", async () => {
    const weak = await signer("RS256", "weak", { bits: 1024 });
    await expectRefused(targetWith([weak.jwk, by.es256.jwk]), await session(weak), "signature-wrong");
    await expectAccepted(targetWith([weak.jwk, by.es256.jwk]), await session(by.es256));
  });

  it.each([
    ["e = 1: the signature is the message", "AQ"],
    ["e = 2", "Ag"],
    ["even e", "AQAA"],
    ["e = 0", "AA"],
    ["no e", ""],
  ])("verifies nothing: %s", async (_, e) => {
    // With e = 1 the signature equals the padded digest (PKCS #1), so anybody who knows n can make it.
    const input = `${segment({ alg: "RS256", kid: "rs" })}.${segment(CLAIMS)}`;
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(input)));
    const prefix = [48, 49, 48, 13, 6, 9, 96, 134, 72, 1, 101, 3, 4, 2, 1, 5, 0, 4, 32];
    const padding = new Array(256 - 3 - prefix.length - 32).fill(255);
    const forged = `${input}.${b64(Uint8Array.from([0, 1, ...padding, 0, ...prefix, ...digest]))}`;
    await expectRefused(targetWith([{ ...by.rs256.jwk, e }]), forged, "signature-wrong");
  });

  it("cannot be configured as publicKey, and neither can a text that is no public key", async () => {
    const weak = await signer("RS256", "weak", { bits: 1024 });
    const pem = pemOf("PUBLIC KEY", (await crypto.subtle.exportKey("spki", weak.publicKey)) as ArrayBuffer);
    for (const publicKey of [
      pem,
      JSON.stringify(weak.jwk),
      "no key",
      "{}",
      JSON.stringify({ kty: "oct", k: "AAAA" }),
    ]) {
      const verdict = await targetWith([], { issuers: [{ ...ENTRY, publicKey }] }).present(await session(weak));
      expect(verdict).toMatchObject({ status: 500, code: "config-invalid" });
    }
  });
});

describe("an HMAC secret (RFC 7518 §3.2, RFC 8725 §3.5; GHSA-869p-cjfg-cm3x)", () => {
  it.each([
    ["HS256", ""],
    ["HS256", "abc"],
    ["HS256", "correct horse battery staple"],
    ["HS256", "x".repeat(31)],
    ["HS384", "x".repeat(47)],
    ["HS512", "x".repeat(63)],
  ])("cannot be configured if it is shorter than the hash of %s: %j", async (alg, secret) => {
    const target = targetWith([], {
      issuers: [{ ...ENTRY, secret: "AUTH_SECRET", algorithms: [alg] }],
      env: { AUTH_SECRET: secret },
    });
    const token = secret === "" ? await session(by.es256) : await hmac(secret, CLAIMS, { alg });
    expect(await target.present(token)).toMatchObject({ status: 500, code: "config-invalid" });
  });

  it.each([
    ["HS256", 32],
    ["HS384", 48],
    ["HS512", 64],
  ])("may be as long as the hash of %s: %i bytes", async (alg, length) => {
    const secret = "0123456789".repeat(7).slice(0, length);
    const target = targetWith([], {
      issuers: [{ ...ENTRY, secret: "AUTH_SECRET", algorithms: [alg] }],
      env: { AUTH_SECRET: secret },
    });
    await expectAccepted(target, await hmac(secret, CLAIMS, { alg }));
  });
});

describe("a compressed or nested token (RFC 8725 §3.6, RFC 7519 §5.2)", () => {
  it.each<[string, object]>([
    ["zip", { zip: "DEF" }],
    ["zip null", { zip: null }],
    ["cty JWT", { cty: "JWT" }],
    ["cty jwt", { cty: "jwt" }],
    ["cty application/jwt", { cty: "application/JWT" }],
    ["cty as a list", { cty: ["JWT"] }],
  ])("is refused: %s", async (_, header) => {
    await expectRefused(targetWith(), await session(by.es256, {}, header), "zip-or-nested");
  });

  it("is refused: a token as the payload of a token", async () => {
    const inner = await session(by.es256);
    await expectRefused(targetWith(), await sign(by.es256, inner, { cty: "JWT" }), "token-payload");
  });
});

describe("another issuer's key (RFC 8725 §3.8)", () => {
  const OTHER = "https://other.example";
  const issuers = [
    { ...ENTRY, jwksUrl: JWKS, uid: { prefix: "a_" } },
    { issuer: OTHER, audience: ["chat"], jwksUrl: `${OTHER}/jwks`, uid: { prefix: "b_" } },
  ];
  it("does not verify a session, although it is in memory under the same kid", async () => {
    const target = targetWith([by.es256.jwk], { issuers });
    target.respond = (address) =>
      address === `${OTHER}/jwks` ? Response.json({ keys: [by.stranger.jwk] }) : undefined;
    await expectAccepted(target, await session(by.es256), "a_alice");
    await expectRefused(target, await session(by.es256, { iss: OTHER }), "signature-wrong");
    await expectAccepted(target, await session(by.stranger, { iss: OTHER }), "b_alice");
    await expectRefused(target, await session(by.stranger), "signature-wrong");
  });
});
