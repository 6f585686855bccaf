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
const arenaOf = (entry: object = {}, env = {}) =>
  createTarget({ keys: [by.es256.jwk], issuers: [{ ...ENTRY, ...entry }], env });

beforeAll(async () => {
  by = await createSigners();
  target = arenaOf();
});

const alice = (where: Target) => where.world.simulator.users().find(({ uid }) => uid === "alice");

/** Claims as JSON text, so that what JSON can say and JavaScript cannot (1e400) is said. */
const worded = (member: string, value: string) => {
  const { [member as "sub"]: _, ...rest } = CLAIMS;
  return JSON.stringify(rest).replace(/}$/, `,${JSON.stringify(member)}:${value}}`);
};

describe("a session without an end (RFC 7519 §4.1.4; ours to require)", () => {
  it("is refused", async () => {
    await expectRefused(target, await session(by.es256, { exp: undefined }), "exp-form");
  });
});

describe("a session that is bound to a key (RFC 9449 §6, RFC 8705 §3.1, RFC 7800 §3)", () => {
  it.each<[string, unknown]>([
    ["DPoP", { jkt: "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" }],
    ["a client's certificate", { "x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2" }],
    ["a key of its own", { jwk: { kty: "OKP", crv: "Ed25519", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" } }],
    ["a key's id", { kid: "1" }],
    ["nothing that is known", {}],
    ["null", null],
    ["text", "jkt"],
  ])("is no bearer token: %s", async (_, cnf) => {
    await expectRefused(target, await session(by.es256, { cnf }), "proof-needed");
  });

  it("is not taken under the scheme DPoP either, for want of a proof", async () => {
    const token = await session(by.es256, { cnf: { jkt: "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" } });
    const headers = { Authorization: `DPoP ${token}`, DPoP: token };
    expect(await target.send("/v1/token", { headers })).toMatchObject({ code: "session-missing", cometchatCalls: 0 });
  });
});

describe("dates that are none (RFC 7519 §2; CVE-2026-44459)", () => {
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
    ["1e400, Infinity to a parser", "1e400"],
    ["-1e400", "-1e400"],
    ["the year 10000", "253402300800"],
    ["milliseconds", `${later}000`],
    ["empty text", '""'],
  ])("%s", async (_, value) => {
    await expectRefused(target, await sign(by.es256, worded("exp", value)), "exp-form");
    await expectRefused(target, await sign(by.es256, worded("nbf", value)), "nbf-form");
    await expectRefused(target, await sign(by.es256, worded("iat", value)), "iat-form");
  });

  it("fractions of seconds are dates (RFC 7519 §2), and so is the last second of the year 9999", async () => {
    await expectAccepted(target, await session(by.es256, { exp: NOON + 0.5, iat: NOON - 0.5, nbf: NOON - 0.25 }));
    await expectAccepted(target, await session(by.es256, { exp: 253_402_300_799 }));
  });

  it("1970 is a date, and long ago", async () => {
    await expectRefused(target, await session(by.es256, { exp: 0 }), "session-expired");
    await expectAccepted(target, await session(by.es256, { iat: 0, nbf: 0 }));
  });
});

describe("each bound, to the second (RFC 7519 §4.1.4–4.1.6)", () => {
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
  ])("%s", async (_, entry, clockTolerance, claims, expected) => {
    const own = arenaOf({ ...entry, clockTolerance });
    const token = await session(by.es256, { ...claims });
    if (expected === "accepted") await expectAccepted(own, token);
    else await expectRefused(own, token, expected);
  });

  it("the clock's milliseconds count: a session ends when its second begins", async () => {
    const own = arenaOf({ clockTolerance: 0 });
    const token = await session(by.es256, { exp: NOON + 10 });
    own.clock.now = (NOON + 10) * 1000 - 1;
    await expectAccepted(own, token);
    own.clock.now += 1;
    await expectRefused(own, token, "session-expired");
  });

  it.each<[string, object, Reason]>([
    ["for somebody else", { aud: "other" }, "audience-other"],
    ["without a subject", { sub: undefined }, "subject-form"],
    ["not begun", { nbf: NOON + 3600 }, "nbf-future"],
    ["a logout token", { events: { "http://schemas.openid.net/event/backchannel-logout": {} } }, "logout-token"],
  ])(
    "expired and %s is invalid, not expired: the caller could not mend it by signing in again",
    async (_, claims, reason) => {
      await expectRefused(target, await session(by.es256, { exp: NOON - 3600, ...claims }), reason);
    },
  );
});

