import { afterEach, describe, expect, it, vi } from "vitest";
import type { Code } from "../../src/errors.ts";
import { homeOf } from "../support/ledger.ts";
import { APP_ID, createWorld, ISSUER, type ProblemAnswer, type World, type WorldOptions } from "../support/world.ts";

const KEY = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER_KEY = "C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const SECRET = `whsec_${KEY}`;
const PATH = "/v1/webhooks/idp";
const NOW = Date.parse("2026-11-25T12:00:00Z");

const webhookWorld = ({ env, ...rest }: WorldOptions = {}, issuer: Record<string, unknown> = {}): World =>
  createWorld({
    ...rest,
    deps: { now: () => NOW, ...rest.deps },
    simulator: { roles: ["moderator"], ...rest.simulator },
    env: {
      SESSION_ISSUERS: [{ issuer: ISSUER, name: "idp", audience: ["chat"], webhookSecret: "WEBHOOK", ...issuer }],
      WEBHOOK: SECRET,
      ...env,
    },
  });

async function hmac(content: string, key = KEY): Promise<string> {
  const bytes = Uint8Array.from(atob(key), (char) => char.charCodeAt(0));
  const imported = await crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const signature = await crypto.subtle.sign("HMAC", imported, new TextEncoder().encode(content));
  return btoa(String.fromCharCode(...new Uint8Array(signature)));
}

interface Delivery {
  readonly id?: string;
  readonly timestamp?: string;
  readonly prefix?: "webhook" | "svix";
  readonly path?: string;
  /** What is sent in place of the right signature. */
  readonly signature?: string;
  readonly headers?: Record<string, string | undefined>;
}

/** Sends a payload as a provider does; text goes as it is. */
async function deliver(world: World, payload: unknown, how: Delivery = {}): Promise<Response> {
  const { id = "msg_1", timestamp = String(NOW / 1000), prefix = "webhook", path = PATH } = how;
  const body = typeof payload === "string" ? payload : JSON.stringify(payload);
  const signature = how.signature ?? `v1,${await hmac(`${id}.${timestamp}.${body}`)}`;
  const headers = new Headers({
    "Content-Type": "application/json",
    [`${prefix}-id`]: id,
    [`${prefix}-timestamp`]: timestamp,
    [`${prefix}-signature`]: signature,
  });
  for (const [name, value] of Object.entries(how.headers ?? {})) {
    if (value === undefined) headers.delete(name);
    else headers.set(name, value);
  }
  return world.call(path, { method: "POST", headers, body });
}

const calls = (world: World) => world.simulator.journal.entries.map(({ call }) => call);
const done = (world: World) => world.lines.filter(({ event }) => event === "webhook").map((line) => line.done);

async function expectProblem(response: Response, status: number, code: Code): Promise<void> {
  expect([response.status, ((await response.json()) as ProblemAnswer).code]).toEqual([status, code]);
}

const at = (seconds: number) => new Date(NOW - 3_600_000 + seconds * 1000).toISOString();
const created = (more: Record<string, unknown> = {}) => ({
  type: "user.created",
  data: { sub: "alice", name: "Alice", picture: "https://cdn.example/a.png", ...more },
});
const updated = (more: Record<string, unknown>, timestamp?: string) => ({
  type: "user.updated",
  ...(timestamp && { timestamp }),
  data: { sub: "alice", ...more },
});
const deleted = (timestamp?: string) => ({
  type: "user.deleted",
  ...(timestamp && { timestamp }),
  data: { sub: "alice" },
});

