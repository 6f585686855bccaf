import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { base64url } from "../../../src/encoding.ts";
import { decode } from "../../../src/session/base64url.ts";
import { inspect } from "../../../src/session/compact.ts";

const json = (value: unknown) => base64url(new TextEncoder().encode(JSON.stringify(value)));

describe("base64url", () => {
  // RFC 4648 §10, without the padding.
  it.each([
    ["", ""],
    ["Zg", "f"],
    ["Zm8", "fo"],
    ["Zm9v", "foo"],
    ["Zm9vYg", "foob"],
    ["Zm9vYmE", "fooba"],
    ["Zm9vYmFy", "foobar"],
  ])("decodes %s to %j", (text, expected) => {
    expect(new TextDecoder().decode(decode(text))).toBe(expected);
  });

  it("decodes the example of RFC 7515 appendix C", () => {
    expect([...(decode("A-z_4ME") ?? [])]).toEqual([3, 236, 255, 224, 193]);
  });

  it("accepts exactly one text for any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const text = base64url(bytes);
        expect(decode(text)).toEqual(Uint8Array.from(bytes));
        for (const other of [`${text}=`, `${text} `, ` ${text}`, `${text}\n`, `${text}A`]) {
          const decoded = decode(other);
          if (decoded) expect(base64url(decoded)).toBe(other);
        }
      }),
    );
  });

  it("decodes no two texts to the same bytes", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."ABCQZaz019-_+/= ."), maxLength: 40 }), (text) => {
        const bytes = decode(text);
        if (bytes) expect(base64url(bytes)).toBe(text);
      }),
    );
  });
});

describe("the form of a session", () => {
  it("is a header, claims and a signature, which are returned as they are", () => {
    const header = { alg: "ES256", kid: "k", typ: "JWT", extra: [1] };
    const claims = { sub: "alice", deep: { a: [null] } };
    expect(inspect(`${json(header)}.${json(claims)}.AAAA`)).toEqual({
      ok: true,
      value: {
        header,
        kid: "k",
        typ: "JWT",
        claims,
        signed: expect.any(Uint8Array),
        signature: expect.any(Uint8Array),
      },
    });
  });

  it("is at most 8 KiB", () => {
    const body = (length: number) => `${json({ alg: "ES256" })}.${json({})}.${"A".repeat(length)}`;
    const rest = 8192 - body(0).length;
    expect(inspect(body(rest + 1))).toMatchObject({ error: { reason: "token-too-large" } });
    expect([rest, rest - 1, rest - 2].some((length) => inspect(body(length)).ok)).toBe(true);
  });

  it("is refused or accepted, and never causes an exception, for any text", () => {
    const reasons = new Set(["token-too-large", "token-segments", "token-base64url", "token-header", "token-payload"]);
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: "binary" }), fc.base64String(), fc.string({ unit: fc.constantFrom(...'Ae.-_{}"') })),
        (text) => {
          const result = inspect(text);
          if (!result.ok) expect(reasons).toContain(result.error.reason);
        },
      ),
    );
  });

  it("allows any JSON object as payload, and nothing else", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const result = inspect(`${json({ alg: "ES256" })}.${json(value)}.AA`);
        const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
        expect(result.ok).toBe(isObject);
        if (result.ok) expect(result.value.claims).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it("allows a claim named __proto__, which does not change other claims", () => {
    const result = inspect(
      `${json({ alg: "x" })}.${base64url(new TextEncoder().encode('{"__proto__":{"sub":"mallory"}}'))}.AA`,
    );
    expect(result.ok && result.value.claims.sub).toBeUndefined();
    expect({}).not.toHaveProperty("sub");
  });
});
