import fc from "fast-check";
import { BODY_BYTES, LOGOUT_BODY_BYTES, USER_BODY_BYTES, WEBHOOK_BYTES } from "../../src/limits.ts";
import { ISSUER, NOON } from "./model.ts";
import {
  type Answered,
  type Asked,
  BACKEND_SECRET,
  bytesOf,
  COOKIE,
  ORIGIN,
  type Outside,
  unsigned,
  WEBHOOK_KEY,
} from "./outside.ts";

/** A property of the gateway for requests with any headers, addresses and bodies. */
export interface RequestProperty {
  readonly name: string;
  readonly property: (outside: Outside) => fc.IAsyncPropertyWithHooks<never>;
}

// The rules for every answer

const PIECE = 4096;
/** The most calls of `crypto.subtle` for a request: digests, one verification, and one import of a key. */
const COMPUTED = 16;

/** Sends the request. The answer must not be a 5xx, repeat a secret of the request, or cost more than limited work. */
async function sane(outside: Outside, asked: Asked, secrets: readonly string[] = []): Promise<Answered> {
  const answer = await outside.ask(asked);
  const { status, headers, text, read, computed, fetched, lines } = answer;
  const said = `${text}${JSON.stringify(lines)}${JSON.stringify([...headers])}`;
  const show = () => `${asked.method} ${asked.path}: ${status} ${text.slice(0, 200)} ${JSON.stringify(lines)}`;
  if (!(status >= 200 && status < 500)) throw new Error(`a 5xx: ${show()}`);
  if (status >= 400 && asked.method !== "HEAD" && answer.code === undefined) throw new Error(`no problem: ${show()}`);
  if (!/^[A-Za-z0-9_-]{8,64}$/.test(headers.get("x-request-id") ?? "")) throw new Error(`no request id: ${show()}`);
  const allowed = headers.get("access-control-allow-origin");
  if (allowed !== null && !isListed(allowed)) throw new Error(`CORS for ${allowed}: ${show()}`);
  if (headers.has("set-cookie")) throw new Error(`a cookie: ${show()}`);
  for (const secret of [BACKEND_SECRET, ...secrets.flatMap((one) => one.split("."))]) {
    if (secret.length >= 16 && said.includes(secret.slice(0, 64))) throw new Error(`a secret was repeated: ${show()}`);
  }
  const most = asked.path.startsWith("/v1/token")
    ? BODY_BYTES
    : asked.path.startsWith("/v1/users")
      ? USER_BODY_BYTES
      : asked.path.startsWith("/v1/webhooks/")
        ? WEBHOOK_BYTES
        : LOGOUT_BODY_BYTES;
  if (read > most + 2 * PIECE) throw new Error(`${read} bytes read: ${show()}`);
  if (computed > COMPUTED) throw new Error(`${computed} calls of crypto.subtle: ${show()}`);
  if (fetched > 1) throw new Error(`${fetched} requests to the provider: ${show()}`);
  if (lines.filter(({ event }) => event === "request").length > 1) throw new Error(`lines: ${show()}`);
  if (lines.some(({ event }) => event === "bug")) throw new Error(`a bug: ${show()}`);
  return answer;
}

/** As `sane`. The answer must not have a token either, CometChat must not be called, and nothing may be stored. */
async function idle(outside: Outside, asked: Asked, secrets: readonly string[] = []): Promise<Answered> {
  const answer = await sane(outside, asked, secrets);
  const show = () => `${asked.method} ${asked.path}: ${answer.status} ${answer.text.slice(0, 200)}`;
  if (/authToken"\s*:/.test(answer.text) && answer.status < 400 && !asked.path.startsWith("/openapi.json")) {
    throw new Error(`the answer has a token: ${show()}`);
  }
  if (answer.calls.length > 0) throw new Error(`CometChat was called (${answer.calls.join(" ")}): ${show()}`);
  if (answer.stored > 0) throw new Error(`something was stored: ${show()}`);
  return answer;
}