describe("a user's life at the provider", () => {
  it("created: the user is provisioned, in one call, and its first sign-in mints at once", async () => {
    const world = webhookWorld();
    const response = await deliver(world, created());
    expect([response.status, await response.text()]).toEqual([204, ""]);
    expect(response.headers.get("Cache-Control")).toBe("no-store");
    expect(response.headers.get("Content-Type")).toBeNull();
    expect(calls(world)).toEqual(["create"]);
    expect(world.simulator.user("alice")).toMatchObject({ name: "Alice", avatar: "https://cdn.example/a.png" });
    expect(world.simulator.tokens("alice")).toEqual([]);
    world.simulator.journal.clear();
    const claims = { name: "Alice", picture: "https://cdn.example/a.png" };
    expect((await world.signIn({ subject: "alice", claims, issuedAt: NOW / 1000 })).status).toBe(201);
    expect(calls(world)).toEqual(["mint"]);
  });

  it.each(["auth0|5f7c", "Alice", "user_2abcDEF"])("gives %s the uid that its sessions have", async (sub) => {
    const world = webhookWorld();
    await deliver(world, created({ sub }));
    const response = await world.signIn({ subject: sub, issuedAt: NOW / 1000 });
    expect(await response.json()).toMatchObject({ created: false });
  });

  it("updated: what the event holds is changed, what it does not hold is left alone", async () => {
    const world = webhookWorld();
    world.simulator.seed({ uid: "alice", name: "Alice", avatar: "https://cdn.example/a.png", tags: ["a"] });
    expect((await deliver(world, updated({ name: "Alice B." }))).status).toBe(204);
    expect(calls(world)).toEqual(["update"]);
    expect(world.simulator.user("alice")).toMatchObject({
      name: "Alice B.",
      avatar: "https://cdn.example/a.png",
      tags: ["a"],
    });
  });

  it("updated: what the event says to be gone is taken away", async () => {
    const world = webhookWorld();
    world.simulator.seed({ uid: "alice", avatar: "https://cdn.example/a.png" });
    await deliver(world, updated({ picture: null }));
    expect(world.simulator.user("alice")).not.toHaveProperty("avatar");
  });

  it("updated: a role that is no longer granted is taken back", async () => {
    const roles = { profile: { name: "name", role: "plan" }, roles: { staff: "moderator" } };
    for (const [plan, role] of [
      ["staff", "moderator"],
      ["guest", "default"],
      [null, "default"],
      [undefined, "moderator"],
    ]) {
      const world = webhookWorld({}, roles);
      world.simulator.seed({ uid: "alice", role: "moderator" });
      await deliver(world, updated({ name: "Alice", plan }));
      expect(world.simulator.user("alice")).toMatchObject({ name: "Alice", role });
    }
  });

  it("updated: costs nothing where nothing of it is mapped", async () => {
    const world = webhookWorld();
    world.simulator.seed({ uid: "alice" });
    expect((await deliver(world, updated({ email: "alice@example.com" }))).status).toBe(204);
    expect(calls(world)).toEqual([]);
  });

  it("updated: stays through later sign-ins whose claims have not changed", async () => {
    const world = webhookWorld();
    const session = { subject: "alice", claims: { name: "Alice" }, issuedAt: NOW / 1000 };
    await world.signIn(session);
    await deliver(world, updated({ name: "Alice B.", picture: "https://cdn.example/b.png" }));
    await world.signIn(session);
    expect(world.simulator.user("alice")).toMatchObject({ name: "Alice B.", avatar: "https://cdn.example/b.png" });
  });

  it("updated, and never created: provisioned where users are made on their own, else left alone", async () => {
    const world = webhookWorld();
    await deliver(world, updated({ name: "Alice" }));
    expect(calls(world)).toEqual(["update", "create"]);
    const existing = webhookWorld({ env: { PROVISIONING: { mode: "existing" } } });
    expect((await deliver(existing, updated({ name: "Alice" }))).status).toBe(204);
    expect(existing.simulator.user("alice")).toBeUndefined();
  });

  it("deleted: the tokens are flushed, then the user is deactivated, and its sessions are refused", async () => {
    const world = webhookWorld();
    const session = { subject: "alice", issuedAt: NOW / 1000 };
    await world.signIn(session);
    world.simulator.journal.clear();
    expect((await deliver(world, deleted())).status).toBe(204);
    expect(calls(world)).toEqual(["flush", "deactivate"]);
    expect(world.simulator.tokens("alice")).toEqual([]);
    expect(world.simulator.user("alice")?.deactivatedAt).toBeGreaterThan(0);
    await expectProblem(await world.signIn(session), 403, "user-deactivated");
  });

  it("deleted: nothing to do for a user that never came", async () => {
    const world = webhookWorld();
    expect((await deliver(world, deleted())).status).toBe(204);
    expect(done(world)).toEqual(["unknown"]);
  });

  it("anything else: ignored", async () => {
    const world = webhookWorld();
    const others = [
      { type: "session.created", data: { id: "sess_1", user_id: "alice" } },
      { type: "user.createdAtLast", data: { sub: "alice" } },
      { type: "constructor", data: { sub: "alice" } },
      { type: ["user.deleted"], data: { sub: "alice" } },
      { type: "user.deleted" },
      { type: "user.deleted", data: "alice" },
      { type: "DELETE", data: { sub: "alice" } },
      { type: "DELETE", schema: "public", table: "users", record: null, old_record: { id: "alice" } },
      { type: "DELETE", schema: "auth", table: "sessions", record: null, old_record: { id: "alice" } },
      { type: "DELETE", schema: "auth", table: "users", record: null, old_record: null },
      { metadata: { name: "send-email" }, user: { id: "alice" } },
      {},
      [],
      null,
      7,
    ];
    for (const payload of others) expect((await deliver(world, payload)).status).toBe(204);
    expect(calls(world)).toEqual([]);
    expect(new Set(done(world))).toEqual(new Set(["ignored"]));
  });
});

