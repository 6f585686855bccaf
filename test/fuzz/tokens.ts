import fc from "fast-check";
import { b64, type Signer, sign } from "../support/forge.ts";
import { CLAIMS, claimsVerdict, headerIsGood, ISSUER, type Json, logoutIsGood, NOON } from "./model.ts";

/** The whole gateway, or only its verifier. */
export interface Target {
  /** `yes:<subject or uid>`, the code of the refusal, or `internal` for anything else. */
  readonly present: (token: string) => Promise<string>;
  readonly logout: (token: string) => Promise<"yes" | "no" | "internal">;
  /** The same for a cold isolate that gets `body` as the provider's JWKS. */
  readonly withKeys: (body: string | Uint8Array, token: string) => Promise<string>;
}

export interface TokenProperty {
  readonly name: string;
  /** The time of a case, as a multiple of the usual one. */
  readonly cost?: number;
  readonly property: (target: Target, keys: { es: Signer; stranger: Signer }) => fc.IAsyncPropertyWithHooks<never>;
}

const REFUSALS = new Set([
  "session-malformed",
  "session-invalid",
  "session-expired",
  "session-missing",
  "keys-unavailable",
]);
const EVENT = "http://schemas.openid.net/event/backchannel-logout";

// Any JSON value. Values that are interesting for tokens come often.
const odd = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom<unknown>(
    "",
    " ",
    null,
    0,
    -1,
    1e308,
    true,
    [],
    {},
    "__proto__",
    "constructor",
    "\ud800",
    "\u0000",
    "a\r\nb",
  ),
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);
const near = (value: number) =>
  fc.oneof(
    fc.integer({ min: -40, max: 40 }).map((by) => value + by),
    odd,
  );
const member = <T>(...usual: T[]) =>
  fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...usual) }, { weight: 1, arbitrary: odd });