function expect(met: boolean, what: string, { body, ...asked }: Asked, answer: Answered): void {
  if (met) return;
  const { status, text, lines } = answer;
  const sent = { ...asked, body: new TextDecoder().decode(body).slice(0, 500) };
  throw new Error(`${what}: ${status} ${text} ${JSON.stringify(lines)} after ${JSON.stringify(sent)}`);
}

const isListed = (origin: string) =>
  origin === ORIGIN || /^https:\/\/[a-z0-9]([a-z0-9-]*[a-z0-9])?\.preview\.example\.com$/.test(origin);

// The requests

const wide = fc.oneof(
  fc.constantFrom(..."\u0000\u0001\u000b\u007f\u0085\u00a0\u1680\u2000\u2003\u2028\u3000\ufeff\ufffd;,=\"'\\ \t"),
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 1 }),
);
const text = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 40 }),
  fc.string({ unit: "grapheme-ascii", maxLength: 80 }),
  fc.array(wide, { maxLength: 12 }).map((parts) => parts.join("")),
  fc.constantFrom(
    "",
    "*",
    "null",
    "__proto__",
    "../../etc/passwd",
    "a\r\nSet-Cookie: a=b",
    "x".repeat(9_000),
    "%00",
    "☃",
  ),
);
const path = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      ...["/v1/token", "/v1/tokens", "/v1/users", "/v1/users/alice", "/v1/users/alice/tokens"],
      ...["/v1/users/alice/reactivate", "/v1/backchannel-logout", "/v1/webhooks/idp", "/openapi.json", "/healthz"],
      ...["/readyz", "/"],
    ),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        fc.constantFrom("/v1/token", "/v1/users/alice", "/v1/backchannel-logout", "/v1/webhooks/idp"),
        fc.constantFrom(
          ...["/", "//", "?", "?a=b", "%2f", "%2e%2e", "/..", "/.", ";x", "%00", "\\", "#x", "%", "/*", ".json"],
          ...["?access_token=x", "\u2000", "/:uid", "%7e", "/%ff"],
        ),
      )
      .map(([route, more]) => `${route}${more}`),
  },
  { weight: 1, arbitrary: text.map((rest) => `/v1/users/${rest}`) },
  { weight: 1, arbitrary: text.map((rest) => `/v1/webhooks/${rest}`) },
  { weight: 1, arbitrary: text.map((rest) => `/${rest}`) },
);
const method = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("POST", "DELETE", "GET", "PATCH") },
  { weight: 1, arbitrary: fc.constantFrom("PUT", "HEAD", "OPTIONS", "PROPFIND", "REPORT") },
);
const origin = fc.oneof(
  fc.constantFrom(
    ...[ORIGIN, "https://pr-1.preview.example.com", "https://other.example.com", "https://evil.example", "null", ""],
    ...[`${ORIGIN}/`, `${ORIGIN}.evil.example`, `${ORIGIN}:443`, "https://APP.example.com", "http://app.example.com"],
    ...["https://a.b.preview.example.com", "https://.preview.example.com", "https://evil.com#.preview.example.com"],
    `${ORIGIN}, ${ORIGIN}`,
  ),
  text,
);
const site = fc.oneof(
  fc.constantFrom("same-origin", "same-site", "cross-site", "none", "Same-Origin", "same-origin, same-origin"),
  text,
);
const json = fc.oneof(
  fc.json({ maxDepth: 4 }),
  fc.constantFrom(
    "",
    "{",
    "[]",
    "null",
    '"',
    "{}",
    '{"fresh":true}',
    '{"__proto__":{"fresh":true}}',
    "\ufeff{}",
    "1e999",
  ),
  fc.nat({ max: 3_000 }).map((depth) => "[".repeat(depth)),
);
const body = fc.oneof(
  { weight: 6, arbitrary: json.map(bytesOf) },
  { weight: 2, arbitrary: fc.uint8Array({ maxLength: 300 }) },
  { weight: 2, arbitrary: text.map((value) => bytesOf(`logout_token=${value}`)) },
  { weight: 1, arbitrary: fc.nat({ max: 40_000 }).map((length) => new Uint8Array(length).fill(97)) },
);
const mediaType = fc.oneof(
  fc.constantFrom(
    ...["application/json", "application/json; charset=utf-8", "APPLICATION/JSON", "application/x-www-form-urlencoded"],
    ...["text/plain", "multipart/form-data; boundary=x", "application/json\u2000", "application/jsonx", ""],
  ),
  text,
);
/** Headers that a caller may send with any value, and Cloudflare's own headers, which a caller may try to send. */
const headers = fc.record(
  {
    origin,
    "sec-fetch-site": site,
    "sec-fetch-mode": fc.constantFrom("cors", "no-cors", "navigate"),
    "content-type": mediaType,
    // HTTP ends the body at this length, so it always fits.
    "content-length": fc.constant("of the body"),
    "cf-connecting-ip": fc.oneof(
      fc.constantFrom("192.0.2.1", "2001:db8::1", "::", ":::::::::", "", "192.0.2.1, ::1"),
      text,
    ),
    "cf-ipcountry": fc.oneof(fc.constantFrom("DE", "T1", "XX"), text),
    "cf-ray": text,
    "x-forwarded-for": text,
    "x-forwarded-host": text,
    "x-http-method-override": fc.constantFrom("DELETE", "POST"),
    "x-request-id": fc.oneof(fc.constantFrom("request-0001", "a\r\nb"), text),
    "access-control-request-method": fc.oneof(fc.constantFrom("POST", "DELETE"), text),
    "access-control-request-headers": text,
    "webhook-id": fc.oneof(fc.constantFrom("msg_1", "a.b"), text),
    "webhook-timestamp": fc.oneof(fc.constantFrom(String(NOON), "-1", "NaN"), text),
    "webhook-signature": fc.oneof(fc.constantFrom(`v1,${"A".repeat(43)}=`, `v1a,${"A".repeat(43)}=`), text),
    "svix-id": text,
    "svix-signature": text,
    cookie: text,
    authorization: text,
    accept: text,
    "transfer-encoding": text,
  },
  { requiredKeys: [] },
) as fc.Arbitrary<Record<string, string>>;
const anything: fc.Arbitrary<Asked> = fc.record({ method, path, headers, body: fc.option(body, { nil: undefined }) });