describe("delivered again", () => {
  it("twice: leads to the same", async () => {
    const world = webhookWorld();
    for (const payload of [created(), updated({ name: "Alice B." }), deleted()]) {
      for (const _ of [1, 2]) expect((await deliver(world, payload)).status).toBe(204);
    }
    expect(done(world)).toEqual(["created", "known", "updated", "updated", "deactivated", "deactivated"]);
    expect(world.simulator.user("alice")).toMatchObject({ name: "Alice B.", deactivatedAt: expect.any(Number) });
  });

  it.each([
    ["an older update", [updated({ name: "Second" }, at(2)), updated({ name: "First" }, at(1))], "outdated"],
    ["the same update", [updated({ name: "Second" }, at(2)), updated({ name: "Second" }, at(2))], "updated"],
    ["a creation after an update", [updated({ name: "Second" }, at(2)), { ...created(), timestamp: at(1) }], "known"],
    [
      "a creation after the deletion",
      [deleted(at(2)), { ...created({ name: "First" }), timestamp: at(1) }],
      "outdated",
    ],
    ["an update after the deletion", [deleted(at(2)), updated({ name: "First" }, at(1))], "outdated"],
    [
      "an update older by its own account",
      [updated({ name: "Second", updated_at: NOW / 1000 }), updated({ name: "First", updated_at: NOW - 5000 })],
      "outdated",
    ],
  ])("%s does not undo what is newer", async (_, [newer, older], expected) => {
    const world = webhookWorld();
    await deliver(world, newer);
    const before = world.simulator.user("alice");
    expect((await deliver(world, older)).status).toBe(204);
    expect(done(world)[1]).toBe(expected);
    expect(world.simulator.user("alice")?.name).toBe(before?.name);
    expect(world.simulator.user("alice")?.deactivatedAt).toBe(before?.deactivatedAt);
  });

  it("a deletion that failed at first, though an update came in between: it is followed", async () => {
    const world = webhookWorld();
    await deliver(world, { ...created(), timestamp: at(1) });
    const down = world.simulator.faults.add({ match: "any", effect: { kind: "refuse" } });
    expect((await deliver(world, deleted(at(2)))).status).toBe(503);
    world.simulator.faults.remove(down);
    expect((await deliver(world, updated({ name: "Alice B." }, at(3)))).status).toBe(204);
    expect((await deliver(world, deleted(at(2)))).status).toBe(204);
    expect(world.simulator.user("alice")?.deactivatedAt).toEqual(expect.any(Number));
  });

  it("a deletion does not end a user that was reactivated since", async () => {
    const world = webhookWorld({ env: { BACKEND_SECRET: "backend-secret-of-32-characters!" } });
    world.simulator.seed({ uid: "alice" });
    await deliver(world, deleted(at(1)));
    const headers = { Authorization: "Bearer backend-secret-of-32-characters!" };
    expect((await world.call("/v1/users/alice/reactivate", { method: "POST", headers })).status).toBe(204);
    await deliver(world, deleted(at(1)));
    expect(done(world)[1]).toBe("outdated");
    expect(world.simulator.user("alice")?.deactivatedAt).toBeUndefined();
  });

  describe("a deletion that says no time", () => {
    const BACKEND_SECRET = "backend-secret-of-32-characters!";
    const later = (seconds: number) => String(NOW / 1000 + seconds);
    /** A gateway whose clock is the test's, and a user to be deleted. */
    const deleting = () => {
      const clock = { now: NOW };
      const world = webhookWorld({ env: { BACKEND_SECRET }, deps: { now: () => clock.now } });
      world.simulator.seed({ uid: "alice" });
      return { world, clock };
    };
    const reactivate = async (world: World) => {
      const headers = { Authorization: `Bearer ${BACKEND_SECRET}` };
      expect((await world.call("/v1/users/alice/reactivate", { method: "POST", headers })).status).toBe(204);
    };
    const gone = (world: World) => world.simulator.user("alice")?.deactivatedAt !== undefined;

    it.each<[string, number]>([
      ["at once, as a replay of what was signed", 0],
      ["within the time at which a signature is taken", 250],
      ["after that, signed anew", 3600],
      ["a day later, signed anew", 86_400],
    ])("and was followed ends nobody who was brought back, delivered again %s", async (_, seconds) => {
      const { world, clock } = deleting();
      expect((await deliver(world, deleted())).status).toBe(204);
      expect(gone(world)).toBe(true);
      clock.now += 100_000;
      await reactivate(world);
      clock.now = NOW + Math.max(100, seconds) * 1000;
      const timestamp = seconds > 300 ? later(seconds) : later(0);
      expect((await deliver(world, deleted(), { timestamp })).status).toBe(204);
      expect(gone(world)).toBe(false);
    });

    it("ends nobody who was brought back at CometChat itself either", async () => {
      const { world } = deleting();
      await deliver(world, deleted());
      world.simulator.reset();
      world.simulator.seed({ uid: "alice" });
      expect((await deliver(world, deleted(), { timestamp: later(60) })).status).toBe(204);
      expect(gone(world)).toBe(false);
      expect(calls(world)).toEqual([]);
    });

    it("and failed at first is followed when it comes again", async () => {
      const { world, clock } = deleting();
      const down = world.simulator.faults.add({ match: "any", effect: { kind: "refuse" } });
      expect((await deliver(world, deleted())).status).toBe(503);
      world.simulator.faults.remove(down);
      clock.now += 3_600_000;
      expect((await deliver(world, deleted(), { timestamp: later(3600) })).status).toBe(204);
      expect(gone(world)).toBe(true);
    });

    it("and failed at first ends nobody who was brought back before it came again", async () => {
      const { world, clock } = deleting();
      const down = world.simulator.faults.add({ match: "any", effect: { kind: "refuse" } });
      expect((await deliver(world, deleted())).status).toBe(503);
      world.simulator.faults.remove(down);
      clock.now += 60_000;
      await reactivate(world);
      clock.now += 3_600_000;
      expect((await deliver(world, deleted(), { timestamp: later(3660) })).status).toBe(204);
      expect([done(world).at(-1), gone(world)]).toEqual(["outdated", false]);
    });

    it("is another one under another id, or by another provider", async () => {
      const { world, clock } = deleting();
      await deliver(world, deleted());
      await reactivate(world);
      clock.now += 60_000;
      expect((await deliver(world, deleted(), { id: "msg_2", timestamp: later(60) })).status).toBe(204);
      expect(gone(world)).toBe(true);
    });

    it("of Supabase's row is as good", async () => {
      const { world, clock } = deleting();
      const row = { type: "DELETE", schema: "auth", table: "users", record: null, old_record: { id: "alice" } };
      await deliver(world, row);
      expect(gone(world)).toBe(true);
      clock.now += 60_000;
      await reactivate(world);
      clock.now += 3_600_000;
      await deliver(world, row, { timestamp: later(3660) });
      expect(gone(world)).toBe(false);
    });
  });

  it("what was done is not done again, so that it undoes nothing that came after it", async () => {
    const world = webhookWorld({ env: { BACKEND_SECRET: "backend-secret-of-32-characters!" } });
    world.simulator.seed({ uid: "alice" });
    await deliver(world, updated({ name: "From the provider" }));
    const headers = {
      Authorization: "Bearer backend-secret-of-32-characters!",
      "Content-Type": "application/json",
    };
    const body = JSON.stringify({ name: "From the backend" });
    expect((await world.call("/v1/users/alice", { method: "PATCH", headers, body })).status).toBe(200);
    await deliver(world, updated({ name: "From the provider" }));
    expect(world.simulator.user("alice")?.name).toBe("From the backend");
  });

  it("a time from the future orders nothing", async () => {
    const world = webhookWorld();
    world.simulator.seed({ uid: "alice" });
    await deliver(world, updated({ name: "From the future" }, "2999-01-01T00:00:00Z"));
    await deliver(world, updated({ name: "From today" }, at(1)));
    expect(world.simulator.user("alice")).toMatchObject({ name: "From today" });
  });

  it("no event brings a deactivated user back", async () => {
    const world = webhookWorld({ env: { PROVISIONING: { reactivate: true } } });
    world.simulator.seed({ uid: "alice", deactivatedAt: 1 });
    for (const payload of [created(), updated({ name: "Alice B." })]) {
      expect((await deliver(world, payload)).status).toBe(204);
    }
    expect(world.simulator.user("alice")?.deactivatedAt).toBe(1);
  });

  it.each([
    ["created", created(), "create"],
    ["updated", updated({ name: "Alice B." }), "update"],
    ["deleted", deleted(), "flush"],
    ["deleted, half of it done", deleted(), "deactivate"],
  ] as const)("%s, after a fault of CometChat: 503 first, done then", async (_, payload, match) => {
    const world = webhookWorld();
    if (match !== "create") world.simulator.seed({ uid: "alice" });
    if (match !== "create") world.simulator.mint("alice");
    world.simulator.faults.add({ match, effect: { kind: "html" } });
    const failed = await deliver(world, payload);
    expect(failed.headers.get("Retry-After")).toMatch(/^\d+$/);
    await expectProblem(failed, 503, "cometchat-unavailable");
    world.simulator.faults.clear();
    expect((await deliver(world, payload)).status).toBe(204);
    const user = world.simulator.user("alice");
    if (match === "create") expect(user).toMatchObject({ name: "Alice" });
    else if (match === "update") expect(user).toMatchObject({ name: "Alice B." });
    else expect([user?.deactivatedAt, world.simulator.tokens("alice")]).toEqual([expect.any(Number), []]);
  });
});

