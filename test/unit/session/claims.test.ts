import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  audience,
  authorizedParty,
  checkSession,
  claim,
  expiry,
  issuedAt,
  issuerOf,
  notBefore,
  sessionId,
  sessionName,
  subject,
  unexpired,
} from "../../../src/session/claims.ts";
import { issuerEntry, NOON } from "../../support/verifier.ts";

const issuer = issuerEntry();
const good = { iss: issuer.issuer, aud: "chat", sub: "alice", exp: NOON + 60, iat: NOON - 60 };
const parsed = (text: string) => JSON.parse(text) as Record<string, unknown>;

describe("a claim, found by a path,", () => {
  it.each<[string, Record<string, unknown>, unknown]>([
    ["sub", { sub: "alice" }, "alice"],
    ["org.region", { org: { region: "eu" } }, "eu"],
    ["org.region", { "org.region": "us", org: { region: "eu" } }, "us"],
    ["https://app.example/roles", { "https://app.example/roles": ["a"] }, ["a"]],
    ["https://app.example/org.region", { "https://app.example/org": { region: "eu" } }, "eu"],
    ["https://app.example/org.region.x", { "https://app.example/org.region": { x: 1 } }, 1],
    ["a.b.c", { "a.b": { c: 1 }, a: { b: { c: 2 } } }, 1],
    ["a.b.c", { "a.b": { d: 1 }, a: { b: { c: 2 } } }, 2],
    ["emails.0", { emails: ["a@example.com"] }, "a@example.com"],
    ["emails.0.address", { emails: [{ address: "a" }] }, "a"],
    ["zero", { zero: 0 }, 0],
    ["null", { null: null }, null],
    ["missing", {}, undefined],
    ["sub.length", { sub: "alice" }, undefined],
    ["sub.0", { sub: "alice" }, undefined],
    ["a.b", { a: null }, undefined],
    [".", {}, undefined],
    ["..", { "": { "": 1 } }, undefined],
    [".a", { "": { a: 1 } }, undefined],
    ["a.", { a: { "": 1 } }, 1],
    ["", { "": 1 }, 1],
    ["__proto__", {}, undefined],
    ["__proto__.toString", {}, undefined],
    ["constructor", {}, undefined],
    ["constructor.prototype", {}, undefined],
    ["toString", {}, undefined],
    ["a.hasOwnProperty", { a: {} }, undefined],
    ["__proto__.name", parsed('{"__proto__":{"name":"own after all"}}'), "own after all"],
  ])("at %s in %j is %j", (path, claims, expected) => {
    expect(claim(claims, path)).toEqual(expected);
  });

  it.each([null, undefined, "text", 1, true])("does not exist in %j", (claims) => {
    expect(claim(claims, "sub")).toBeUndefined();
  });

  it("is found by its keys at any depth, and is never an inherited property", () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.array(fc.oneof(fc.string(), fc.constantFrom("__proto__", "constructor")), { maxLength: 4 }),
        (value, path) => {
          const nested = path.reduceRight<unknown>(
            (inner, key) => parsed(`{${JSON.stringify(key)}:${JSON.stringify(inner)}}`),
            value,
          );
          if (path.length > 0 && path.every((key) => key !== "" && !key.includes("."))) {
            expect(claim(nested, path.join("."))).toEqual(JSON.parse(JSON.stringify(value)));
          }
          expect(claim({}, path.join("."))).toBeUndefined();
        },
      ),
    );
  });
});

const isControl = (character: string) => {
  const code = character.charCodeAt(0);
  return code < 32 || (code > 126 && code < 160);
};