describe("audience (RFC 8725 §3.9; CVE-2025-62610)", () => {
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
    ["a list with more than texts", ["chat", 1], false],
    ["an object", { chat: true }, false],
    ["a number", 0, false],
    ["true", true, false],
    ["__proto__", "__proto__", false],
  ])("%s", async (_, aud, accepted) => {
    const token = await session(by.es256, { aud });
    if (accepted) await expectAccepted(target, token);
    else await expectRefused(target, token, "audience-other");
  });

  it("any of several", async () => {
    const own = arenaOf({ audience: ["web", "chat"] });
    await expectAccepted(own, await session(by.es256, { aud: "web" }));
    await expectAccepted(own, await session(by.es256, { aud: "chat" }));
    await expectRefused(own, await session(by.es256, { aud: "api" }), "audience-other");
  });

  it("not required: missing passes, another one only where none is configured", async () => {
    const own = arenaOf({ audienceRequired: false });
    await expectAccepted(own, await session(by.es256, { aud: undefined }));
    await expectAccepted(own, await session(by.es256, { aud: "chat" }));
    await expectRefused(own, await session(by.es256, { aud: "other" }), "audience-other");
    const open = arenaOf({ audience: undefined, audienceRequired: false });
    await expectAccepted(open, await session(by.es256, { aud: "other" }));
  });
});

describe("issuer (RFC 8725 §3.8)", () => {
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
    ["somebody else", "https://evil.example"],
  ])("%s", async (_, iss) => {
    const before = target.asked.length;
    await expectRefused(target, await session(by.es256, { iss }), "issuer-unknown");
    expect(target.asked.length).toBe(before);
  });
});

describe("authorized party", () => {
  it.each<[string, object, boolean]>([
    ["listed", { azp: "https://app.example.com" }, true],
    ["another listed", { azp: "spa" }, true],
    ["another", { azp: "https://evil.example" }, false],
    ["missing", {}, false],
    ["null", { azp: null }, false],
    ["a list", { azp: ["spa"] }, false],
    ["a slash more", { azp: "https://app.example.com/" }, false],
    ["none, but the client_id of an access token (RFC 9068 §2.2)", { client_id: "spa" }, true],
    ["another client_id", { client_id: "evil" }, false],
    ["another azp, whatever the client_id", { azp: "evil", client_id: "spa" }, false],
  ])("%s", async (_, claims, accepted) => {
    const own = arenaOf({ authorizedParties: ["https://app.example.com", "spa"] });
    const token = await session(by.es256, { ...claims });
    if (accepted) await expectAccepted(own, token);
    else await expectRefused(own, token, "azp-other");
  });
});

describe("subject (RFC 8725 §3.8)", () => {
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
  ])("%s", async (_, sub) => {
    await expectRefused(target, await session(by.es256, { sub }), "subject-form");
  });

  it("10 KB are too much of a token already", async () => {
    await expectRefused(target, await session(by.es256, { sub: "a".repeat(10_240) }), "token-too-large");
  });

  it.each([
    ["emoji", "🙂"],
    ["spaces", "a b"],
    ["right-to-left", "\u202eecila"],
    ["4096 characters", "a".repeat(4096)],
  ])("%s are a subject, with a uid of its own", async (_, sub) => {
    const verdict = await target.present(await session(by.es256, { sub }));
    expect(verdict.status).toBe(201);
    expect(verdict.uid).toMatch(/^x-[a-z2-7]{52}$/);
  });

  it("the subject is the claim that the entry names, and no other", async () => {
    const own = arenaOf({ uid: { claim: "user.id" } });
    await expectAccepted(own, await session(by.es256, { user: { id: "bob" } }), "bob");
    await expectAccepted(own, await session(by.es256, { "user.id": "carol", user: { id: "bob" } }), "carol");
    await expectRefused(own, await session(by.es256), "subject-form");
    await expectRefused(own, await session(by.es256, { user: "id" }), "subject-form");
  });

  it.each(["__proto__.toString.name", "constructor.name", "toString.name", "sub.length"])(
    "an inherited property (%s) is no claim",
    async (claim) => {
      await expectRefused(arenaOf({ uid: { claim } }), await session(by.es256), "subject-form");
    },
  );
});