describe("Clerk", () => {
  const user = {
    id: "user_29w83sxmDNGwOuEthce5gg56FcC",
    object: "user",
    first_name: "Example",
    last_name: "Example",
    username: null,
    image_url: "https://img.clerk.com/xxxxxx",
    profile_image_url: "https://www.gravatar.com/avatar?d=mp",
    email_addresses: [{ id: "idn_29w83yL7CwVlJXylYLxcslromF1", email_address: "example@example.org" }],
    primary_email_address_id: "idn_29w83yL7CwVlJXylYLxcslromF1",
    public_metadata: { role: "staff" },
    private_metadata: { note: "private" },
    unsafe_metadata: { role: "owner" },
    created_at: 1654012591514,
    updated_at: 1654012591835,
  };
  const event = (type: string, data: unknown, timestamp = 1654012591835) => ({
    data,
    event_attributes: { http_request: { client_ip: "0.0.0.0", user_agent: "Mozilla/5.0" } },
    object: "event",
    timestamp,
    type,
  });
  const only = (world: World) => world.simulator.users().filter(({ uid }) => uid.startsWith("x-"));

  it("user.created, user.updated and user.deleted, with Svix's headers", async () => {
    const world = webhookWorld();
    const clerk = { prefix: "svix" } as const;
    await deliver(world, event("user.created", user), clerk);
    expect(only(world)).toMatchObject([{ name: "Example Example", avatar: "https://img.clerk.com/xxxxxx" }]);
    await deliver(world, event("user.updated", { ...user, last_name: "Renamed" }, 1654012591900), clerk);
    expect(only(world)).toMatchObject([{ name: "Example Renamed" }]);
    await deliver(world, event("user.updated", user, 1654012591850), clerk);
    const gone = { deleted: true, id: user.id, object: "user" };
    await deliver(world, event("user.deleted", gone, 1661861640000), clerk);
    expect(only(world)).toMatchObject([{ name: "Example Renamed", deactivatedAt: expect.any(Number) }]);
    expect(done(world)).toEqual(["created", "updated", "outdated", "deactivated"]);
    await expectProblem(await world.signIn({ subject: user.id, issuedAt: NOW / 1000 }), 403, "user-deactivated");
  });

  it.each([
    ["one name", { last_name: null }, "Example"],
    ["a username alone", { first_name: null, last_name: null, username: "exa" }, "exa"],
    ["no name at all", { first_name: null, last_name: null }, /^User [a-z2-7]{6}$/],
  ])("with %s", async (_, names, expected) => {
    const world = webhookWorld();
    await deliver(world, event("user.created", { ...user, ...names }), { prefix: "svix" });
    expect(only(world)[0]?.name).toMatch(expected);
  });

  it("copies no metadata and no e-mail address that is not mapped", async () => {
    const world = webhookWorld();
    await deliver(world, event("user.created", user), { prefix: "svix" });
    const [body] = world.simulator.journal.entries.map((entry) => JSON.stringify(entry.body));
    for (const text of ["staff", "private", "owner", "example.org"]) expect(body).not.toContain(text);
  });

  it.each([
    ["under Clerk's own name for it", "public_metadata.role"],
    ["where Clerk's guides put it in a session", "metadata.role"],
  ])("gives a role %s", async (_, role) => {
    const world = webhookWorld({}, { profile: { name: "name", role }, roles: { staff: "moderator" } });
    await deliver(world, event("user.created", user), { prefix: "svix" });
    expect(only(world)).toMatchObject([{ role: "moderator" }]);
  });
});

