import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { extract } from "../../../src/session/extract.ts";
import { issuerEntry } from "../../support/verifier.ts";

const a = issuerEntry({ issuer: "https://a.example", cookie: "a" });
const b = issuerEntry({ issuer: "https://b.example", cookie: "b" });
const shared = issuerEntry({ issuer: "https://c.example", cookie: "a" });
const none = issuerEntry();

const from = (headers: Record<string, string>, issuers = [none, a, b, shared]) => {
  const result = extract(new Headers(headers), issuers);
  return result.ok ? result.value : result.error.reason;
};

describe("a session is found", () => {
  it("in the Authorization header, for any issuer", () => {
    expect(from({ Authorization: "Bearer x.y.z" })).toEqual({ token: "x.y.z", from: "bearer", issuers: undefined });
  });

  it("in a cookie, for the issuers that name it", () => {
    expect(from({ Cookie: "b=x.y.z" })).toEqual({ token: "x.y.z", from: "cookie", issuers: [b] });
    expect(from({ Cookie: "a=x.y.z" })).toEqual({ token: "x.y.z", from: "cookie", issuers: [a, shared] });
  });

  it("in the cookie of the first issuer, if there are several", () => {
    expect(from({ Cookie: "b=second; a=first" })).toMatchObject({ token: "first", issuers: [a, shared] });
  });

  it("nowhere else", () => {
    expect(from({})).toBe("credential-absent");
    expect(from({ Cookie: "c=x; d=y" })).toBe("credential-absent");
    expect(from({ Cookie: "a=x" }, [none])).toBe("credential-absent");
    expect(from({ "X-Session": "x.y.z", "Proxy-Authorization": "Bearer x.y.z" })).toBe("credential-absent");
    expect(from({ Authorization: "Basic eDp5" })).toBe("scheme-other");
  });

  it("in no cookie that is there twice with two values", () => {
    expect(from({ Cookie: "a=x; a=y" })).toBe("cookie-ambiguous");
    expect(from({ Cookie: "a=x; b=z; a=x" })).toMatchObject({ token: "x" });
    expect(from({ Cookie: "a=; a=x" })).toMatchObject({ token: "x" });
    expect(from({ Cookie: "b=x; b=y; a=z" })).toMatchObject({ token: "z" });
  });
});

const host = issuerEntry({ issuer: "https://h.example", cookie: "__Host-session" });
/** Gives the header as the runtime does, decoded as UTF-8. The class `Headers` would not accept these values. */
const cookies = (value: string, issuer = host) => {
  const result = extract({ get: (name: string) => (name === "cookie" ? value : null) } as Headers, [issuer]);
  return result.ok ? result.value.token : result.error.reason;
};

// RFC 6265 §5.2: a browser removes SP and HTAB around a name, and nothing else. Any other white space is a part of the
// name, so the rules of a prefix do not apply to such a cookie, and an http page of a sibling domain can set it.
describe("the name of a cookie", () => {
  const foreign = [
    ..."\u000b\u000c\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u200b",
    ..."\u2028\u2029\u202f\u205f\u2060\u3000\ufeff\ufffd\u0001\u007f",
  ];
  it.each(foreign.map((character) => [`U+${character.charCodeAt(0).toString(16).padStart(4, "0")}`, character]))(
    "is another one with %s before, after or inside it",
    (_, character) => {
      for (const name of [`${character}__Host-session`, `__Host-session${character}`, `__Host${character}-session`]) {
        expect(cookies(`${name}=planted`)).toBe("credential-absent");
        expect(cookies(`__Host-session=own; ${name}=planted`)).toBe("own");
        expect(cookies(`${name}=planted; __Host-session=own`)).toBe("own");
      }
    },
  );

  it.each<[string, string]>([
    ["__host-session=planted", "credential-absent"],
    ["__HOST-SESSION=planted; __Host-session=own", "own"],
    ["__Host-session =planted; __Host-session=own", "own"],
    ["__Host-session\t=planted; __Host-session=own", "own"],
    ["__Host-sessio\u006e=own", "own"],
    ["__Host-ses\u017fion=planted", "credential-absent"],
    ["__Host%2Dsession=planted", "credential-absent"],
    ['"__Host-session"=planted', "credential-absent"],
    ["$Version=1; __Host-session=own; $Path=/", "own"],
    // A comma does not separate cookies, and a quotation mark does not hide a semicolon (RFC 6265 §4.2.1).
    ["a=1, __Host-session=planted; __Host-session=own", "own"],
    ["a=1,__Host-session=planted", "credential-absent"],
    ['a="; __Host-session=own; b="', "own"],
    // A browser sends a cookie without a name as its value.
    ["__Host-session; __Host-session=own", "own"],
    ["=__Host-session=planted; __Host-session=own", "own"],
    [";;; ;\t;__Host-session=own;;", "own"],
    ["\t __Host-session=own\t ;a=1", "own"],
    ["__Host-session=own=with=equals", "own=with=equals"],
    ["x__Host-session=planted; a=__Host-session=planted", "credential-absent"],
    ["__Host-session=planted; __Host-session=own", "cookie-ambiguous"],
  ])("is compared byte by byte: in %j the session is %s", (header, expected) => {
    expect(cookies(header)).toBe(expected);
  });
});

describe("the value of a cookie", () => {
  it("keeps white space other than SP and HTAB, which no session has", () => {
    expect(cookies("__Host-session=\u2000own\u2000")).toBe("\u2000own\u2000");
  });

  it("is found quickly with any amount of white space around it", () => {
    expect(cookies(`${" ".repeat(60_000)}__Host-session=own${"\t".repeat(60_000)};`)).toBe("own");
    // Quadratic time would be minutes here.
    expect(cookies(`a=${" ".repeat(500_000)}x; __Host-session=own`)).toBe("own");
  });
});

describe("for any headers,", () => {
  const printable = fc.string({ unit: fc.integer({ min: 32, max: 126 }).map((code) => String.fromCharCode(code)) });

  it("a Bearer token without white space and commas is used as it is, and any other is refused", () => {
    fc.assert(
      fc.property(printable, (value) => {
        const found = from({ Authorization: `Bearer ${value}` });
        const trimmed = value.trimEnd();
        if (/^[^\s,]+$/.test(trimmed)) expect(found).toMatchObject({ token: trimmed, from: "bearer" });
        else expect(found).toBe("authorization-form");
      }),
    );
  });

  it("a cookie's value is the text between its name and the next semicolon", () => {
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