/** Changes of a valid credential that make it invalid. */
const spoilt = fc.constantFrom<(credential: string) => string>(
  (one) => `Basic ${one}`,
  (one) => `Bearer  ${one}`,
  (one) => `Bearer\u00a0${one}`,
  (one) => `Bearer ${one},`,
  (one) => `Bearer ${one}, Bearer ${one}`,
  (one) => `Bearer "${one}"`,
  (one) => `Bearer ${one}x`,
  (one) => `Bearer ${one.slice(0, -1)}`,
  (one) => `Bearer x${one}`,
  (one) => `Bearer:${one}`,
  (one) => `DPoP ${one}`,
  (one) => `Bearer\u2000 ${one}`,
  (one) => one,
  (one) => `Bearer ${one.replace(/.$/, (last) => (last === "A" ? "B" : "A"))}`,
  (one) => `Bearer ${one.toUpperCase()}`,
);

const around = fc.array(fc.oneof(wide, fc.constantFrom("x", "%20", "__Host-")), { minLength: 1, maxLength: 2 });
const isSpace = (characters: readonly string[]) =>
  characters.every((one) => one === " " || one === "\t" || one === ";");
/** White space of Unicode, which a browser sends in UTF-8. */
const spaces = "\u000b\u000c\u0085\u00a0\u1680\u2000\u2003\u2028\u2029\u202f\u205f\u3000\ufeff";
const otherName = fc.oneof(
  fc.constantFrom(...spaces).chain((space) => fc.constantFrom(`${space}${COOKIE}`, `${COOKIE}${space}`)),
  around.filter((one) => !isSpace(one) && !one.includes(";")).map((before) => `${before.join("")}${COOKIE}`),
  around
    .filter((one) => !one.includes(";"))
    .map((after) => `${COOKIE}${after.join("")}`)
    .filter((name) => !name.includes("=")),
  fc.constantFrom("__host-session", "__HOST-SESSION", "session", "__Host-sessio\u0274", "__Secure-session", ""),
);