describe("Supabase", () => {
  const profile = { name: "user_metadata.full_name", avatar: "user_metadata.avatar_url" };
  const id = "ff7fc9ae-3b1b-4642-9241-64adb9848a03";
  const row = {
    id,
    aud: "authenticated",
    role: "authenticated",
    email: "valid.email@supabase.com",
    encrypted_password: "$2a$10$secret",
    raw_app_meta_data: { provider: "email", providers: ["email"] },
    raw_user_meta_data: { full_name: "Valid", avatar_url: "https://cdn.example/v.png" },
    updated_at: "2026-11-25T11:00:00.100+00:00",
    deleted_at: null,
  };
  const change = (type: string, record: unknown, old_record: unknown) => ({
    type,
    table: "users",
    schema: "auth",
    record,
    old_record,
  });
  const renamed = {
    ...row,
    raw_user_meta_data: { ...row.raw_user_meta_data, full_name: "Renamed" },
    updated_at: "2026-11-25T11:00:01.100+00:00",
  };

  it("rows of auth.users inserted, updated and deleted", async () => {
    const world = webhookWorld({}, { profile });
    await deliver(world, change("INSERT", row, null));
    expect(world.simulator.user(id)).toMatchObject({ name: "Valid", avatar: "https://cdn.example/v.png" });
    await deliver(world, change("UPDATE", renamed, row));
    expect(world.simulator.user(id)).toMatchObject({ name: "Renamed" });
    await deliver(world, change("DELETE", null, renamed));
    expect(world.simulator.user(id)?.deactivatedAt).toBeGreaterThan(0);
    expect(done(world)).toEqual(["created", "updated", "deactivated"]);
    expect(JSON.stringify(world.simulator.journal.entries)).not.toMatch(/secret|supabase\.com/);
  });

  it("a sign-in there, which changes the row: costs nothing", async () => {
    const world = webhookWorld({}, { profile });
    world.simulator.seed({ uid: id });
    await deliver(world, change("UPDATE", { ...row, last_sign_in_at: row.updated_at }, row));
    expect([calls(world), done(world)]).toEqual([[], ["unchanged"]]);
  });

  it("a user deleted whose row is kept: deactivated", async () => {
    const world = webhookWorld({}, { profile });
    world.simulator.seed({ uid: id });
    await deliver(world, change("UPDATE", { ...row, deleted_at: row.updated_at }, row));
    expect(world.simulator.user(id)?.deactivatedAt).toBeGreaterThan(0);
  });

  /** As Supabase Auth sends it: several signatures are joined with a comma as well. */
  const hook = (name: string) => ({
    metadata: {
      uuid: "8b34dcdd-9df1-4c10-850a-b3277c653040",
      time: "2026-11-25T11:59:59Z",
      name,
      ip_address: "127.0.0.1",
    },
    user: {
      id,
      aud: "authenticated",
      role: "",
      email: "valid.email@supabase.com",
      app_metadata: { provider: "email", providers: ["email"] },
      user_metadata: { full_name: "Valid" },
      identities: [],
      created_at: "0001-01-01T00:00:00Z",
      updated_at: "0001-01-01T00:00:00Z",
      is_anonymous: false,
    },
  });

  it.each(["before-user-created", "after-user-created"])("the Auth hook %s: the user is provisioned", async (name) => {
    const world = webhookWorld({ env: { WEBHOOK: `v1,${SECRET}` } }, { profile });
    const response = await deliver(world, hook(name));
    expect([response.status, await response.text()]).toEqual([204, ""]);
    expect(world.simulator.user(id)).toMatchObject({ name: "Valid" });
    expect(done(world)).toEqual(["created"]);
  });

  it("the Auth hook is answered before CometChat is asked: nothing there can hold up a sign-up, or fail it", async () => {
    const world = webhookWorld({}, { profile });
    world.simulator.faults.add({ match: "any", effect: { kind: "wrongKey" } });
    expect((await deliver(world, hook("before-user-created"))).status).toBe(204);
    expect(done(world)).toEqual(["upstream-key"]);
  });
});

