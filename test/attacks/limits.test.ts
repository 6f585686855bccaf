import { env as bindings } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { LIMIT_PERIOD_SECONDS, LOGOUT_BODY_BYTES, WEBHOOK_BYTES } from "../../src/limits.ts";
import { sign } from "../support/forge.ts";
import { restoreAfterEach } from "../support/ledger.ts";
import { createSigners, createTarget, ISSUER, JWKS, NOON, type Signers, type Target } from "../support/target.ts";
import { eventHeaders } from "../support/webhook.ts";

restoreAfterEach();
afterEach(() => vi.restoreAllMocks());

const SECRET = "correct-horse-battery-staple-0123456789";
const KEY = "w".repeat(32);
const EVENT = "http://schemas.openid.net/event/backchannel-logout";
const ADDRESS = "192.0.2.7";

let by: Signers;
beforeAll(async () => {
  by = await createSigners();
});

/** A gateway that refuses an address after `most` refusals, and the calls of its limit, counted by key. */
function targetOf(most: number, RATE_LIMIT_IP?: RateLimit) {
  const counted = new Map<string, number>();
  const limit = async ({ key }: { key: string }) => {
    counted.set(key, (counted.get(key) ?? 0) + 1);
    return { success: (counted.get(key) ?? 0) <= most };
  };
  const target = createTarget({
    keys: [by.es256.jwk],
    issuers: [{ issuer: ISSUER, name: "idp", audience: ["chat"], jwksUrl: JWKS, webhookSecret: "HOOK" }],
    env: { BACKEND_SECRET: SECRET, HOOK: `whsec_${btoa(KEY)}`, RATE_LIMIT_IP: RATE_LIMIT_IP ?? { limit } },
  });
  return { target, counted };
}

type Send = (target: Target, address?: string, body?: BodyInit) => ReturnType<Target["send"]>;
interface Endpoint {
  /** Sends a request with a valid credential. */
  readonly valid: Send;
  /** Sends a request with a forged credential. */
  readonly forged: Send;
  /** The status of a forged request. */
  readonly refused: number;
  /** The status of the first valid request. */
  readonly done: number;
}

const logout = async (signer: "es256" | "stranger") =>
  sign(
    by[signer],
    {
      iss: ISSUER,
      aud: "chat",
      sub: "nobody",
      iat: NOON,
      exp: NOON + 120,
      jti: crypto.randomUUID(),
      events: { [EVENT]: {} },
    },
    { typ: "logout+jwt", kid: "es" },
  );
const sendLogout = async (target: Target, signer: "es256" | "stranger", address = ADDRESS, body?: BodyInit) =>
  target.send("/v1/backchannel-logout", {
    headers: { "CF-Connecting-IP": address, "Content-Type": "application/x-www-form-urlencoded" },
    body: body ?? `logout_token=${await logout(signer)}`,
  });

const EVENT_BODY = '{"type":"session.created","data":{"sub":"alice"}}';
async function sendWebhook(target: Target, key: string, address = ADDRESS, body: BodyInit = EVENT_BODY) {
  const event = { sentAt: NOON * 1000, id: `msg_${crypto.randomUUID()}`, key: btoa(key) };
  const headers = { "CF-Connecting-IP": address, ...(await eventHeaders(EVENT_BODY, event)) };
  return target.send("/v1/webhooks/idp", { headers, body });
}

const sendBackend = (target: Target, secret: string, address = ADDRESS, body?: BodyInit) =>
  target.send("/v1/users", {
    headers: {
      "CF-Connecting-IP": address,
      Authorization: `Bearer ${secret}`,
      "Content-Type": "application/json",
    },
    body: body ?? '{"subject":"bob","name":"Bob"}',
  });

const endpoints: Record<string, Endpoint> = {
  "/v1/backchannel-logout": {
    valid: (target, address, body) => sendLogout(target, "es256", address, body),
    forged: (target, address, body) => sendLogout(target, "stranger", address, body),
    refused: 400,
    done: 200,
  },
  "/v1/webhooks/{issuer}": {
    valid: (target, address, body) => sendWebhook(target, KEY, address, body),
    forged: (target, address, body) => sendWebhook(target, "v".repeat(32), address, body),
    refused: 401,
    done: 204,
  },
  "/v1/users": {
    valid: (target, address, body) => sendBackend(target, SECRET, address, body),
    forged: (target, address, body) => sendBackend(target, SECRET.replace("c", "C"), address, body),
    refused: 401,
    done: 201,
  },
};

/** A body, and a count of the bytes that were read of it. */
function countedBody(bytes: number) {
  const consumed = { bytes: 0 };
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (consumed.bytes >= bytes) return controller.close();
        consumed.bytes += 1024;
        controller.enqueue(new Uint8Array(1024).fill(97));
      },
    },
    { highWaterMark: 0 },
  );
  return { consumed, body };
}

