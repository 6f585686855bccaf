import { beforeAll, describe, expect, it } from "vitest";
import type { Reason } from "../../src/errors.ts";
import { sign } from "../support/forge.ts";
import {
  CLAIMS,
  createSigners,
  createTarget,
  expectAccepted,
  expectRefused,
  ISSUER,
  JWKS,
  NOON,
  type Signers,
  session,
  type Target,
} from "../support/target.ts";

let by: Signers;
let target: Target;
const ENTRY = { issuer: ISSUER, audience: ["chat"], jwksUrl: JWKS };
const targetOf = (entry: object = {}, env = {}) =>
  createTarget({ keys: [by.es256.jwk], issuers: [{ ...ENTRY, ...entry }], env });

beforeAll(async () => {
  by = await createSigners();
  target = targetOf();
});

const alice = (where: Target) => where.world.simulator.users().find(({ uid }) => uid === "alice");

/** The claims as JSON text, since JSON can have numbers that JavaScript cannot (1e400). */
const worded = (member: string, value: string) => {
  const { [member as "sub"]: _, ...rest } = CLAIMS;
  return JSON.stringify(rest).replace(/}$/, `,${JSON.stringify(member)}:${value}}`);
};

describe("a session without exp (RFC 7519 §4.1.4)", () => {
  it("is refused, although the standard leaves exp optional", async () => {
    await expectRefused(target, await session(by.es256, { exp: undefined }), "exp-form");
  });
});