describe("where the user lives", () => {
  const EU = "275300000000000b";
  const COMETCHAT_APPS = {
    main: { appId: APP_ID, region: "us" },
    eu: { appId: EU, region: "us", baseUrl: "https://eu.cometchat.io/v3" },
  };

  function twoApps(env: Record<string, unknown> = {}, issuer: Record<string, unknown> = {}) {
    const eu = webhookWorld().simulator;
    const world = webhookWorld(
      {
        env: { COMETCHAT_APPS, PLACEMENT: { default: "main" }, ...env },
        deps: {
          fetch: (input, init) => {
            const url = new URL(input);
            if (url.host !== "eu.cometchat.io") return world.simulator.fetch(input, init);
            url.host = `${APP_ID}.api-us.cometchat.io`;
            return eu.fetch(url.href, init);
          },
        },
      },
      issuer,
    );
    return { world, main: world.simulator, eu };
  }

  it("by the issuer's app", async () => {
    const { world, eu } = twoApps({}, { app: "eu" });
    await deliver(world, created());
    expect(eu.user("alice")).toBeDefined();
  });

  it("by a claim, where the event holds it", async () => {
    const { world, eu } = twoApps({}, { appClaim: "region", appByClaim: { e: "eu" } });
    await deliver(world, created({ region: "e" }));
    expect(eu.user("alice")).toBeDefined();
  });

  it("by the user's own place, which is known: there", async () => {
    const { world, eu } = twoApps({ PLACEMENT: { default: "main", continents: { EU: "eu" } } });
    await homeOf("alice").home("eu");
    await deliver(world, created());
    expect(done(world)).toEqual(["created"]);
    expect(eu.user("alice")).toBeDefined();
  });

  it.each([
    ["by a claim that the event does not hold", {}, { appClaim: "region", appByClaim: { e: "eu" } }],
    [
      "by the user's own place, which nobody knows yet",
      { PLACEMENT: { default: "main", continents: { EU: "eu" } } },
      {},
    ],
  ])("%s: the first sign-in will tell", async (_, env, issuer) => {
    const { world, main, eu } = twoApps(env, issuer);
    expect((await deliver(world, created())).status).toBe(204);
    expect(done(world)).toEqual(["unplaced"]);
    expect([main.journal.entries, eu.journal.entries]).toEqual([[], []]);
  });

  it("a deletion finds the user in whichever app it lives", async () => {
    const { world, eu } = twoApps({}, { appClaim: "region", appByClaim: { e: "eu" } });
    eu.seed({ uid: "alice" });
    eu.mint("alice");
    expect((await deliver(world, deleted())).status).toBe(204);
    expect([eu.user("alice")?.deactivatedAt, eu.tokens("alice")]).toEqual([expect.any(Number), []]);
  });
});