export const requestProperties: readonly RequestProperty[] = [
  {
    name: "any request without a credential gets no token and no 5xx, changes nothing, and costs little work",
    property: (outside) =>
      fc.asyncProperty(anything, async (asked) => {
        await idle(outside, asked);
      }) as never,
  },
  {
    name: "a valid credential in a wrong form or place is refused",
    property: (outside) =>
      fc.asyncProperty(
        anything,
        fc.constantFrom("session", "secret"),
        fc.constantFrom("authorization", "cookie", "query", "header", "body", "form", "path"),
        spoilt,
        otherName,
        fc.boolean(),
        async (whatever, which, place, spoil, name, aimed) => {
          const credential = which === "session" ? await outside.session("alice") : BACKEND_SECRET;
          // Half of the cases go to the credential's own endpoint, so that nothing else is wrong.
          const right =
            which === "session" ? { method: "POST", path: "/v1/token" } : { method: "GET", path: "/v1/users/alice" };
          const asked: Asked = aimed ? { ...right, headers: {} } : whatever;
          // Without this, the rest of the request might contain a valid credential by chance.
          const rest = { ...asked, headers: { ...asked.headers, authorization: asked.headers.authorization ?? "" } };
          const put: Record<typeof place, () => Asked> = {
            authorization: () => ({ ...asked, headers: { ...asked.headers, authorization: spoil(credential) } }),
            cookie: () => ({ ...rest, headers: { ...asked.headers, origin: ORIGIN, cookie: `${name}=${credential}` } }),
            query: () => ({
              ...asked,
              path: `${asked.path.split("?")[0]}?access_token=${encodeURIComponent(credential)}`,
            }),
            header: () => ({
              ...asked,
              headers: { ...asked.headers, "x-session": credential, "x-api-key": credential },
            }),
            body: () => ({
              ...asked,
              body: bytesOf(JSON.stringify({ session: credential, access_token: credential })),
            }),
            form: () => ({
              ...asked,
              headers: { ...asked.headers, "content-type": "application/x-www-form-urlencoded" },
              body: bytesOf(`access_token=${credential}&logout_token=${which === "session" ? credential : ""}`),
            }),
            path: () => ({ ...asked, path: `/v1/users/${encodeURIComponent(credential)}` }),
          };
          await idle(outside, put[place](), place === "query" || place === "path" ? [] : [credential]);
        },
      ) as never,
  },
  {
    name: "a cookie is accepted as a session, and as the right user's, exactly as the rules say",
    property: (outside) =>
      fc.asyncProperty(
        fc.array(
          fc.record({
            name: fc.oneof({ weight: 2, arbitrary: fc.constant(COOKIE) }, { weight: 3, arbitrary: otherName }),
            who: fc.constantFrom("alice", "alice", "mallory", "", "garbage"),
            before: fc.constantFrom("", "", " ", "\t", " \t  "),
            after: fc.constantFrom("", "", " ", "\t"),
          }),
          { maxLength: 4 },
        ),
        fc.record({ origin, "sec-fetch-site": site }, { requiredKeys: [] }),
        async (pairs, from) => {
          const tokens = new Map([
            ["alice", await outside.session("alice")],
            ["mallory", await outside.session("mallory")],
            ["", ""],
            ["garbage", unsigned({ iss: ISSUER, aud: "chat", sub: "alice", exp: NOON + 60 })],
          ]);
          const cookie = pairs
            .map(({ name, who, before, after }) => `${before}${name}=${tokens.get(who)}${after}`)
            .join(";");
          const asked: Asked = {
            method: "POST",
            path: "/v1/token",
            headers: { ...(from as Record<string, string>), ...(pairs.length > 0 && { cookie }) },
          };
          const answer = await sane(outside, asked, [...tokens.values()]);
          // The gateway's rule, written a second time: a name is its bytes, and white space is SP and HTAB (RFC 6265
          // §5.2).
          const named = new Set(pairs.filter(({ name, who }) => name === COOKIE && who !== "").map(({ who }) => who));
          const [who] = named;
          const { origin: given, "sec-fetch-site": fetched } = from as Record<string, string | undefined>;
          const trimmed = given?.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, "");
          const own = fetched?.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, "") === "same-origin";
          const ours = (trimmed !== undefined && isListed(trimmed)) || own;
          const expected = named.size === 1 && ours && (who === "alice" || who === "mallory") ? who : undefined;
          expect((answer.status === 201) === (expected !== undefined), "not as the rules say", asked, answer);
          if (expected === undefined) expect(answer.calls.length === 0, "CometChat was called", asked, answer);
          else expect(JSON.parse(answer.text).uid === expected, "somebody else", asked, answer);
        },
      ) as never,
  },
  {
    name: "any body of a request with a valid session is accepted or refused as the rules say",
    property: (outside) =>
      fc.asyncProperty(
        fc.oneof(json.map(bytesOf), body),
        fc.constantFrom("application/json", "application/json;charset=utf-8", "text/plain", ""),
        fc.constantFrom("POST", "DELETE"),
        async (bytes, type, verb) => {
          const session = await outside.session("alice");
          const asked: Asked = {
            method: verb,
            path: "/v1/token",
            headers: { authorization: `Bearer ${session}`, "content-type": type },
            body: bytes,
          };
          const answer = await sane(outside, asked, [session]);
          const value = parsed(bytes);
          const fresh = isTable(value) && Object.keys(value).every((key) => key === "fresh");
          const fits = fresh && ["undefined", "boolean"].includes(typeof value.fresh);
          const good =
            bytes.length === 0 || (type.startsWith("application/json") && fits && bytes.length <= BODY_BYTES);
          // The answer to a sign-out without a token depends on more than the body.
          if (verb === "DELETE") return;
          expect((answer.status === 201) === good, "not as the rules say", asked, answer);
          if (!good) expect(answer.calls.length === 0, "CometChat was called", asked, answer);
        },
      ) as never,
  },
  {
    name: "a logout revokes tokens exactly if its logout token is valid and in the standard's form",
    property: (outside) =>
      fc.asyncProperty(
        fc.constantFrom("good", "good", "good", "stranger", "session", "cut", "unsigned", "none"),
        fc.constantFrom("logout_token", "logout_token", "logout_token", "token", "logout_token ", "LOGOUT_TOKEN"),
        fc.array(fc.tuple(fc.constantFrom("a", "logout_token", "state"), text), { maxLength: 2 }),
        fc.constantFrom(
          "application/x-www-form-urlencoded",
          "application/x-www-form-urlencoded; charset=utf-8",
          "application/json",
          "text/plain",
        ),
        headers,
        fc.constantFrom("", "", "", "?", "?logout_token=x"),
        fc.boolean(),
        async (kind, name, more, type, others, query, first) => {
          const token = await {
            good: () => outside.logout(),
            stranger: () => outside.logout({}, outside.keys.stranger),
            session: () => outside.session("alice"),
            cut: async () => (await outside.logout()).slice(0, -2),
            unsigned: async () => unsigned({ iss: ISSUER, aud: "chat", sub: "alice", iat: NOON }),
            none: async () => "",
          }[kind]();
          const fields: [string, string][] = [...more, [name, token]];
          const form = new URLSearchParams(first ? fields.reverse() : fields);
          const asked: Asked = {
            method: "POST",
            path: `/v1/backchannel-logout${query}`,
            headers: { ...others, "content-type": type },
            body: bytesOf(form.toString()),
          };
          outside.simulator.seed({ uid: "alice" });
          outside.simulator.mint("alice");
          const answer = await sane(outside, asked, [token]);
          const tokens = form.getAll("logout_token");
          const good =
            kind === "good" && tokens.length === 1 && tokens[0] === token && !query && type.includes("urlencoded");
          const small = (asked.body?.length ?? 0) <= LOGOUT_BODY_BYTES;
          expect((answer.status === 200) === (good && small), "not as the rules say", asked, answer);
          if (answer.status !== 200) {
            expect(answer.calls.length + answer.stored === 0, "something was done", asked, answer);
            expect(outside.simulator.tokens("alice").length > 0, "tokens ended", asked, answer);
          } else expect(answer.calls.length + answer.stored > 0, "nothing was done", asked, answer);
        },
      ) as never,
  },
  {
    name: "a webhook whose signature is not exactly right is refused",
    property: (outside) =>
      fc.asyncProperty(
        fc.constantFrom("id", "timestamp", "body", "key", "version", "both", "issuer", "cut"),
        fc.constantFrom("webhook", "svix"),
        fc.integer({ min: -280, max: 280 }),
        json,
        headers,
        async (spoil, prefix, age, more, others) => {
          const event = `{"type":"user.deleted","data":{"sub":"alice"},"more":${JSON.stringify(more)}}`;
          const [id, timestamp] = ["msg_1", String(NOON + age)];
          const signature = await outside.signed(
            `${id}.${timestamp}.${event}`,
            spoil === "key" ? "v".repeat(32) : WEBHOOK_KEY,
          );
          const { "webhook-id": _i, "webhook-timestamp": _t, "webhook-signature": _s, ...rest } = others;
          const asked: Asked = {
            method: "POST",
            path: spoil === "issuer" ? "/v1/webhooks/other" : "/v1/webhooks/idp",
            headers: {
              ...rest,
              [`${prefix}-id`]: spoil === "id" ? "msg_2" : spoil === "both" ? "msg_1.1" : id,
              [`${prefix}-timestamp`]: spoil === "timestamp" ? String(NOON + age + 1) : timestamp,
              [`${prefix}-signature`]:
                spoil === "version"
                  ? signature.replace("v1", "v1a")
                  : spoil === "cut"
                    ? signature.slice(0, -2)
                    : signature,
            },
            body: bytesOf(spoil === "body" ? `${event} ` : event),
          };
          outside.simulator.seed({ uid: "alice" });
          const answer = await idle(outside, asked);
          expect([401, 404].includes(answer.status), "not refused", asked, answer);
        },
      ) as never,
  },
  {
    name: "any payload that a provider signs is followed or refused, and gets no token and no 5xx",
    property: (outside) =>
      fc.asyncProperty(payload, async (event) => {
        const content = JSON.stringify(event) ?? "";
        const asked: Asked = {
          method: "POST",
          path: "/v1/webhooks/idp",
          headers: {
            "webhook-id": "msg_1",
            "webhook-timestamp": String(NOON),
            "webhook-signature": await outside.signed(`msg_1.${NOON}.${content}`),
          },
          body: bytesOf(content),
        };
        const answer = await sane(outside, asked);
        expect(!answer.text.includes("authToken"), "the answer has a token", asked, answer);
        expect([204, 400, 403].includes(answer.status), "neither followed nor refused", asked, answer);
      }) as never,
  },
  {
    name: "any request of a backend is done, or refused before CometChat would have to refuse it",
    property: (outside) =>
      fc.asyncProperty(
        fc.constantFrom<[string, string]>(
          ["POST", "/v1/users"],
          ["POST", "/v1/users"],
          ["PATCH", "/v1/users/alice"],
          ["PATCH", "/v1/users/nobody"],
          ["GET", "/v1/users/alice"],
          ["DELETE", "/v1/users/bob"],
          ["POST", "/v1/users/bob/reactivate"],
        ),
        user,
        headers,
        async ([verb, where], fields, others) => {
          outside.simulator.seed({ uid: "alice" });
          const { authorization: _, ...rest } = others;
          const asked: Asked = {
            method: verb,
            path: where,
            headers: {
              ...rest,
              authorization: `Bearer ${BACKEND_SECRET}`,
              "content-type": "application/json",
            },
            body: bytesOf(JSON.stringify(fields) ?? ""),
          };
          const answer = await sane(outside, asked);
          expect(
            [200, 201, 204, 400, 403, 404, 413].includes(answer.status),
            "neither done nor refused",
            asked,
            answer,
          );
        },
      ) as never,
  },
];

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    return undefined;
  }
}

