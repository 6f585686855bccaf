import { expect, test, vi } from "vitest";
import { identityOf } from "../../src/identity/identity.ts";
import { profileHash } from "../../src/identity/profile.ts";
import { sessionDigest } from "../../src/kv.ts";
import type { Session } from "../../src/session/session.ts";

const issuer = {
  issuer: "https://idp.example",
  uid: { claim: "sub", prefix: "", shared: false },
  profile: { name: "name", avatar: undefined, link: undefined, role: undefined, tags: undefined, metadata: new Map() },
  roles: new Map(),
};
const session = (subject: string, name = "Alice"): Session =>
  ({ issuer, subject, sessionId: "sid-1", expiresAt: 0, issuedAt: 0, claims: { name } }) as unknown as Session;

test("a session's identity has its uid, its profile, and the digests of session and profile", async () => {
  expect(await identityOf(session("alice"))).toEqual({
    ok: true,
    value: {
      uid: "alice",
      digests: { session: await sessionDigest("https://idp.example", "sid-1"), name: null },
      profile: { name: "Alice" },
      dropped: [],
      profileHash: await profileHash({ name: "Alice" }),
    },
  });
});

test("an identity is computed once for each session, also if there are several of one user", async () => {
  const remembered = session("auth0|alice");
  const digest = vi.spyOn(crypto.subtle, "digest");
  const first = await identityOf(remembered);
  const computed = digest.mock.calls.length;
  expect(computed).toBe(3);
  expect(await identityOf(remembered)).toEqual(first);
  expect(digest.mock.calls.length).toBe(computed);
  expect(await identityOf(session("auth0|alice", "Alice Liddell"))).toMatchObject({
    value: { profile: { name: "Alice Liddell" } },
  });
  digest.mockRestore();
});

test("a subject that may not have a user has no identity, also at its second request", async () => {
  const reserved = session("app_system");
  for (const _ of [1, 2]) expect(await identityOf(reserved)).toMatchObject({ error: { reason: "subject-reserved" } });
});