describe("of the checks of a session's claims,", () => {
  it("all pass for a valid session", () => {
    expect(checkSession(good, issuer, NOON)).toEqual({
      ok: true,
      value: { subject: "alice", sessionId: undefined, expiresAt: NOON + 60, issuedAt: NOON - 60 },
    });
  });

  it("that of the issuer compares exactly", () => {
    const other = issuerEntry({ issuer: "https://other.example" });
    expect(issuerOf({ iss: other.issuer }, [issuer, other])).toEqual({ ok: true, value: other });
    for (const iss of [undefined, null, 1, [issuer.issuer], `${issuer.issuer}/`, "", "toString"]) {
      expect(issuerOf({ iss }, [issuer, other])).toMatchObject({ error: { reason: "issuer-unknown" } });
    }
  });

  it("those of dates accept only seconds up to the year 9999", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.double(),
          fc.jsonValue(),
          fc.constantFrom(Number.POSITIVE_INFINITY, -0, 253402300799, 253402300800),
        ),
        (value) => {
          const isDate = typeof value === "number" && value >= 0 && value <= 253402300799;
          expect(expiry({ exp: value }).ok).toBe(isDate);
          if (value !== undefined && !isDate) {
            expect(notBefore({ nbf: value }, issuer, NOON)).toMatchObject({ error: { reason: "nbf-form" } });
            expect(issuedAt({ iat: value }, issuer, NOON)).toMatchObject({ error: { reason: "iat-form" } });
          }
        },
      ),
    );
  });

  it("those of dates pass exactly from nbf and iat minus the tolerance until exp plus the tolerance", () => {
    const around = fc.integer({ min: -100, max: 100 });
    fc.assert(
      fc.property(around, around, around, fc.integer({ min: 0, max: 60 }), (exp, nbf, iat, clockTolerance) => {
        const claims = { ...good, exp: NOON + exp, nbf: NOON + nbf, iat: NOON + iat };
        const begun = nbf <= clockTolerance && iat <= clockTolerance;
        const over = 0 >= exp + clockTolerance;
        const result = checkSession(claims, issuerEntry({ clockTolerance }), NOON);
        expect(result.ok).toBe(begun && !over);
        if (!result.ok) expect(result.error.reason === "session-expired").toBe(begun && over);
      }),
    );
  });

  it("that of the audience needs a text, or a list of texts, with a configured one", () => {
    const ours = ["chat", "https://chat.example"];
    const word = fc.oneof(fc.constantFrom(...ours, "cha", "chatt", "CHAT", ""), fc.string());
    fc.assert(
      fc.property(fc.oneof(word, fc.array(fc.oneof(word, fc.jsonValue()), { maxLength: 4 }), fc.jsonValue()), (aud) => {
        const list: unknown[] = Array.isArray(aud) ? aud : [aud];
        const expected =
          list.every((one) => typeof one === "string") && list.some((one) => ours.includes(one as string));
        expect(audience({ aud }, { audience: ours, audienceRequired: true }).ok).toBe(expected);
      }),
    );
  });

  it("that of the authorized party needs a listed one, in azp or else in client_id", () => {
    const entry = issuerEntry({ authorizedParties: ["spa"] });
    expect(authorizedParty({}, issuer).ok).toBe(true);
    expect(authorizedParty({ azp: "spa" }, entry).ok).toBe(true);
    expect(authorizedParty({ client_id: "spa" }, entry).ok).toBe(true);
    for (const claims of [{}, { azp: "x" }, { azp: null, client_id: "spa" }, { azp: ["spa"] }, { client_id: 1 }]) {
      expect(authorizedParty(claims, entry)).toMatchObject({ error: { reason: "azp-other" } });
    }
  });

  it("that of the subject needs a text without control characters and lone surrogates", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.jsonValue()), (sub) => {
        const expected =
          typeof sub === "string" &&
          sub !== "" &&
          sub.length <= 4096 &&
          sub.isWellFormed() &&
          ![...sub].some(isControl);
        expect(subject({ sub }, issuer).ok).toBe(expected);
      }),
    );
  });

  it("that of the subject refuses a lone surrogate, and accepts a pair", () => {
    for (const sub of ["\ud800", "a\udc00", "\udc00\ud800"]) {
      expect(subject({ sub }, issuer)).toMatchObject({ error: { reason: "subject-form" } });
    }
    expect(subject({ sub: "\ud83d\ude42" }, issuer).ok).toBe(true);
  });
});

describe("the id of a session", () => {
  it("is the configured claim, else sid, else jti, else nothing", () => {
    const entry = issuerEntry({ sessionIdClaim: "session.id" });
    expect(sessionId({ session: { id: "a" }, jti: "b" }, entry)).toBe("a");
    expect(sessionId({ session: { id: 1 }, jti: "b" }, entry)).toBe("b");
    expect(sessionId({ session: { id: "" }, jti: "" }, entry)).toBeUndefined();
    expect(sessionId({ sid: "a", jti: "b" }, issuer)).toBe("a");
    expect(sessionId({ session: { id: "a" }, sid: "c", jti: "b" }, entry)).toBe("a");
  });

  it("that survives a refresh is sid, else the configured claim, else nothing", () => {
    const entry = issuerEntry({ sessionIdClaim: "session.id" });
    expect(sessionName({ session: { id: "a" }, sid: "c", jti: "b" }, entry)).toBe("c");
    expect(sessionName({ session: { id: "a" }, jti: "b" }, entry)).toBe("a");
    expect(sessionName({ jti: "b" }, entry)).toBeUndefined();
  });
});

describe("maxAge", () => {
  it("is counted from iat", () => {
    const entry = issuerEntry({ maxAge: 600, clockTolerance: 0 });
    expect(unexpired({ exp: NOON + 1, iat: NOON - 599 }, entry, NOON).ok).toBe(true);
    expect(unexpired({ exp: NOON + 1, iat: NOON - 600 }, entry, NOON).ok).toBe(false);
    expect(unexpired({ exp: NOON, iat: NOON }, entry, NOON).ok).toBe(false);
  });
});