describe("two subjects never share a uid", () => {
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
  it("each gets its own", async () => {
    const uids = await Promise.all(
      subjects.map(async (sub) => (await target.present(await session(by.es256, { sub }))).uid),
    );
    expect(new Set(uids).size).toBe(subjects.length);
    expect(uids.every((uid) => uid !== undefined && /^[a-z0-9_-]{1,100}$/.test(uid))).toBe(true);
  });

  it("a subject that looks like another one's hash gets another", async () => {
    const { uid } = await target.present(await session(by.es256, { sub: "auth0|1" }));
    const { uid: twin } = await target.present(await session(by.es256, { sub: uid }));
    expect(uid).toMatch(/^x-/);
    expect(twin).not.toBe(uid);
  });
});

describe("CometChat's own user", () => {
  it("is refused, also as prefix and rest", async () => {
    await expectRefusedSubject(target, await session(by.es256, { sub: "app_system" }));
    await expectRefusedSubject(arenaOf({ uid: { prefix: "app_" } }), await session(by.es256, { sub: "system" }));
    expect((await target.present(await session(by.es256, { sub: "APP_SYSTEM" }))).uid).toMatch(/^x-/);
  });

  async function expectRefusedSubject(where: Target, token: string) {
    expect(await where.present(token)).toMatchObject({ status: 403, code: "subject-not-allowed", cometchatCalls: 0 });
  }
});

describe("what kind of token it is (RFC 8725 §3.11–3.12, RFC 9068)", () => {
  it.each(["JWT", "jwt", "application/jwt", "at+jwt", "AT+JWT", "application/at+jwt"])(
    "typ %s is a session",
    async (typ) => {
      await expectAccepted(target, await session(by.es256, {}, { typ }));
    },
  );

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
  ])("typ %j is none", async (typ) => {
    await expectRefused(target, await session(by.es256, {}, { typ }), "typ-other");
  });

  it("a logout event is none, whatever its typ", async () => {
    const events = { "http://schemas.openid.net/event/backchannel-logout": {} };
    await expectRefused(target, await session(by.es256, { events }), "logout-token");
    await expectAccepted(target, await session(by.es256, { events: { "https://other.example/event": {} } }));
  });
});

describe("only the configured table gives a role", () => {
  it.each<[string, object]>([
    ["a role claim", { role: "admin" }],
    ["roles", { roles: ["admin"] }],
    ["metadata", { metadata: { role: "admin" } }],
    ["a namespaced claim", { "https://app.example/role": "admin" }],
  ])("%s that is not mapped gives none", async (_, claims) => {
    const own = arenaOf();
    await expectAccepted(own, await session(by.es256, { ...claims }));
    expect(alice(own)?.role ?? "default").toBe("default");
  });

  it("an unlisted value of a mapped claim gives none", async () => {
    const own = arenaOf({ profile: { role: "role" }, roles: { staff: "moderator" } });
    for (const role of ["admin", "moderator", "__proto__", ["staff", "admin"], { staff: true }]) {
      await expectAccepted(own, await session(by.es256, { role }));
      expect(alice(own)?.role ?? "default").toBe("default");
    }
  });

  it("a role in the body is refused", async () => {
    const token = await session(by.es256);
    const init = { body: '{"role":"admin"}', headers: { "Content-Type": "application/json" } };
    expect(await target.present(token, init)).toMatchObject({ status: 400, code: "bad-request" });
  });
});

describe("profile claims that do not fit are left out, and the sign-in goes on", () => {
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
    ["a plan below a text", { org: "plan" }],
    ["a plan that is an object", { org: { plan: {} } }],
    ["__proto__ everywhere", JSON.parse('{"__proto__":{"name":"x"},"org":{"__proto__":{"plan":"x"}}}')],
  ])("%s", async (_, claims) => {
    await expectAccepted(arenaOf({ profile }), await session(by.es256, { ...claims }));
  });

  it("inherited properties are no claims", async () => {
    const own = arenaOf({ profile: { name: "__proto__.constructor.name", avatar: "constructor.name" } });
    await expectAccepted(own, await session(by.es256));
    expect(alice(own)).toMatchObject({ name: expect.not.stringContaining("Object") });
  });
});