describe("a session that is bound to a key with cnf (RFC 9449 §6, RFC 8705 §3.1, RFC 7800 §3)", () => {
  it.each<[string, unknown]>([
    ["DPoP", { jkt: "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" }],
    ["a client's certificate", { "x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2" }],
    ["a key of its own", { jwk: { kty: "OKP", crv: "Ed25519", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" } }],
    ["a key's id", { kid: "1" }],
    ["nothing that is known", {}],
    ["null", null],
    ["text", "jkt"],
  ])("is refused as a bearer token: %s", async (_, cnf) => {
    await expectRefused(target, await session(by.es256, { cnf }), "proof-needed");
  });

  it("is refused with the scheme DPoP too, since the gateway does not check proofs", async () => {
    const token = await session(by.es256, { cnf: { jkt: "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" } });
    const headers = { Authorization: `DPoP ${token}`, DPoP: token };
    expect(await target.send("/v1/token", { headers })).toMatchObject({ code: "session-missing", cometchatCalls: 0 });
  });
});

describe("a session whose exp, nbf or iat has a wrong form (RFC 7519 §2; CVE-2026-44459)", () => {
  const later = String(NOON + 3600);
  it.each([
    ["text", `"${later}"`],
    ["a date as text", '"2030-01-01T00:00:00Z"'],
    ["null", "null"],
    ["true", "true"],
    ["a list", `[${later}]`],
    ["an object", `{"valueOf":${later}}`],
    ["negative", "-1"],
    ["-1e300", "-1e300"],
    ["1e308", "1e308"],
    ["1e400, which is parsed as Infinity", "1e400"],
    ["-1e400", "-1e400"],
    ["the year 10000", "253402300800"],
    ["milliseconds", `${later}000`],
    ["empty text", '""'],
  ])("is refused: %s", async (_, value) => {
    await expectRefused(target, await sign(by.es256, worded("exp", value)), "exp-form");
    await expectRefused(target, await sign(by.es256, worded("nbf", value)), "nbf-form");
    await expectRefused(target, await sign(by.es256, worded("iat", value)), "iat-form");
  });
});

describe("a date in a session", () => {
  it("may be a fraction of a second (RFC 7519 §2), and as late as the last second of the year 9999", async () => {
    await expectAccepted(target, await session(by.es256, { exp: NOON + 0.5, iat: NOON - 0.5, nbf: NOON - 0.25 }));
    await expectAccepted(target, await session(by.es256, { exp: 253_402_300_799 }));
  });

  it("may be 0, which is the beginning of 1970", async () => {
    await expectRefused(target, await session(by.es256, { exp: 0 }), "session-expired");
    await expectAccepted(target, await session(by.es256, { iat: 0, nbf: 0 }));
  });
});

describe("exp, nbf, iat and maxAge (RFC 7519 §4.1.4–4.1.6)", () => {
  it.each<[string, object, number, object, Reason | "accepted"]>([
    ["exp a second ahead", {}, 0, { exp: NOON + 1 }, "accepted"],
    ["exp now", {}, 0, { exp: NOON }, "session-expired"],
    ["exp a second ago", {}, 0, { exp: NOON - 1 }, "session-expired"],
    ["exp 29 seconds ago", {}, 30, { exp: NOON - 29 }, "accepted"],
    ["exp 30 seconds ago", {}, 30, { exp: NOON - 30 }, "session-expired"],
    ["exp 31 seconds ago", {}, 30, { exp: NOON - 31 }, "session-expired"],
    ["nbf now", {}, 0, { nbf: NOON }, "accepted"],
    ["nbf a second ahead", {}, 0, { nbf: NOON + 1 }, "nbf-future"],
    ["nbf 29 seconds ahead", {}, 30, { nbf: NOON + 29 }, "accepted"],
    ["nbf 30 seconds ahead", {}, 30, { nbf: NOON + 30 }, "accepted"],
    ["nbf 31 seconds ahead", {}, 30, { nbf: NOON + 31 }, "nbf-future"],
    ["iat now", {}, 0, { iat: NOON }, "accepted"],
    ["iat a second ahead", {}, 0, { iat: NOON + 1 }, "iat-future"],
    ["iat 30 seconds ahead", {}, 30, { iat: NOON + 30 }, "accepted"],
    ["iat 31 seconds ahead", {}, 30, { iat: NOON + 31 }, "iat-future"],
    ["iat years ahead", {}, 30, { iat: NOON + 1e8 }, "iat-future"],
    ["age 599 of 600", { maxAge: 600 }, 0, { iat: NOON - 599 }, "accepted"],
    ["age 600 of 600", { maxAge: 600 }, 0, { iat: NOON - 600 }, "session-expired"],
    ["age 601 of 600", { maxAge: 600 }, 0, { iat: NOON - 601 }, "session-expired"],
    ["age 629 of 600", { maxAge: 600 }, 30, { iat: NOON - 629 }, "accepted"],
    ["age 630 of 600", { maxAge: 600 }, 30, { iat: NOON - 630 }, "session-expired"],
    ["age unknown", { maxAge: 600 }, 0, { iat: undefined }, "iat-form"],
    ["a session of ten years", {}, 30, { exp: NOON + 315_360_000 }, "accepted"],
    ["exp before iat", {}, 30, { iat: NOON - 10, exp: NOON - 20 }, "accepted"],
  ])("are compared to the second: %s", async (_, entry, clockTolerance, claims, expected) => {
    const own = targetOf({ ...entry, clockTolerance });
    const token = await session(by.es256, { ...claims });
    if (expected === "accepted") await expectAccepted(own, token);
    else await expectRefused(own, token, expected);
  });

  it("are compared to the millisecond of the clock: a session ends when the second of its exp begins", async () => {
    const own = targetOf({ clockTolerance: 0 });
    const token = await session(by.es256, { exp: NOON + 10 });
    own.clock.now = (NOON + 10) * 1000 - 1;
    await expectAccepted(own, token);
    own.clock.now += 1;
    await expectRefused(own, token, "session-expired");
  });

  it.each<[string, object, Reason]>([
    ["for another audience", { aud: "other" }, "audience-other"],
    ["without a subject", { sub: undefined }, "subject-form"],
    ["not yet valid", { nbf: NOON + 3600 }, "nbf-future"],
    ["a logout token", { events: { "http://schemas.openid.net/event/backchannel-logout": {} } }, "logout-token"],
  ])(
    "tell a caller that the session has expired only if nothing else is wrong: expired and %s",
    async (_, claims, reason) => {
      await expectRefused(target, await session(by.es256, { exp: NOON - 3600, ...claims }), reason);
    },
  );
});

describe("the audience (RFC 8725 §3.9; CVE-2025-62610)", () => {
  it.each<[string, unknown, boolean]>([
    ["ours", "chat", true],
    ["ours in a list", ["chat"], true],
    ["ours among others", ["other", "chat"], true],
    ["missing", undefined, false],
    ["null", null, false],
    ["other", "other", false],
    ["other case", "Chat", false],
    ["a prefix", "cha", false],
    ["a superset", "chat2", false],
    ["white space", "chat ", false],
    ["two in one text", "chat other", false],
    ["empty", "", false],
    ["an empty list", [], false],
    ["a nested list", [["chat"]], false],
    ["a list with a number", ["chat", 1], false],
    ["an object", { chat: true }, false],
    ["a number", 0, false],
    ["true", true, false],
    ["__proto__", "__proto__", false],
  ])("is compared exactly: %s", async (_, aud, accepted) => {
    const token = await session(by.es256, { aud });
    if (accepted) await expectAccepted(target, token);
    else await expectRefused(target, token, "audience-other");
  });

  it("may be any of those that are configured", async () => {
    const own = targetOf({ audience: ["web", "chat"] });
    await expectAccepted(own, await session(by.es256, { aud: "web" }));
    await expectAccepted(own, await session(by.es256, { aud: "chat" }));
    await expectRefused(own, await session(by.es256, { aud: "api" }), "audience-other");
  });

  it("may be missing if it is not required, but a wrong one passes only where none is configured", async () => {
    const own = targetOf({ audienceRequired: false });
    await expectAccepted(own, await session(by.es256, { aud: undefined }));
    await expectAccepted(own, await session(by.es256, { aud: "chat" }));
    await expectRefused(own, await session(by.es256, { aud: "other" }), "audience-other");
    const open = targetOf({ audience: undefined, audienceRequired: false });
    await expectAccepted(open, await session(by.es256, { aud: "other" }));
  });
});

describe("the issuer (RFC 8725 §3.8)", () => {
  it.each<[string, unknown]>([
    ["missing", undefined],
    ["null", null],
    ["a list", [ISSUER]],
    ["an object", { toString: ISSUER }],
    ["a trailing slash", `${ISSUER}/`],
    ["upper case", ISSUER.toUpperCase()],
    ["http", ISSUER.replace("https", "http")],
    ["a port", `${ISSUER}:443`],
    ["a path", `${ISSUER}/realm`],
    ["white space", ` ${ISSUER}`],
    ["a homoglyph (Cyrillic і)", ISSUER.replace("idp", "\u0456dp")],
    ["credentials", ISSUER.replace("//", "//x@")],
    ["a fragment", `${ISSUER}#`],
    ["empty", ""],
    ["another one", "https://evil.example"],
  ])("is compared exactly, and the keys of another one are never fetched: %s", async (_, iss) => {
    const before = target.asked.length;
    await expectRefused(target, await session(by.es256, { iss }), "issuer-unknown");
    expect(target.asked.length).toBe(before);
  });
});

describe("the authorized party", () => {
  it.each<[string, object, boolean]>([
    ["listed", { azp: "https://app.example.com" }, true],
    ["another listed", { azp: "spa" }, true],
    ["another", { azp: "https://evil.example" }, false],
    ["missing", {}, false],
    ["null", { azp: null }, false],
    ["a list", { azp: ["spa"] }, false],
    ["with a slash at the end", { azp: "https://app.example.com/" }, false],
    ["only the client_id of an access token (RFC 9068 §2.2)", { client_id: "spa" }, true],
    ["another client_id", { client_id: "evil" }, false],
    ["another azp, and a listed client_id", { azp: "evil", client_id: "spa" }, false],
  ])("has to be one of authorizedParties: %s", async (_, claims, accepted) => {
    const own = targetOf({ authorizedParties: ["https://app.example.com", "spa"] });
    const token = await session(by.es256, { ...claims });
    if (accepted) await expectAccepted(own, token);
    else await expectRefused(own, token, "azp-other");
  });
});

describe("the subject (RFC 8725 §3.8)", () => {
  it.each<[string, unknown]>([
    ["missing", undefined],
    ["null", null],
    ["a number", 42],
    ["true", true],
    ["a list", ["alice"]],
    ["an object", { sub: "alice" }],
    ["empty", ""],
    ["CR LF", "alice\r\nX-Evil: 1"],
    ["NUL", "alice\u0000"],
    ["DEL", "alice\u007f"],
    ["a C1 control", "alice\u0085"],
    ["a lone surrogate", "alice\ud800"],
    ["4097 characters", "a".repeat(4097)],
  ])("has to be a text of 1 to 4096 printable characters: %s is refused", async (_, sub) => {
    await expectRefused(target, await session(by.es256, { sub }), "subject-form");
  });

  it("makes the token too large with 10 KB", async () => {
    await expectRefused(target, await session(by.es256, { sub: "a".repeat(10_240) }), "token-too-large");
  });

  it.each([
    ["emoji", "🙂"],
    ["spaces", "a b"],
    ["right-to-left", "\u202eecila"],
    ["4096 characters", "a".repeat(4096)],
  ])("may have any other character, and gets a uid of its own: %s", async (_, sub) => {
    const verdict = await target.present(await session(by.es256, { sub }));
    expect(verdict.status).toBe(201);
    expect(verdict.uid).toMatch(/^x-[a-z2-7]{52}$/);
  });

  it("is the claim that the issuer's entry names, and no other", async () => {
    const own = targetOf({ uid: { claim: "user.id" } });
    await expectAccepted(own, await session(by.es256, { user: { id: "bob" } }), "bob");
    await expectAccepted(own, await session(by.es256, { "user.id": "carol", user: { id: "bob" } }), "carol");
    await expectRefused(own, await session(by.es256), "subject-form");
    await expectRefused(own, await session(by.es256, { user: "id" }), "subject-form");
  });

  it.each(["__proto__.toString.name", "constructor.name", "toString.name", "sub.length"])(
    "is never an inherited property: %s",
    async (claim) => {
      await expectRefused(targetOf({ uid: { claim } }), await session(by.es256), "subject-form");
    },
  );
});

describe("two subjects", () => {
  const subjects = [
    "a|b",
    "a_b",
    "A",
    "a",
    "x-a",
    "x-",
    "a".repeat(100),
    "a".repeat(101),
    "Ａ",
    "é",
    "e\u0301",
    "a b",
    "a\u00a0b",
  ];
  it("never share a uid", async () => {
    const uids = await Promise.all(
      subjects.map(async (sub) => (await target.present(await session(by.es256, { sub }))).uid),
    );
    expect(new Set(uids).size).toBe(subjects.length);
    expect(uids.every((uid) => uid !== undefined && /^[a-z0-9_-]{1,100}$/.test(uid))).toBe(true);
  });

  it("never share a uid where one is the hash of the other", async () => {
    const { uid } = await target.present(await session(by.es256, { sub: "auth0|1" }));
    const { uid: twin } = await target.present(await session(by.es256, { sub: uid }));
    expect(uid).toMatch(/^x-/);
    expect(twin).not.toBe(uid);
  });
});

describe("the uid of CometChat's own user, app_system", () => {
  it("is refused, also when a prefix and a subject make it up", async () => {
    await expectRefusedSubject(target, await session(by.es256, { sub: "app_system" }));
    await expectRefusedSubject(targetOf({ uid: { prefix: "app_" } }), await session(by.es256, { sub: "system" }));
    expect((await target.present(await session(by.es256, { sub: "APP_SYSTEM" }))).uid).toMatch(/^x-/);
  });

  async function expectRefusedSubject(where: Target, token: string) {
    expect(await where.present(token)).toMatchObject({ status: 403, code: "subject-not-allowed", cometchatCalls: 0 });
  }
});

describe("a session's typ (RFC 8725 §3.11, RFC 9068)", () => {
  it.each(["JWT", "jwt", "application/jwt", "at+jwt", "AT+JWT", "application/at+jwt"])("may be %s", async (typ) => {
    await expectAccepted(target, await session(by.es256, {}, { typ }));
  });
});

describe("a token of another kind (RFC 8725 §3.11–3.12)", () => {
  it.each([
    "logout+jwt",
    "application/logout+jwt",
    "Logout+JWT",
    "secevent+jwt",
    "dpop+jwt",
    "kb+jwt",
    "oauth-authz-req+jwt",
    "token-introspection+jwt",
    "JOSE",
    "JWE",
    "id_token",
    "refresh+jwt",
    "",
    "jwt ",
    "application/application/jwt",
  ])("is no session: typ %j", async (typ) => {
    await expectRefused(target, await session(by.es256, {}, { typ }), "typ-other");
  });

  it("is no session: a logout token, whatever its typ", async () => {
    const events = { "http://schemas.openid.net/event/backchannel-logout": {} };
    await expectRefused(target, await session(by.es256, { events }), "logout-token");
    await expectAccepted(target, await session(by.es256, { events: { "https://other.example/event": {} } }));
  });
});

describe("a role in CometChat", () => {
  it.each<[string, object]>([
    ["a role claim", { role: "admin" }],
    ["roles", { roles: ["admin"] }],
    ["metadata", { metadata: { role: "admin" } }],
    ["a namespaced claim", { "https://app.example/role": "admin" }],
  ])("is not given by a claim that is not mapped: %s", async (_, claims) => {
    const own = targetOf();
    await expectAccepted(own, await session(by.es256, { ...claims }));
    expect(alice(own)?.role ?? "default").toBe("default");
  });

  it("is not given by a value that the table of roles does not list", async () => {
    const own = targetOf({ profile: { role: "role" }, roles: { staff: "moderator" } });
    for (const role of ["admin", "moderator", "__proto__", ["staff", "admin"], { staff: true }]) {
      await expectAccepted(own, await session(by.es256, { role }));
      expect(alice(own)?.role ?? "default").toBe("default");
    }
  });

  it("is not given by the body of a request, which is refused", async () => {
    const token = await session(by.es256);
    const init = { body: '{"role":"admin"}', headers: { "Content-Type": "application/json" } };
    expect(await target.present(token, init)).toMatchObject({ status: 400, code: "bad-request" });
  });
});

describe("a profile claim that CometChat would refuse", () => {
  const profile = { name: "name", avatar: "picture", link: "site", tags: "groups", metadata: { plan: "org.plan" } };
  it.each<[string, object]>([
    ["a name that is a number", { name: 1 }],
    ["a name of 4 KB", { name: "n".repeat(4096) }],
    ["a name of control characters", { name: "\u0000\r\n" }],
    ["a name with a lone surrogate", { name: "\ud800" }],
    ["a script as avatar", { picture: "javascript:alert(1)" }],
    ["data as avatar", { picture: "data:text/html,x" }],
    ["an avatar that is no address", { picture: "x" }],
    ["an avatar object", { picture: { url: "https://x.example" } }],
    ["a link list", { site: ["https://x.example"] }],
    ["tags of numbers", { groups: [1, null, {}] }],
    ["a path into a text", { org: "plan" }],
    ["a plan that is an object", { org: { plan: {} } }],
    ["__proto__ everywhere", JSON.parse('{"__proto__":{"name":"x"},"org":{"__proto__":{"plan":"x"}}}')],
  ])("is left out, and the sign-in goes on: %s", async (_, claims) => {
    await expectAccepted(targetOf({ profile }), await session(by.es256, { ...claims }));
  });

  it("is never an inherited property", async () => {
    const own = targetOf({ profile: { name: "__proto__.constructor.name", avatar: "constructor.name" } });
    await expectAccepted(own, await session(by.es256));
    expect(alice(own)).toMatchObject({ name: expect.not.stringContaining("Object") });
  });
});