describe("signatures", () => {
  const body = JSON.stringify(deleted());
  const content = `msg_1.${NOW / 1000}.${body}`;

  it("the example of the standard's libraries is accepted", async () => {
    const world = webhookWorld({ deps: { now: () => 1_614_265_330_000 } });
    const response = await deliver(world, '{"test": 2432232314}', {
      id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
      timestamp: "1614265330",
      signature: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    });
    expect(response.status).toBe(204);
  });

  it.each<[string, () => Promise<string>]>([
    ["one among several", async () => `v1,${await hmac("other")} v1,${await hmac(content)}`],
    ["beside an asymmetric one", async () => `v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw== v1,${await hmac(content)}`],
    [
      "several as Supabase Auth joins them",
      async () => `v1,${await hmac("other")}, v1,${await hmac(content)}, v1,${await hmac("third")}`,
    ],
  ])("%s: accepted", async (_, signature) => {
    const world = webhookWorld();
    world.simulator.seed({ uid: "alice" });
    expect((await deliver(world, body, { signature: await signature() })).status).toBe(204);
    expect(calls(world)).toEqual(["flush", "deactivate"]);
  });

  it.each<[string, string]>([
    ["without its prefix", KEY],
    ["the new one, while the old is rotated out", `whsec_${OTHER_KEY}, ${SECRET}`],
    ["the old one, while it is rotated out", `${SECRET},whsec_${OTHER_KEY}`],
    ["as Supabase shows it", `v1,${SECRET}`],
    ["as Supabase has several", `v1,whsec_${OTHER_KEY}|v1,${SECRET}`],
  ])("under a secret %s: accepted", async (_, WEBHOOK) => {
    expect((await deliver(webhookWorld({ env: { WEBHOOK } }), body)).status).toBe(204);
  });

  const seconds = NOW / 1000;
  it.each<[string, Delivery | (() => Promise<Delivery>)]>([
    ["none", { headers: { "webhook-signature": undefined } }],
    ["an empty one", { signature: "" }],
    ["no id", { headers: { "webhook-id": undefined } }],
    ["no timestamp", { headers: { "webhook-timestamp": undefined } }],
    ["another key's", async () => ({ signature: `v1,${await hmac(content, OTHER_KEY)}` })],
    ["an empty key's", async () => ({ signature: `v1,${await hmac(content, btoa("\0"))}` })],
    ["of another body", async () => ({ signature: `v1,${await hmac(content.replace("alice", "bob"))}` })],
    ["of another id", async () => ({ signature: `v1,${await hmac(content.replace("msg_1", "msg_2"))}` })],
    [
      "of another time",
      async () => ({ signature: `v1,${await hmac(content.replace(`${seconds}`, `${seconds + 1}`))}` }),
    ],
    ["of the body alone", async () => ({ signature: `v1,${await hmac(body)}` })],
    ["under the secret's text", async () => ({ signature: `v1,${await hmac(content, btoa(SECRET))}` })],
    ["without its version", async () => ({ signature: await hmac(content) })],
    ["of another version", async () => ({ signature: `v2,${await hmac(content)}` })],
    ["of the asymmetric version", async () => ({ signature: `v1a,${await hmac(content)}` })],
    ["cut", async () => ({ signature: `v1,${(await hmac(content)).slice(0, -4)}` })],
    ["without its padding", async () => ({ signature: `v1,${(await hmac(content)).slice(0, -1)}` })],
    ["of nothing", { signature: "v1," }],
    ["the digest of nothing", { signature: `v1,${btoa("\0".repeat(32))}` }],
    [
      "in the header of GitHub",
      async () => ({ headers: { "webhook-signature": undefined, "x-hub-signature-256": await hmac(body) } }),
    ],
    ["the secret itself", { headers: { "webhook-signature": undefined, Authorization: `Bearer ${SECRET}` } }],
    [
      "a thousand wrong ones",
      async () => ({
        signature: Array(500)
          .fill(`v1,${await hmac("x")}`)
          .join(" "),
      }),
    ],
    ["right, 301 seconds old", { timestamp: String(seconds - 301) }],
    ["right, 301 seconds ahead", { timestamp: String(seconds + 301) }],
    ["right, in milliseconds", { timestamp: String(NOW) }],
    ["right, at no time", { timestamp: "soon" }],
    ["right, at the time minus one", { timestamp: "-1" }],
    ["right, at a time with a fraction", { timestamp: `${seconds}.5` }],
    ["right, in hexadecimal", { timestamp: `0x${seconds.toString(16)}` }],
    ["right, with an id that holds a full stop", { id: "msg.1" }],
    ["right, with an id of 257 characters", { id: "m".repeat(257) }],
  ])("%s: 401, and nothing is called", async (_, how) => {
    const world = webhookWorld();
    world.simulator.seed({ uid: "alice" });
    const delivery = typeof how === "function" ? await how() : how;
    const response = await deliver(world, body, delivery);
    expect(response.headers.get("WWW-Authenticate")).toBe('Bearer realm="backend"');
    expect(response.headers.get("Cache-Control")).toBe("no-store");
    await expectProblem(response, 401, "backend-unauthorized");
    expect(calls(world)).toEqual([]);
  });

  it.each([seconds - 300, seconds + 300])("right, at %d, just within five minutes: accepted", async (timestamp) => {
    expect((await deliver(webhookWorld(), body, { timestamp: String(timestamp) })).status).toBe(204);
  });

  it("wrong ones are stopped by address", async () => {
    let counted = 0;
    const world = webhookWorld({ env: { RATE_LIMIT_IP: { limit: async () => ({ success: ++counted <= 2 }) } } });
    const statuses: number[] = [];
    for (const _ of [1, 2, 3]) statuses.push((await deliver(world, body, { signature: "v1,x" })).status);
    expect(statuses).toEqual([401, 401, 429]);
    const elsewhere = { headers: { "CF-Connecting-IP": "192.0.2.7" } };
    expect((await deliver(world, body, elsewhere)).status).toBe(204);
  });

  it("one issuer's signature is nothing to another's endpoint", async () => {
    const issuers = [
      { issuer: ISSUER, name: "idp", audience: ["chat"], webhookSecret: "WEBHOOK", uid: { prefix: "a_" } },
      { issuer: "https://b.example", name: "b", audience: ["chat"], webhookSecret: "OTHER", uid: { prefix: "b_" } },
    ];
    const world = webhookWorld({ env: { SESSION_ISSUERS: issuers, OTHER: `whsec_${OTHER_KEY}` } });
    await expectProblem(await deliver(world, body, { path: "/v1/webhooks/b" }), 401, "backend-unauthorized");
    expect((await deliver(world, created())).status).toBe(204);
    expect(world.simulator.user("a_alice")).toBeDefined();
  });
});