/** JSON of an object with some of these members and some of other names. `__proto__` may be an own member, as in JSON. */
const objectOf = (members: Record<string, fc.Arbitrary<unknown>>) =>
  fc
    .tuple(
      fc.record(members, { requiredKeys: [] }),
      fc.dictionary(
        fc.oneof(fc.string({ maxLength: 8 }), fc.constantFrom("__proto__", "toString", "alg ", "Sub")),
        odd,
        {
          maxKeys: 3,
        },
      ),
    )
    .map(([known, more]) => {
      const rest = Object.entries(more).filter(([key]) => !Object.hasOwn(members, key));
      return `{${[...rest, ...Object.entries(known)]
        .map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value) ?? "null"}`)
        .join(",")}}`;
    });

const header = objectOf({
  alg: member("ES256", "ES256", "ES256", "none", "HS256", "RS256", "es256"),
  kid: member("es", "es", "es", "other"),
  typ: member("JWT", "at+jwt", "application/JWT", "logout+jwt"),
  cty: fc.oneof(fc.constantFrom("json", "JWT"), odd),
  crit: odd,
  zip: odd,
  jku: fc.constant("https://evil.example/jwks"),
  jwk: odd,
});

const claims = objectOf({
  iss: member(ISSUER, ISSUER, ISSUER, `${ISSUER}/`),
  aud: fc.oneof(fc.constantFrom<unknown>("chat", "chat", ["chat"], ["other", "chat"], "other", [["chat"]]), odd),
  sub: member("alice", "bob", "A|b"),
  exp: near(NOON),
  iat: near(NOON),
  nbf: near(NOON),
  events: member<unknown>({ [EVENT]: {} }, { other: {} }),
  azp: odd,
  cnf: fc.oneof(fc.constantFrom<unknown>({ jkt: "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" }, null), odd),
});

const logout = objectOf({
  iss: member(ISSUER, ISSUER, ISSUER, `${ISSUER}/`),
  aud: fc.oneof(fc.constantFrom<unknown>("chat", "chat", ["chat"], "other"), odd),
  sub: member("alice", "bob"),
  sid: member("s-1"),
  iat: fc.oneof(near(NOON), near(NOON - 330)),
  exp: near(NOON),
  nbf: near(NOON),
  jti: fc.oneof(fc.uuid(), odd),
  events: fc.oneof(fc.constantFrom<unknown>({ [EVENT]: {} }, { [EVENT]: {} }, { [EVENT]: 1 }), odd),
  nonce: odd,
});

/** Most cases have most of the valid members, so that many cases are accepted. */
const almost = (good: Json, changes: fc.Arbitrary<string>) =>
  fc.oneof(
    changes,
    fc.tuple(fc.constant(JSON.stringify(good)), changes).map(([all, more]) => {
      const kept = Object.entries(JSON.parse(all) as Json).filter(([key]) => !more.includes(`"${key}":`));
      const rest = more === "{}" ? "" : more.slice(1, -1);
      return `{${[...kept.map(([key, value]) => `"${key}":${JSON.stringify(value)}`), rest].filter(Boolean).join(",")}}`;
    }),
  );

const GOOD_LOGOUT = { iss: ISSUER, aud: "chat", sub: "alice", iat: NOON, exp: NOON + 120, events: { [EVENT]: {} } };

export const tokenProperties: readonly TokenProperty[] = [
  {
    name: "any text is refused",
    property: (target) =>
      fc.asyncProperty(anyText, async (token) => {
        refused(await target.present(token));
      }) as never,
  },
  {
    name: "any bytes in three segments are refused",
    property: (target) =>
      fc.asyncProperty(fc.tuple(bytes, bytes, bytes), async (parts) => {
        refused(await target.present(parts.map((part) => b64(part)).join(".")));
      }) as never,
  },
  {
    name: "any header with a right signature is accepted or refused as the rules say",
    property: (target, { es }) =>
      fc.asyncProperty(almost({ alg: "ES256", kid: "es" }, header), async (text) => {
        const answer = await target.present(await sign(es, CLAIMS, text));
        same(answer === "yes:alice", headerIsGood(JSON.parse(text)), answer);
        if (answer !== "yes:alice") refused(answer);
      }) as never,
  },
  {
    name: "any claims with a right signature are accepted or refused as the rules say",
    property: (target, { es }) =>
      fc.asyncProperty(almost(CLAIMS, claims), async (text) => {
        const answer = await target.present(await sign(es, text));
        const expected = claimsVerdict(JSON.parse(text));
        same(answer.startsWith("yes:"), expected === "yes", answer);
        same(answer === "session-expired", expected === "expired", answer);
        if (expected !== "yes") refused(answer);
      }) as never,
  },
  {
    name: "any JSON value as payload with a right signature is refused",
    property: (target, { es }) =>
      fc.asyncProperty(
        fc.oneof(
          fc.json(),
          fc.jsonValue().map((value) => JSON.stringify(value)),
        ),
        async (text) => {
          refused(await target.present(await sign(es, text)));
        },
      ) as never,
  },
  {
    name: "no change of a valid session is accepted",
    property: (target, { es }) => {
      const good = sign(es, CLAIMS);
      return fc.asyncProperty(mutation, async (mutate) => {
        const token = await good;
        const changed = mutate(token);
        if (changed !== token) refused(await target.present(changed));
      }) as never;
    },
  },
  {
    name: "no mixture of two valid sessions is accepted",
    property: (target, { es }) => {
      const tokens = Promise.all([sign(es, CLAIMS), sign(es, { ...CLAIMS, sub: "bob" }, { typ: "at+jwt" })]);
      const pick = fc.integer({ min: 0, max: 1 });
      return fc.asyncProperty(pick, pick, pick, async (...picks) => {
        if (new Set(picks).size === 1) return;
        const parts = (await tokens).map((token) => token.split("."));
        refused(await target.present(picks.map((which, index) => parts[which]?.[index]).join(".")));
      }) as never;
    },
  },
  {
    name: "a signature with an unpublished key is never accepted, with any header and claims",
    property: (target, { stranger }) =>
      fc.asyncProperty(almost({ alg: "ES256", kid: "es" }, header), almost(CLAIMS, claims), async (head, payload) => {
        refused(await target.present(await sign(stranger, payload, head)));
      }) as never,
  },
  {
    name: "any claims of a logout token are accepted or refused as the rules say",
    property: (target, { es }) =>
      fc.asyncProperty(almost(GOOD_LOGOUT, logout), fc.uuid(), async (text, jti) => {
        const whole = text.includes('"jti":') ? text : text.replace("{", `{"jti":"${jti}",`).replace(",}", "}");
        const answer = await target.logout(await sign(es, whole, { typ: "logout+jwt" }));
        same(answer === "yes", logoutIsGood(JSON.parse(whole)), answer);
      }) as never,
  },
  {
    name: "any JWKS that a provider answers verifies no signature with another key, and causes no exception",
    cost: 10,
    property: (target, { stranger }) =>
      fc.asyncProperty(jwks, async (body) => {
        refused(await target.withKeys(body, await sign(stranger, CLAIMS)));
      }) as never,
  },
  {
    name: "the right key is found in a JWKS with any other keys",
    cost: 10,
    property: (target, { es }) =>
      fc.asyncProperty(fc.array(key, { maxLength: 20 }), fc.nat(), async (others, at) => {
        const strangers = others.filter((other) => !(other as Json | null)?.kid || (other as Json).kid !== "es");
        const keys = strangers.toSpliced(at % (strangers.length + 1), 0, es.jwk);
        same(
          (await target.withKeys(JSON.stringify({ keys }), await sign(es, CLAIMS))) === "yes:alice",
          true,
          "not found",
        );
      }) as never,
  },
];

const bytes = fc.uint8Array({ maxLength: 300 });
const anyText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 400 }),
  fc.string({ unit: fc.constantFrom(..."eyJ.-_=ABab09 "), maxLength: 400 }),
  fc.string({ unit: "grapheme", maxLength: 200 }),
  fc.tuple(fc.base64String(), fc.base64String(), fc.base64String()).map((parts) => parts.join(".")),
  fc.nat({ max: 20_000 }).map((length) => "a".repeat(length)),
  fc.nat({ max: 4_000 }).map((length) => ".".repeat(length)),
  fc.constant("a.b.c"),
);

const position = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
const character = fc.oneof(
  fc.constantFrom(..."ABCyz059-_.=+/ \t%"),
  fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
);
type Mutate = (token: string) => string;
const mutation: fc.Arbitrary<Mutate> = fc
  .array(
    fc.oneof<fc.Arbitrary<Mutate>[]>(
      fc.tuple(position, character).map(([at, other]) => (token) => {
        const index = Math.floor(at * token.length);
        return token.slice(0, index) + other + token.slice(index + 1);
      }),
      fc.tuple(position, character).map(([at, other]) => (token) => {
        const index = Math.floor(at * token.length);
        return token.slice(0, index) + other + token.slice(index);
      }),
      fc.tuple(position, fc.integer({ min: 1, max: 20 })).map(([at, count]) => (token) => {
        const index = Math.floor(at * token.length);
        return token.slice(0, index) + token.slice(index + count);
      }),
      position.map((at) => (token) => {
        const index = Math.floor(at * token.length);
        const [a = "", b = ""] = [token[index], token[index + 1]];
        return token.slice(0, index) + b + a + token.slice(index + 2);
      }),
      fc.constant((token) => `${token}.`),
      fc.constant((token) => token.split(".").reverse().join(".")),
      fc.constant((token) => token.toUpperCase()),
    ),
    { minLength: 1, maxLength: 3 },
  )
  .map((steps) => (token) => steps.reduce((text, step) => step(text), token));

const key = fc.oneof(
  odd,
  objectOf({
    kty: member("EC", "RSA", "OKP", "oct", "AKP"),
    crv: member("P-256", "P-384", "P-521", "Ed25519", "secp256k1"),
    kid: member("es", "rs", "x"),
    alg: member("ES256", "RS256", "EdDSA", "none"),
    use: member("sig", "enc"),
    key_ops: fc.oneof(fc.constantFrom<unknown>(["verify"], ["sign"]), odd),
    x: fc.oneof(bytes.map(b64), odd),
    y: fc.oneof(bytes.map(b64), odd),
    n: fc.oneof(bytes.map(b64), odd),
    e: fc.oneof(fc.constantFrom("AQAB", "AQ", "Aw", "AA"), odd),
    k: fc.oneof(bytes.map(b64), odd),
    d: odd,
  }).map((text) => JSON.parse(text) as unknown),
);
const jwks = fc.oneof<fc.Arbitrary<string | Uint8Array>[]>(
  fc.string({ unit: "binary", maxLength: 400 }),
  fc.uint8Array({ maxLength: 400 }),
  fc.json(),
  fc.array(key, { maxLength: 30 }).map((keys) => JSON.stringify({ keys })),
  odd.map((keys) => JSON.stringify({ keys }) ?? ""),
);

function refused(answer: string): void {
  if (!REFUSALS.has(answer)) throw new Error(`not a refusal: ${answer}`);
}

function same(actual: boolean, expected: boolean, answer: string): void {
  if (actual !== expected) throw new Error(`the rules say ${expected ? "yes" : "no"}, the gateway: ${answer}`);
}
