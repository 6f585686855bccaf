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

// RFC 6265 §5.2: a browser takes SP and HTAB from around a name, and nothing else. Every other white space is a part of
// it, so that such a cookie is not bound by a prefix: a plain http page of a sibling domain can set it.
describe("the name of a cookie is compared byte by byte", () => {
  const host = issuerEntry({ issuer: "https://h.example", cookie: "__Host-session" });
  const foreign = [
    ..."\u000b\u000c\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u200b",
    ..."\u2028\u2029\u202f\u205f\u2060\u3000\ufeff\ufffd\u0001\u007f",
  ];
  /** As the runtime gives it: the header's bytes decoded as UTF-8, and not as the `Headers` of a test would take them. */
  const cookies = (value: string, issuer = host) => {
    const result = extract({ get: (name: string) => (name === "cookie" ? value : null) } as Headers, [issuer]);
    return result.ok ? result.value.token : result.error.reason;
  };

  it.each(foreign.map((character) => [`U+${character.charCodeAt(0).toString(16).padStart(4, "0")}`, character]))(
    "%s beside the name makes it another one",
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
    // A comma separates no cookies, and a quotation mark hides no semicolon (RFC 6265 §4.2.1).
    ["a=1, __Host-session=planted; __Host-session=own", "own"],
    ["a=1,__Host-session=planted", "credential-absent"],
    ['a="; __Host-session=own; b="', "own"],
    // A cookie without a name is sent as its value alone.
    ["__Host-session; __Host-session=own", "own"],
    ["=__Host-session=planted; __Host-session=own", "own"],
    [";;; ;\t;__Host-session=own;;", "own"],
    ["\t __Host-session=own\t ;a=1", "own"],
    ["__Host-session=own=with=equals", "own=with=equals"],
    ["x__Host-session=planted; a=__Host-session=planted", "credential-absent"],
    ["__Host-session=planted; __Host-session=own", "cookie-ambiguous"],
  ])("%j: %s", (header, expected) => {
    expect(cookies(header)).toBe(expected);
  });

  it("and white space of any other kind stays in the value, where no session has it", () => {
    expect(cookies("__Host-session=\u2000own\u2000")).toBe("\u2000own\u2000");
  });

  it("however much white space is around it", () => {
    expect(cookies(`${" ".repeat(60_000)}__Host-session=own${"\t".repeat(60_000)};`)).toBe("own");
    // Quadratic work would take minutes here.
    expect(cookies(`a=${" ".repeat(500_000)}x; __Host-session=own`)).toBe("own");
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