describe.each(Object.entries(endpoints))(
  "an address whose requests were refused too often at %s",
  (endpoint, { valid, forged, refused, done }) => {
    it("is refused before its body is read, a key is used, or the limit is called", async () => {
      const { target, counted } = targetOf(3);
      const statuses: number[] = [];
      for (let time = 0; time < 4; time += 1) statuses.push((await forged(target)).status);
      expect(statuses).toEqual([refused, refused, refused, 429]);
      const calls = JSON.stringify([...counted]);
      const { consumed, body } = countedBody(8 * 1024);
      // The test itself signs before the request, so this count begins here.
      let used = 0;
      const { subtle } = crypto;
      const spies = (["verify", "sign", "digest", "importKey"] as const).map((name) =>
        vi.spyOn(subtle, name).mockImplementation(((...values: never[]) => {
          used += 1;
          return (SubtleCrypto.prototype[name] as (...v: never[]) => unknown).apply(subtle, values);
        }) as never),
      );
      const before = used;
      const verdict = await target.send(pathOf(endpoint), {
        headers: {
          "CF-Connecting-IP": ADDRESS,
          Authorization: `Bearer ${SECRET}`,
          "webhook-id": "msg_1",
          "webhook-timestamp": String(NOON),
          "webhook-signature": `v1,${btoa("x".repeat(32))}`,
          "Content-Type": endpoint.includes("logout") ? "application/x-www-form-urlencoded" : "application/json",
        },
        body,
      });
      for (const spy of spies) spy.mockRestore();
      expect([verdict.status, verdict.code, verdict.cometchatCalls]).toEqual([429, "rate-limited", 0]);
      expect(Number(verdict.response.headers.get("retry-after"))).toBeGreaterThan(0);
      expect([consumed.bytes, used - before]).toEqual([0, 0]);
      expect(JSON.stringify([...counted])).toBe(calls);
    });

    it("is served again after the period, and other addresses are served all the time", async () => {
      const { target, counted } = targetOf(3);
      for (let time = 0; time < 5; time += 1) await forged(target);
      expect((await valid(target)).status).toBe(429);
      expect((await valid(target, "192.0.2.8")).status).toBe(done);
      expect((await valid(target, "2001:db8::1")).status).toBe(done === 201 ? 200 : done);
      counted.clear();
      target.clock.now += LIMIT_PERIOD_SECONDS * 1000 - 1;
      expect((await valid(target)).status).toBe(429);
      target.clock.now += 1;
      expect([200, 201, 204]).toContain((await valid(target)).status);
    });

    it("is limited by its refused requests alone: valid ones are served however many there are", async () => {
      const { target, counted } = targetOf(3);
      for (let time = 0; time < 12; time += 1) {
        expect([200, 201, 204]).toContain((await valid(target)).status);
        if (time % 5 === 0) await forged(target);
      }
      expect([...counted]).toEqual([[`refused ${ADDRESS}`, 3]]);
    });

    it("is refused at the other such endpoints too, but not where people sign in", async () => {
      const { target } = targetOf(3);
      for (let time = 0; time < 5; time += 1) await forged(target);
      for (const other of Object.values(endpoints)) expect((await other.valid(target)).status).toBe(429);
      const session = await sign(by.es256, { iss: ISSUER, aud: "chat", sub: "alice", exp: NOON + 60 });
      expect((await target.present(session, { headers: { "CF-Connecting-IP": ADDRESS } })).status).toBe(201);
    });

    it("is refused by the deployment's real limit", async () => {
      const { target } = targetOf(0, bindings.RATE_LIMIT_IP);
      const statuses = new Map<number, number>();
      // The limit is 300 a minute. If a minute ends during the loop, the count starts again.
      for (let time = 0; time < 610 && !statuses.has(429); time += 1) {
        const { status } = await forged(target, "192.0.2.9");
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
      expect([...statuses.keys()]).toEqual([refused, 429]);
      expect((await valid(target, "192.0.2.9")).status).toBe(429);
    });
  },
);

const pathOf = (endpoint: string) => endpoint.replace("{issuer}", "idp");

describe("the limit of refusals by address", () => {
  it.each<[string, string, (target: Target) => ReturnType<Target["send"]>]>([
    [
      "a logout token's form that is too large",
      "/v1/backchannel-logout",
      (target) => sendLogout(target, "es256", ADDRESS, countedBody(LOGOUT_BODY_BYTES + 1024).body),
    ],
    [
      "a form of another type",
      "/v1/backchannel-logout",
      (target) => target.send("/v1/backchannel-logout", { headers: { "CF-Connecting-IP": ADDRESS }, body: "{}" }),
    ],
    [
      "a webhook that is too large",
      "/v1/webhooks/idp",
      (target) => sendWebhook(target, KEY, ADDRESS, countedBody(WEBHOOK_BYTES + 1024).body),
    ],
    [
      "a webhook without a signature",
      "/v1/webhooks/idp",
      (target) => target.send("/v1/webhooks/idp", { headers: { "CF-Connecting-IP": ADDRESS }, body: "{}" }),
    ],
  ])("counts %s", async (_name, _path, send) => {
    const { target } = targetOf(2);
    const statuses: number[] = [];
    for (let time = 0; time < 4; time += 1) statuses.push((await send(target)).status);
    expect(statuses.slice(2)).toEqual([429, 429]);
  });

  it("does not count a logout token whose provider's keys cannot be fetched", async () => {
    const { target, counted } = targetOf(2);
    target.respond = () => new Response(null, { status: 503 });
    for (let time = 0; time < 6; time += 1) {
      expect((await endpoints["/v1/backchannel-logout"]?.valid(target))?.code).toBe("keys-unavailable");
    }
    expect([...counted]).toEqual([]);
  });

  it("does not count a mistake of a backend that presented the right secret", async () => {
    const { target, counted } = targetOf(2);
    for (let time = 0; time < 6; time += 1) {
      expect((await sendBackend(target, SECRET, ADDRESS, "[]")).status).toBe(400);
    }
    expect([...counted]).toEqual([]);
  });
});
