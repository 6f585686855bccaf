import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { Reason } from "../../src/errors.ts";
import { b64, segment, sign, signatureOf } from "../support/forge.ts";
import {
  CLAIMS,
  createSigners,
  createTarget,
  expectAccepted,
  expectRefused,
  expectSilent,
  type Signers,
  session,
  type Target,
} from "../support/target.ts";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

let by: Signers;
let target: Target;
beforeAll(async () => {
  by = await createSigners();
  target = createTarget({ keys: [by.es256.jwk, by.rs256.jwk] });
});

afterEach(() => {
  vi.restoreAllMocks();
});

const parts = (token: string) => token.split(".") as [string, string, string];

describe("a token that does not have exactly three segments (RFC 7519 §7.2; CVE-2026-29000)", () => {
  it.each<[string, (token: string) => string]>([
    ["one", ([...token]) => token.filter((one) => one !== ".").join("")],
    ["two", (token) => token.slice(0, token.lastIndexOf("."))],
    ["four", (token) => `${token}.${parts(token)[2]}`],
    ["five, a JWE's form", (token) => `${token}.AAAA.AAAA`],
    ["a thousand", (token) => `${token}${".A".repeat(1000)}`],
    ["a leading dot", (token) => `.${token}`],
    ["a trailing dot", (token) => `${token}.`],
    ["no header", (token) => `.${token.split(".").slice(1).join(".")}`],
    ["no payload", (token) => `${parts(token)[0]}..${parts(token)[2]}`],
    ["dots alone", () => ".."],
    ["two dots in a row", (token) => token.replace(".", "..")],
  ])("is refused: %s", async (_, change) => {
    const token = change(await session(by.es256));
    await expectRefused(target, token, "token-segments");
  });

  it("is refused: an unsigned token inside a JWE (CVE-2026-29000)", async () => {
    const inner = `${segment({ alg: "none" })}.${segment(CLAIMS)}.`;
    const header = segment({ alg: "dir", enc: "A256GCM", cty: "JWT" });
    await expectRefused(target, `${header}..${b64("iv")}.${b64(inner)}.${b64("tag")}`, "token-segments");
  });
});

describe("a segment that is not strict base64url (RFC 7515 §2 and appendix C, RFC 4648 §3.5)", () => {
  it.each(["header", "payload", "signature"])("is refused: a character of another alphabet in the %s", async (name) => {
    const token = await session(by.es256);
    const index = ["header", "payload", "signature"].indexOf(name);
    for (const stray of ["=", "+", "/", "%", "~", "\u00e9", "*"]) {
      for (const place of ["start", "middle", "end"]) {
        const changed = parts(token).map((part, at) => {
          if (at !== index) return part;
          const cut = { start: 0, middle: part.length >> 1, end: part.length }[place] ?? 0;
          return part.slice(0, cut) + stray + part.slice(cut);
        });
        const verdict = await target.send("/v1/token", { headers: header(changed.join(".")) });
        expect([verdict.code, stray, place]).toEqual(["session-malformed", stray, place]);
      }
    }
  });

  it.each([" ", "\t", "\n", "\r\n"])("is refused: white space %j", async (space) => {
    const [head, payload, signature] = parts(await session(by.es256));
    for (const token of [
      `${head}.${space}${payload}.${signature}`,
      `${head}.${payload}.${signature.slice(0, 20)}${space}${signature.slice(20)}`,
    ]) {
      // A header with a line break cannot be sent at all.
      const sent = await Promise.resolve()
        .then(() => target.send("/v1/token", { headers: header(token) }))
        .catch(() => undefined);
      if (sent) expect(sent.code).toBe("session-malformed");
    }
  });

  it("is refused: padding", async () => {
    const token = await session(by.es256);
    for (const padding of ["=", "==", "==="]) await expectRefused(target, `${token}${padding}`, "token-base64url");
  });

  it("is refused: unused bits in the last character, which would be a second text of the same token", async () => {
    const token = await session(by.es256);
    const last = token.at(-1) ?? "";
    // 64 bytes are 85 characters and one more, of which four bits are unused.
    for (let bits = 1; bits < 16; bits += 1) {
      const other = ALPHABET[ALPHABET.indexOf(last) + bits] ?? "";
      await expectRefused(target, token.slice(0, -1) + other, "token-base64url");
    }
  });

  it("is refused: 4n + 1 characters", async () => {
    const [head, payload, signature] = parts(await session(by.es256));
    await expectRefused(target, `${head}.${payload}.${signature}AAA`, "token-base64url");
  });

  it("is refused: base64 with + and /", async () => {
    // This claim contains `-` and `_` in base64url, and `+` and `/` in base64.
    const token = await session(by.es256, { text: "???>>>~~~" });
    const standard = token.replaceAll("-", "+").replaceAll("_", "/");
    expect(standard).not.toBe(token);
    await expectRefused(target, standard, "token-base64url");
    await expectAccepted(target, token);
  });
});

describe("a token's size, checked before it is decoded,", () => {
  /** A valid session of at most that many characters, and hardly fewer. Three bytes of `pad` are four characters. */
  const padded = async (length: number) => {
    const bare = await session(by.es256, { pad: "" });
    return session(by.es256, { pad: "x".repeat(Math.floor(((length - bare.length) * 3) / 4)) });
  };

  it("may be 8 KiB", async () => {
    const token = await padded(8192);
    expect(token.length).toBeGreaterThan(8188);
    expect(token.length).toBeLessThanOrEqual(8192);
    await expectAccepted(target, token);
  });

  it.each([8193, 16_000, 60_000])("may not be %i characters, although the signature is right", async (length) => {
    const token = await padded(length + 3);
    expect(token.length).toBeGreaterThan(8192);
    await expectRefused(target, token, "token-too-large");
  });

  it.each([256 * 1024, 1024 * 1024])(
    "may be %i characters without costing time: it is refused at once",
    async (length) => {
      const work = (["digest", "importKey", "verify"] as const).map((name) => vi.spyOn(crypto.subtle, name));
      const verdict = await target.present("a".repeat(length));
      expect(verdict.code).toBe("session-malformed");
      expect(work.map(({ mock }) => mock.calls)).toEqual([[], [], []]);
    },
  );
});

