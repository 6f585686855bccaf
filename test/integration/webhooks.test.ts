import { afterEach, describe, expect, it, vi } from "vitest";
import type { Code } from "../../src/errors.ts";
import { homeOf } from "../support/ledger.ts";
import { signEvent, WEBHOOK_KEY } from "../support/webhook.ts";
import { APP_ID, createWorld, ISSUER, type ProblemAnswer, type World, type WorldOptions } from "../support/world.ts";

const OTHER_KEY = "C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const SECRET = `whsec_${WEBHOOK_KEY}`;
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

interface Delivery {
  readonly id?: string;
  readonly timestamp?: string;
  readonly prefix?: "webhook" | "svix";
  readonly path?: string;
  /** Replaces the right signature. */
  readonly signature?: string;
  readonly headers?: Record<string, string | undefined>;
}

/** Sends a payload as a provider does: a text as it is, anything else as JSON. */
async function deliver(world: World, payload: unknown, how: Delivery = {}): Promise<Response> {
  const { id = "msg_1", timestamp = String(NOW / 1000), prefix = "webhook", path = PATH } = how;
  const body = typeof payload === "string" ? payload : JSON.stringify(payload);
  const signature = how.signature ?? `v1,${await signEvent(`${id}.${timestamp}.${body}`)}`;
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
/** What the gateway did with each event, as its log says. */
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

describe("an event of a provider", () => {
  it("creates a user who was created there, with one call, so that the first sign-in needs one call too", async () => {
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

  it.each(["auth0|5f7c", "Alice", "user_2abcDEF"])("gives a user the same uid as a session does: %s", async (sub) => {
    const world = webhookWorld();
    await deliver(world, created({ sub }));
    const response = await world.signIn({ subject: sub, issuedAt: NOW / 1000 });
    expect(await response.json()).toMatchObject({ created: false });
  });

  it("updates a user: fields that it does not have stay as they are", async () => {
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

  it("updates a user: fields that it has as null are removed", async () => {
    const world = webhookWorld();
    world.simulator.seed({ uid: "alice", avatar: "https://cdn.example/a.png" });
    await deliver(world, updated({ picture: null }));
    expect(world.simulator.user("alice")).not.toHaveProperty("avatar");
  });

  it("updates a user: a role that the table no longer gives is taken away", async () => {
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

  it("updates a user: if none of its fields is mapped, CometChat is not called", async () => {
    const world = webhookWorld();
    world.simulator.seed({ uid: "alice" });
    expect((await deliver(world, updated({ email: "alice@example.com" }))).status).toBe(204);
    expect(calls(world)).toEqual([]);
  });

  it("updates a user: later sign-ins with unchanged claims do not undo it", async () => {
    const world = webhookWorld();
    const session = { subject: "alice", claims: { name: "Alice" }, issuedAt: NOW / 1000 };
    await world.signIn(session);
    await deliver(world, updated({ name: "Alice B.", picture: "https://cdn.example/b.png" }));
    await world.signIn(session);
    expect(world.simulator.user("alice")).toMatchObject({ name: "Alice B.", avatar: "https://cdn.example/b.png" });
  });

  it("updates a user who does not exist: creates it, unless PROVISIONING.mode is existing", async () => {
    const world = webhookWorld();
    await deliver(world, updated({ name: "Alice" }));
    expect(calls(world)).toEqual(["update", "create"]);
    const existing = webhookWorld({ env: { PROVISIONING: { mode: "existing" } } });
    expect((await deliver(existing, updated({ name: "Alice" }))).status).toBe(204);
    expect(existing.simulator.user("alice")).toBeUndefined();
  });

  it("deactivates a user who was deleted there, after its tokens are flushed, and refuses its sessions", async () => {
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

  it("does nothing if the deleted user does not exist in CometChat", async () => {
    const world = webhookWorld();
    expect((await deliver(world, deleted())).status).toBe(204);
    expect(done(world)).toEqual(["unknown"]);
  });

  it("does nothing if it is of any other type or form", async () => {
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

describe("an event that is delivered twice, late, or after a failure", () => {
  it("leads to the same if it is delivered twice", async () => {
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
    ["a creation, after an update", [updated({ name: "Second" }, at(2)), { ...created(), timestamp: at(1) }], "known"],
    [
      "a creation, after the deletion",
      [deleted(at(2)), { ...created({ name: "First" }), timestamp: at(1) }],
      "outdated",
    ],
    ["an update, after the deletion", [deleted(at(2)), updated({ name: "First" }, at(1))], "outdated"],
    [
      "an update whose own time is older",
      [updated({ name: "Second", updated_at: NOW / 1000 }), updated({ name: "First", updated_at: NOW - 5000 })],
      "outdated",
    ],
  ])("does not undo a newer one: %s", async (_, [newer, older], expected) => {
    const world = webhookWorld();
    await deliver(world, newer);
    const before = world.simulator.user("alice");
    expect((await deliver(world, older)).status).toBe(204);
    expect(done(world)[1]).toBe(expected);
    expect(world.simulator.user("alice")?.name).toBe(before?.name);
    expect(world.simulator.user("alice")?.deactivatedAt).toBe(before?.deactivatedAt);
  });

  it("deactivates the user in the end: a deletion that failed, an update, the deletion again", async () => {
    const world = webhookWorld();
    await deliver(world, { ...created(), timestamp: at(1) });
    const down = world.simulator.faults.add({ match: "any", effect: { kind: "refuse" } });
    expect((await deliver(world, deleted(at(2)))).status).toBe(503);
    world.simulator.faults.remove(down);
    expect((await deliver(world, updated({ name: "Alice B." }, at(3)))).status).toBe(204);
    expect((await deliver(world, deleted(at(2)))).status).toBe(204);
    expect(world.simulator.user("alice")?.deactivatedAt).toEqual(expect.any(Number));
  });

  it("does not deactivate a user who was reactivated since then", async () => {
    const world = webhookWorld({ env: { BACKEND_SECRET: "backend-secret-of-32-characters!" } });
    world.simulator.seed({ uid: "alice" });
    await deliver(world, deleted(at(1)));
    const headers = { Authorization: "Bearer backend-secret-of-32-characters!" };
    expect((await world.call("/v1/users/alice/reactivate", { method: "POST", headers })).status).toBe(204);
    await deliver(world, deleted(at(1)));
    expect(done(world)[1]).toBe("outdated");
    expect(world.simulator.user("alice")?.deactivatedAt).toBeUndefined();
  });

  describe("and is a deletion without a time", () => {
    const BACKEND_SECRET = "backend-secret-of-32-characters!";
    const later = (seconds: number) => String(NOW / 1000 + seconds);
    /** A gateway with a clock of the test, and a user whom the provider is going to delete. */
    const worldBeforeDeletion = () => {
      const clock = { now: NOW };
      const world = webhookWorld({ env: { BACKEND_SECRET }, deps: { now: () => clock.now } });
      world.simulator.seed({ uid: "alice" });
      return { world, clock };
    };
    const reactivate = async (world: World) => {
      const headers = { Authorization: `Bearer ${BACKEND_SECRET}` };
      expect((await world.call("/v1/users/alice/reactivate", { method: "POST", headers })).status).toBe(204);
    };
    const deactivated = (world: World) => world.simulator.user("alice")?.deactivatedAt !== undefined;

    it.each<[string, number]>([
      ["at once, with the same signature", 0],
      ["after 250 seconds, with the same signature", 250],
      ["after an hour, with a new signature", 3600],
      ["after a day, with a new signature", 86_400],
    ])("does not deactivate a user who was reactivated since then: delivered %s", async (_, seconds) => {
      const { world, clock } = worldBeforeDeletion();
      expect((await deliver(world, deleted())).status).toBe(204);
      expect(deactivated(world)).toBe(true);
      clock.now += 100_000;
      await reactivate(world);
      clock.now = NOW + Math.max(100, seconds) * 1000;
      const timestamp = seconds > 300 ? later(seconds) : later(0);
      expect((await deliver(world, deleted(), { timestamp })).status).toBe(204);
      expect(deactivated(world)).toBe(false);
    });

    it("does not deactivate a user who was created anew in CometChat", async () => {
      const { world } = worldBeforeDeletion();
      await deliver(world, deleted());
      world.simulator.reset();
      world.simulator.seed({ uid: "alice" });
      expect((await deliver(world, deleted(), { timestamp: later(60) })).status).toBe(204);
      expect(deactivated(world)).toBe(false);
      expect(calls(world)).toEqual([]);
    });

    it("deactivates the user at the second delivery if the first failed", async () => {
      const { world, clock } = worldBeforeDeletion();
      const down = world.simulator.faults.add({ match: "any", effect: { kind: "refuse" } });
      expect((await deliver(world, deleted())).status).toBe(503);
      world.simulator.faults.remove(down);
      clock.now += 3_600_000;
      expect((await deliver(world, deleted(), { timestamp: later(3600) })).status).toBe(204);
      expect(deactivated(world)).toBe(true);
    });

    it("does not deactivate a user who was reactivated between a delivery that failed and the second", async () => {
      const { world, clock } = worldBeforeDeletion();
      const down = world.simulator.faults.add({ match: "any", effect: { kind: "refuse" } });
      expect((await deliver(world, deleted())).status).toBe(503);
      world.simulator.faults.remove(down);
      clock.now += 60_000;
      await reactivate(world);
      clock.now += 3_600_000;
      expect((await deliver(world, deleted(), { timestamp: later(3660) })).status).toBe(204);
      expect([done(world).at(-1), deactivated(world)]).toEqual(["outdated", false]);
    });

    it("deactivates a user again if it has another id, since it is another event", async () => {
      const { world, clock } = worldBeforeDeletion();
      await deliver(world, deleted());
      await reactivate(world);
      clock.now += 60_000;
      expect((await deliver(world, deleted(), { id: "msg_2", timestamp: later(60) })).status).toBe(204);
      expect(deactivated(world)).toBe(true);
    });

    it("does not deactivate a user who was reactivated since then: the deletion of Supabase's row", async () => {
      const { world, clock } = worldBeforeDeletion();
      const row = { type: "DELETE", schema: "auth", table: "users", record: null, old_record: { id: "alice" } };
      await deliver(world, row);
      expect(deactivated(world)).toBe(true);
      clock.now += 60_000;
      await reactivate(world);
      clock.now += 3_600_000;
      await deliver(world, row, { timestamp: later(3660) });
      expect(deactivated(world)).toBe(false);
    });
  });

  it("does not undo a change that the backend made since then", async () => {
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

  it("is not ordered by its time if that is in the future", async () => {
    const world = webhookWorld();
    world.simulator.seed({ uid: "alice" });
    await deliver(world, updated({ name: "From the future" }, "2999-01-01T00:00:00Z"));
    await deliver(world, updated({ name: "From today" }, at(1)));
    expect(world.simulator.user("alice")).toMatchObject({ name: "From today" });
  });

  it("never reactivates a user", async () => {
    const world = webhookWorld({ env: { PROVISIONING: { reactivate: true } } });
    world.simulator.seed({ uid: "alice", deactivatedAt: 1 });
    for (const payload of [created(), updated({ name: "Alice B." })]) {
      expect((await deliver(world, payload)).status).toBe(204);
    }
    expect(world.simulator.user("alice")?.deactivatedAt).toBe(1);
  });

  it.each([
    ["a creation", created(), "create"],
    ["an update", updated({ name: "Alice B." }), "update"],
    ["a deletion", deleted(), "flush"],
    ["a deletion that was half done", deleted(), "deactivate"],
  ] as const)("is answered 503 while CometChat fails, and done at the next delivery: %s", async (_, payload, match) => {
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

describe("an event of Clerk", () => {
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
    private_metadata: { text: "private" },
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

  it("creates, updates and deactivates a user, signed with Svix's headers", async () => {
    const world = webhookWorld();
    const clerk = { prefix: "svix" } as const;
    await deliver(world, event("user.created", user), clerk);
    expect(only(world)).toMatchObject([{ name: "Example Example", avatar: "https://img.clerk.com/xxxxxx" }]);
    await deliver(world, event("user.updated", { ...user, last_name: "Renamed" }, 1654012591900), clerk);
    expect(only(world)).toMatchObject([{ name: "Example Renamed" }]);
    await deliver(world, event("user.updated", user, 1654012591850), clerk);
    const deletedUser = { deleted: true, id: user.id, object: "user" };
    await deliver(world, event("user.deleted", deletedUser, 1661861640000), clerk);
    expect(only(world)).toMatchObject([{ name: "Example Renamed", deactivatedAt: expect.any(Number) }]);
    expect(done(world)).toEqual(["created", "updated", "outdated", "deactivated"]);
    await expectProblem(await world.signIn({ subject: user.id, issuedAt: NOW / 1000 }), 403, "user-deactivated");
  });

  it.each([
    ["one name", { last_name: null }, "Example"],
    ["only a username", { first_name: null, last_name: null, username: "exa" }, "exa"],
    ["no name at all", { first_name: null, last_name: null }, /^User [a-z2-7]{6}$/],
  ])("gives a user with %s a name", async (_, names, expected) => {
    const world = webhookWorld();
    await deliver(world, event("user.created", { ...user, ...names }), { prefix: "svix" });
    expect(only(world)[0]?.name).toMatch(expected);
  });

  it("sends no metadata and no e-mail address to CometChat, unless they are mapped", async () => {
    const world = webhookWorld();
    await deliver(world, event("user.created", user), { prefix: "svix" });
    const [body] = world.simulator.journal.entries.map((entry) => JSON.stringify(entry.body));
    for (const text of ["staff", "private", "owner", "example.org"]) expect(body).not.toContain(text);
  });

  it.each([
    ["with Clerk's own name of the field", "public_metadata.role"],
    ["with the name that Clerk's guides use in a session", "metadata.role"],
  ])("gives a role from public metadata: %s", async (_, role) => {
    const world = webhookWorld({}, { profile: { name: "name", role }, roles: { staff: "moderator" } });
    await deliver(world, event("user.created", user), { prefix: "svix" });
    expect(only(world)).toMatchObject([{ role: "moderator" }]);
  });
});

describe("an event of Supabase", () => {
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

  it("creates, updates and deactivates a user: a row of auth.users is inserted, updated and deleted", async () => {
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

  it("calls nothing if only the time of the last sign-in has changed in the row", async () => {
    const world = webhookWorld({}, { profile });
    world.simulator.seed({ uid: id });
    await deliver(world, change("UPDATE", { ...row, last_sign_in_at: row.updated_at }, row));
    expect([calls(world), done(world)]).toEqual([[], ["unchanged"]]);
  });

  it("deactivates a user whose row is only marked as deleted", async () => {
    const world = webhookWorld({}, { profile });
    world.simulator.seed({ uid: id });
    await deliver(world, change("UPDATE", { ...row, deleted_at: row.updated_at }, row));
    expect(world.simulator.user(id)?.deactivatedAt).toBeGreaterThan(0);
  });

  /** The payload of a hook of Supabase Auth. */
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

  it.each(["before-user-created", "after-user-created"])("creates a user: the Auth hook %s", async (name) => {
    const world = webhookWorld({ env: { WEBHOOK: `v1,${SECRET}` } }, { profile });
    const response = await deliver(world, hook(name));
    expect([response.status, await response.text()]).toEqual([204, ""]);
    expect(world.simulator.user(id)).toMatchObject({ name: "Valid" });
    expect(done(world)).toEqual(["created"]);
  });

  it("never delays or fails a sign-up: the Auth hook is answered before CometChat is called", async () => {
    const world = webhookWorld({}, { profile });
    world.simulator.faults.add({ match: "any", effect: { kind: "wrongKey" } });
    expect((await deliver(world, hook("before-user-created"))).status).toBe(204);
    expect(done(world)).toEqual(["upstream-key"]);
  });
});

describe("the app of an event's user", () => {
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

  it("is the app of the issuer", async () => {
    const { world, eu } = twoApps({}, { app: "eu" });
    await deliver(world, created());
    expect(eu.user("alice")).toBeDefined();
  });

  it("is the app that the claim names, if the event has that claim", async () => {
    const { world, eu } = twoApps({}, { appClaim: "region", appByClaim: { e: "eu" } });
    await deliver(world, created({ region: "e" }));
    expect(eu.user("alice")).toBeDefined();
  });

  it("is the app in which the user already lives, if users are placed by geography", async () => {
    const { world, eu } = twoApps({ PLACEMENT: { default: "main", continents: { EU: "eu" } } });
    await homeOf("alice").home("eu");
    await deliver(world, created());
    expect(done(world)).toEqual(["created"]);
    expect(eu.user("alice")).toBeDefined();
  });

  it.each([
    ["the claim is not in the event", {}, { appClaim: "region", appByClaim: { e: "eu" } }],
    [
      "users are placed by geography, and this one has never signed in",
      { PLACEMENT: { default: "main", continents: { EU: "eu" } } },
      {},
    ],
  ])("is left to the first sign-in, and no user is created, if %s", async (_, env, issuer) => {
    const { world, main, eu } = twoApps(env, issuer);
    expect((await deliver(world, created())).status).toBe(204);
    expect(done(world)).toEqual(["unplaced"]);
    expect([main.journal.entries, eu.journal.entries]).toEqual([[], []]);
  });

  it("is found for a deletion in every app", async () => {
    const { world, eu } = twoApps({}, { appClaim: "region", appByClaim: { e: "eu" } });
    eu.seed({ uid: "alice" });
    eu.mint("alice");
    expect((await deliver(world, deleted())).status).toBe(204);
    expect([eu.user("alice")?.deactivatedAt, eu.tokens("alice")]).toEqual([expect.any(Number), []]);
  });
});

describe("the signature of an event (Standard Webhooks 1.0)", () => {
  const body = JSON.stringify(deleted());
  const content = `msg_1.${NOW / 1000}.${body}`;

  it("is accepted: the example of the standard's libraries", async () => {
    const world = webhookWorld({ deps: { now: () => 1_614_265_330_000 } });
    const response = await deliver(world, '{"test": 2432232314}', {
      id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
      timestamp: "1614265330",
      signature: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    });
    expect(response.status).toBe(204);
  });

  it.each<[string, () => Promise<string>]>([
    ["as one of several", async () => `v1,${await signEvent("other")} v1,${await signEvent(content)}`],
    ["next to an asymmetric one", async () => `v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw== v1,${await signEvent(content)}`],
    [
      "as one of several in the form of Supabase Auth",
      async () => `v1,${await signEvent("other")}, v1,${await signEvent(content)}, v1,${await signEvent("third")}`,
    ],
  ])("is accepted %s", async (_, signature) => {
    const world = webhookWorld();
    world.simulator.seed({ uid: "alice" });
    expect((await deliver(world, body, { signature: await signature() })).status).toBe(204);
    expect(calls(world)).toEqual(["flush", "deactivate"]);
  });

  it.each<[string, string]>([
    ["without the prefix whsec_", WEBHOOK_KEY],
    ["that is the second of two", `whsec_${OTHER_KEY}, ${SECRET}`],
    ["that is the first of two", `${SECRET},whsec_${OTHER_KEY}`],
    ["in the form of Supabase", `v1,${SECRET}`],
    ["that is one of several in the form of Supabase", `v1,whsec_${OTHER_KEY}|v1,${SECRET}`],
  ])("is verified with a secret %s", async (_, WEBHOOK) => {
    expect((await deliver(webhookWorld({ env: { WEBHOOK } }), body)).status).toBe(204);
  });

  const seconds = NOW / 1000;
  it.each<[string, Delivery | (() => Promise<Delivery>)]>([
    ["none", { headers: { "webhook-signature": undefined } }],
    ["an empty one", { signature: "" }],
    ["no id", { headers: { "webhook-id": undefined } }],
    ["no timestamp", { headers: { "webhook-timestamp": undefined } }],
    ["made with another key", async () => ({ signature: `v1,${await signEvent(content, OTHER_KEY)}` })],
    ["made with an empty key", async () => ({ signature: `v1,${await signEvent(content, btoa("\0"))}` })],
    ["of another body", async () => ({ signature: `v1,${await signEvent(content.replace("alice", "bob"))}` })],
    ["of another id", async () => ({ signature: `v1,${await signEvent(content.replace("msg_1", "msg_2"))}` })],
    [
      "of another time",
      async () => ({ signature: `v1,${await signEvent(content.replace(`${seconds}`, `${seconds + 1}`))}` }),
    ],
    ["of only the body", async () => ({ signature: `v1,${await signEvent(body)}` })],
    [
      "made with the secret's text instead of its bytes",
      async () => ({ signature: `v1,${await signEvent(content, btoa(SECRET))}` }),
    ],
    ["without its version", async () => ({ signature: await signEvent(content) })],
    ["of another version", async () => ({ signature: `v2,${await signEvent(content)}` })],
    ["of the asymmetric version", async () => ({ signature: `v1a,${await signEvent(content)}` })],
    ["cut off", async () => ({ signature: `v1,${(await signEvent(content)).slice(0, -4)}` })],
    ["without its padding", async () => ({ signature: `v1,${(await signEvent(content)).slice(0, -1)}` })],
    ["of no bytes", { signature: "v1," }],
    ["of zero bytes", { signature: `v1,${btoa("\0".repeat(32))}` }],
    [
      "in GitHub's header",
      async () => ({ headers: { "webhook-signature": undefined, "x-hub-signature-256": await signEvent(body) } }),
    ],
    ["the secret itself", { headers: { "webhook-signature": undefined, Authorization: `Bearer ${SECRET}` } }],
    [
      "a thousand wrong ones",
      async () => ({
        signature: Array(500)
          .fill(`v1,${await signEvent("x")}`)
          .join(" "),
      }),
    ],
    ["right, 301 seconds old", { timestamp: String(seconds - 301) }],
    ["right, 301 seconds in the future", { timestamp: String(seconds + 301) }],
    ["right, in milliseconds", { timestamp: String(NOW) }],
    ["right, with a timestamp that is no number", { timestamp: "soon" }],
    ["right, with a negative timestamp", { timestamp: "-1" }],
    ["right, with a fraction in the timestamp", { timestamp: `${seconds}.5` }],
    ["right, with a hexadecimal timestamp", { timestamp: `0x${seconds.toString(16)}` }],
    ["right, with a full stop in the id", { id: "msg.1" }],
    ["right, with an id of 257 characters", { id: "m".repeat(257) }],
  ])("is refused with 401, and nothing is called: %s", async (_, how) => {
    const world = webhookWorld();
    world.simulator.seed({ uid: "alice" });
    const delivery = typeof how === "function" ? await how() : how;
    const response = await deliver(world, body, delivery);
    expect(response.headers.get("WWW-Authenticate")).toBe('Bearer realm="backend"');
    expect(response.headers.get("Cache-Control")).toBe("no-store");
    await expectProblem(response, 401, "backend-unauthorized");
    expect(calls(world)).toEqual([]);
  });

  it.each([seconds - 300, seconds + 300])(
    "is accepted up to five minutes before and after its time: %d",
    async (timestamp) => {
      expect((await deliver(webhookWorld(), body, { timestamp: String(timestamp) })).status).toBe(204);
    },
  );

  it("is limited by address if it is wrong", async () => {
    let counted = 0;
    const world = webhookWorld({ env: { RATE_LIMIT_IP: { limit: async () => ({ success: ++counted <= 2 }) } } });
    const statuses: number[] = [];
    for (const _ of [1, 2, 3]) statuses.push((await deliver(world, body, { signature: "v1,x" })).status);
    expect(statuses).toEqual([401, 401, 429]);
    const elsewhere = { headers: { "CF-Connecting-IP": "192.0.2.7" } };
    expect((await deliver(world, body, elsewhere)).status).toBe(204);
  });

  it("is refused at the endpoint of another issuer", async () => {
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

describe("the endpoint of webhooks", () => {
  it.each<[string, string, number, Code]>([
    ["no body", "", 400, "bad-request"],
    ["no JSON", "{", 400, "bad-request"],
    ["a user without an id", '{"type":"user.deleted","data":{}}', 400, "bad-request"],
    ["a user whose id is a number", '{"type":"user.deleted","data":{"sub":7}}', 400, "bad-request"],
    ["CometChat's own user", '{"type":"user.deleted","data":{"sub":"app_system"}}', 403, "subject-not-allowed"],
    [
      "more than 256 KB",
      JSON.stringify({ type: "user.created", data: { sub: "a".repeat(256 * 1024) } }),
      413,
      "body-too-large",
    ],
  ])("refuses a signed request with %s", async (_, body, status, code) => {
    const world = webhookWorld();
    await expectProblem(await deliver(world, body), status, code);
    expect(calls(world)).toEqual([]);
  });

  it("leaves out fields that CometChat would refuse, and creates the user", async () => {
    const world = webhookWorld();
    await deliver(world, created({ name: "é".repeat(500), picture: "javascript:alert(1)", __proto__: { x: 1 } }));
    const user = world.simulator.user("alice");
    expect([user?.name.length, user?.avatar]).toEqual([100, undefined]);
  });

  it.each([
    ["no issuer has that name", "/v1/webhooks/nobody"],
    ["the name has an encoded letter", "/v1/webhooks/%69dp"],
    ["the name is in capitals", "/v1/webhooks/IDP"],
    ["the address ends in a slash", "/v1/webhooks/idp/"],
    ["there is no name", "/v1/webhooks/"],
    ["the issuer has no secret", "/v1/webhooks/quiet"],
  ])("answers exactly as where nothing is if %s", async (_, path) => {
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

  it("logs nothing of a payload", async () => {
    const world = webhookWorld();
    await deliver(world, created({ name: "Alice Liddell", email: "alice@wonderland.example" }));
    await deliver(world, '{"type":"user.deleted","data":{"name":"Alice Liddell"}}');
    expect(world.lines.length).toBeGreaterThan(0);
    for (const text of ["alice", "Liddell", "wonderland", WEBHOOK_KEY.slice(0, 16)]) {
      expect(JSON.stringify(world.lines)).not.toContain(text);
    }
  });
});

describe("the secret of a webhook", () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it.each([
    ["is not set", undefined],
    ["is too short", "whsec_c2hvcnQ="],
    ["is no base64", "whsec_????????????????????????????????"],
    ["has a second value that is too short", `${SECRET},whsec_c2hvcnQ=`],
  ])("is a mistake of the configuration, logged without its value, if it %s", async (_, WEBHOOK) => {
    const world = webhookWorld({ env: { WEBHOOK } });
    await expectProblem(await deliver(world, created()), 500, "config-invalid");
    expect(world.lines).toContainEqual(expect.objectContaining({ event: "config-invalid", variable: "WEBHOOK" }));
    if (WEBHOOK) expect(JSON.stringify(world.lines)).not.toContain(WEBHOOK);
  });
});