describe("requests", () => {
  it.each<[string, string, number, Code]>([
    ["no body", "", 400, "bad-request"],
    ["no JSON", "{", 400, "bad-request"],
    ["a user without a name for itself", '{"type":"user.deleted","data":{}}', 400, "bad-request"],
    ["a user whose name is a number", '{"type":"user.deleted","data":{"sub":7}}', 400, "bad-request"],
    ["CometChat's own user", '{"type":"user.deleted","data":{"sub":"app_system"}}', 403, "subject-not-allowed"],
    [
      "more than 256 KB",
      JSON.stringify({ type: "user.created", data: { sub: "a".repeat(256 * 1024) } }),
      413,
      "body-too-large",
    ],
  ])("%s: refused, though signed", async (_, body, status, code) => {
    const world = webhookWorld();
    await expectProblem(await deliver(world, body), status, code);
    expect(calls(world)).toEqual([]);
  });

  it("claims that CometChat would refuse are left out, and the user comes all the same", async () => {
    const world = webhookWorld();
    await deliver(world, created({ name: "é".repeat(500), picture: "javascript:alert(1)", __proto__: { x: 1 } }));
    const user = world.simulator.user("alice");
    expect([user?.name.length, user?.avatar]).toEqual([100, undefined]);
  });

  it.each([
    ["no issuer has that name", "/v1/webhooks/nobody"],
    ["the name is written in another way", "/v1/webhooks/%69dp"],
    ["the name is in capitals", "/v1/webhooks/IDP"],
    ["the address ends in a slash", "/v1/webhooks/idp/"],
    ["there is no name", "/v1/webhooks/"],
    ["the issuer has no secret", "/v1/webhooks/quiet"],
  ])("%s: as if nothing was there", async (_, path) => {
    const issuers = [
      { issuer: ISSUER, name: "idp", audience: ["chat"], webhookSecret: "WEBHOOK", uid: { prefix: "a_" } },
      { issuer: "https://b.example", name: "quiet", audience: ["chat"], uid: { prefix: "b_" } },
    ];
    const world = webhookWorld({ env: { SESSION_ISSUERS: issuers } });
    const shown = ({ headers }: Response) => [...headers.keys()].filter((name) => name !== "server-timing");
    const strange = await world.call("/v1/nowhere", { method: "POST" });
    for (const response of [await deliver(world, deleted(), { path }), await world.call(path)]) {
      expect(shown(response)).toEqual(shown(strange));
      await expectProblem(response, 404, "not-found");
    }
  });

  it("nothing of a payload is logged", async () => {
    const world = webhookWorld();
    await deliver(world, created({ name: "Alice Liddell", email: "alice@wonderland.example" }));
    await deliver(world, '{"type":"user.deleted","data":{"name":"Alice Liddell"}}');
    expect(world.lines.length).toBeGreaterThan(0);
    for (const text of ["alice", "Liddell", "wonderland", KEY.slice(0, 16)]) {
      expect(JSON.stringify(world.lines)).not.toContain(text);
    }
  });
});

describe("configuration", () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it.each([
    ["is not set", undefined],
    ["is too short", "whsec_c2hvcnQ="],
    ["is no base64", "whsec_????????????????????????????????"],
    ["has a second value that is too short", `${SECRET},whsec_c2hvcnQ=`],
  ])("a webhook secret that %s is a mistake, named in the log without its value", async (_, WEBHOOK) => {
    const world = webhookWorld({ env: { WEBHOOK } });
    await expectProblem(await deliver(world, created()), 500, "config-invalid");
    expect(world.lines).toContainEqual(expect.objectContaining({ event: "config-invalid", variable: "WEBHOOK" }));
    if (WEBHOOK) expect(JSON.stringify(world.lines)).not.toContain(WEBHOOK);
  });
});