describe("JSON that is nested as deep as 8 KiB allow", () => {
  it.each(["[", '{"a":'])("never causes a 5xx: a payload of %s", async (open) => {
    const close = open === "[" ? "]" : "}";
    const depth = open === "[" ? 2_500 : 900;
    const deep = `${open.repeat(depth)}1${close.repeat(depth)}`;
    const claims = JSON.stringify(CLAIMS).replace(/}$/, `,"deep":${deep}}`);
    await expectAccepted(target, await sign(by.es256, claims));
    const verdict = await target.present(await sign(by.es256, deep));
    expect(verdict.status).toBe(401);
  });

  it("never causes a 5xx: a header", async () => {
    const header = `{"alg":"ES256","kid":"es","deep":${"[".repeat(2000)}${"]".repeat(2000)}}`;
    await expectAccepted(target, await sign(by.es256, CLAIMS, header));
  });
});

describe("of a member that is there twice, which only the issuer can write (RFC 7515 §4, RFC 7519 §4),", () => {
  it("the last one counts: claims", async () => {
    const claims = JSON.stringify(CLAIMS).replace("{", '{"sub":"mallory","aud":"other",');
    await expectAccepted(target, await sign(by.es256, claims), "alice");
    const late = JSON.stringify(CLAIMS).replace(/}$/, ',"aud":"other"}');
    await expectRefused(target, await sign(by.es256, late), "audience-other");
  });

  it("the last one counts: alg and crit, which are checked and used alike", async () => {
    await expectAccepted(target, await sign(by.es256, CLAIMS, '{"alg":"none","alg":"ES256","kid":"es"}'));
    await expectRefused(
      target,
      await sign(by.es256, CLAIMS, '{"alg":"ES256","alg":"none","kid":"es"}'),
      "alg-not-allowed",
    );
    await expectRefused(
      target,
      await sign(by.es256, CLAIMS, '{"alg":"ES256","kid":"es","crit":["b64"],"crit":null}'),
      "crit-present",
    );
  });
});

describe("a header or payload that is no JSON object in valid UTF-8 (RFC 8725 §3.7)", () => {
  const bytes = (...values: number[]) => Uint8Array.from(values);
  const text = new TextEncoder();
  const json = JSON.stringify(CLAIMS);
  it.each<[string, string | Uint8Array]>([
    ["a list", "[]"],
    ["a list of claims", `[${json}]`],
    ["null", "null"],
    ["text", '"alice"'],
    ["a number", "1"],
    ["true", "true"],
    ["no JSON", "alice"],
    ["cut off", json.slice(0, -1)],
    ["more text at the end", `${json}x`],
    ["two objects", `${json}${json}`],
    ["a trailing comma", json.replace(/}$/, ",}")],
    ["a comment", json.replace("{", "{/**/")],
    ["single quotes", json.replaceAll('"', "'")],
    ["NaN", json.replace(String(CLAIMS.exp), "NaN")],
    ["a bare line break in a text", json.replace("alice", "al\nice")],
    ["a BOM at the beginning", Uint8Array.from([0xef, 0xbb, 0xbf, ...text.encode(json)])],
    ["UTF-16", Uint8Array.from([...json].flatMap((one) => [one.charCodeAt(0), 0]))],
    ["an overlong slash", Uint8Array.from([...text.encode(json.slice(0, -2)), 0xc0, 0xaf, ...text.encode('"}')])],
    ["a half character", Uint8Array.from([...text.encode('{"sub":"'), 0xc3, ...text.encode('"}')])],
    ["a surrogate in UTF-8", Uint8Array.from([...text.encode('{"sub":"'), 0xed, 0xa0, 0x80, ...text.encode('"}')])],
    ["bytes", bytes(0, 1, 2, 255)],
    ["one byte", bytes(123)],
  ])("is refused: %s", async (_, payload) => {
    await expectRefused(target, await sign(by.es256, payload), "token-payload");
    const signature = b64(signatureOf(await session(by.es256)));
    await expectRefused(target, `${segment(payload)}.${segment(CLAIMS)}.${signature}`, "token-header");
  });

  it.each<[string, object, Reason]>([
    ["typ a number", { typ: 1 }, "token-header"],
    ["typ null", { typ: null }, "token-header"],
    ["typ a list", { typ: ["JWT"] }, "token-header"],
    ["typ an object", { typ: {} }, "token-header"],
  ])("is refused: %s", async (_, header, reason) => {
    await expectRefused(target, await session(by.es256, {}, header), reason);
  });
});

describe("the claims of a session", () => {
  it("are neither in the answer nor in the log", async () => {
    const good = await session(by.es256, { name: "A name that must not be logged" });
    const verdict = await expectAccepted(target, good);
    expectSilent(target, good, "");
    expect(verdict.text).not.toContain("A name that must not");
    expect(JSON.stringify(target.world.lines)).not.toContain("A name that must not");
  });
});

function header(token: string): Headers {
  return new Headers({ Authorization: `Bearer ${token}` });
}