const isTable = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const odd = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  text,
  fc.constantFrom<unknown>(
    null,
    0,
    -1,
    1e308,
    true,
    [],
    {},
    "\ud800",
    "\u0000",
    " ",
    "javascript:alert(1)",
    "x".repeat(5_000),
  ),
);
const often = <T>(...usual: T[]) =>
  fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...usual) }, { weight: 1, arbitrary: odd });

const subject = fc.oneof(fc.constantFrom("alice", "bob", "auth0|1", "Ä", "app_system", "x-1"), text);
const user = fc.oneof(
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
  {
    weight: 6,
    arbitrary: fc.record(
      {
        subject: fc.oneof({ weight: 9, arbitrary: subject }, odd),
        name: often<unknown>("Ada", "李小龍", "🧑‍🚀", "x".repeat(100), "x".repeat(101)),
        issuer: often<unknown>(ISSUER),
        app: often<unknown>("main"),
        avatar: often<unknown>("https://cdn.example/a.png", "http://[::1]/", "https://a b", null),
        link: often<unknown>("https://example.com", null),
        role: often<unknown>("default", "moderator"),
        metadata: often<unknown>({ plan: "gold" }, {}, { a: { b: [1] } }, null),
        tags: often<unknown>(["a"], [], Array(26).fill("a")),
        withAuthToken: often<unknown>(true, false),
      },
      { requiredKeys: ["subject", "name"] },
    ),
  },
);
const payload = fc.oneof(
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 4 }) },
  {
    weight: 6,
    arbitrary: fc.record(
      {
        type: often<unknown>("user.created", "user.updated", "user.deleted", "INSERT", "UPDATE", "DELETE"),
        timestamp: often<unknown>(NOON, NOON * 1000, "2026-11-25T12:00:00Z", 0, 1e308),
        schema: often<unknown>("auth"),
        table: often<unknown>("users"),
        data: fc.oneof(
          fc.record(
            {
              sub: fc.oneof({ weight: 3, arbitrary: subject }, odd),
              id: often<unknown>("user_1"),
              name: often<unknown>("Ada", "", null),
              picture: often<unknown>("https://cdn.example/a.png", null),
              first_name: odd,
              username: odd,
              updated_at: odd,
            },
            { requiredKeys: [] },
          ),
          odd,
        ),
        record: fc.oneof(fc.record({ id: subject, raw_user_meta_data: odd, updated_at: odd, deleted_at: odd }), odd),
        old_record: fc.oneof(fc.record({ id: subject, updated_at: odd }), odd),
        metadata: often<unknown>({ name: "before-user-created" }),
        user: fc.oneof(fc.record({ id: subject, user_metadata: odd }), odd),
      },
      { requiredKeys: [] },
    ),
  },
);
