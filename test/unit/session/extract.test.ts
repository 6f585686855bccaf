import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { extract } from "../../../src/session/extract.ts";
import { issuerEntry } from "./setup.ts";

const a = issuerEntry({ issuer: "https://a.example", cookie: "a" });
const b = issuerEntry({ issuer: "https://b.example", cookie: "b" });
const shared = issuerEntry({ issuer: "https://c.example", cookie: "a" });
const none = issuerEntry();

const from = (headers: Record<string, string>, issuers = [none, a, b, shared]) => {
  const result = extract(new Headers(headers), issuers);
  return result.ok ? result.value : result.error.reason;
};

describe("where a session is found", () => {
  it("in the Authorization header, for any issuer", () => {
    expect(from({ Authorization: "Bearer x.y.z" })).toEqual({ token: "x.y.z", from: "bearer", issuers: undefined });
  });

  it("in a cookie, for the issuers that name it", () => {
    expect(from({ Cookie: "b=x.y.z" })).toEqual({ token: "x.y.z", from: "cookie", issuers: [b] });
    expect(from({ Cookie: "a=x.y.z" })).toEqual({ token: "x.y.z", from: "cookie", issuers: [a, shared] });
  });

  it("in the first issuer's cookie where there are several", () => {
    expect(from({ Cookie: "b=second; a=first" })).toMatchObject({ token: "first", issuers: [a, shared] });
  });

  it("nowhere else", () => {
    expect(from({})).toBe("credential-absent");
    expect(from({ Cookie: "c=x; d=y" })).toBe("credential-absent");
    expect(from({ Cookie: "a=x" }, [none])).toBe("credential-absent");
    expect(from({ "X-Session": "x.y.z", "Proxy-Authorization": "Bearer x.y.z" })).toBe("credential-absent");
    expect(from({ Authorization: "Basic eDp5" })).toBe("scheme-other");
  });

  it("not in a cookie that is named twice", () => {
    expect(from({ Cookie: "a=x; a=y" })).toBe("cookie-ambiguous");
    expect(from({ Cookie: "a=x; b=z; a=x" })).toMatchObject({ token: "x" });
    expect(from({ Cookie: "a=; a=x" })).toMatchObject({ token: "x" });
    expect(from({ Cookie: "b=x; b=y; a=z" })).toMatchObject({ token: "z" });
  });
});

describe("whatever the headers hold", () => {
  const printable = fc.string({ unit: fc.integer({ min: 32, max: 126 }).map((code) => String.fromCharCode(code)) });

  it("one Bearer token of one piece is taken as it is, and nothing else is", () => {
    fc.assert(
      fc.property(printable, (value) => {
        const found = from({ Authorization: `Bearer ${value}` });
        const trimmed = value.trimEnd();
        if (/^[^\s,]+$/.test(trimmed)) expect(found).toMatchObject({ token: trimmed, from: "bearer" });
        else expect(found).toBe("authorization-form");
      }),
    );
  });

  it("a cookie's value is taken as it is between its name and the next semicolon", () => {
    const value = printable.filter((text) => !text.includes(";"));
    fc.assert(
      fc.property(value, value, (token, other) => {
        const found = from({ Cookie: `x=${other}; b=${token}; y=${other}` });
        const trimmed = token.trimEnd();
        if (trimmed === "") expect(found).toBe("credential-absent");
        else expect(found).toMatchObject({ token: trimmed, from: "cookie" });
      }),
    );
  });
});
