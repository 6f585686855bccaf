import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isUid } from "../../src/cometchat/fields.ts";
import { uidOf } from "../../src/identity/uid.ts";
import { createHash } from "./reference.ts";

const issuer = (name: string, prefix = "", shared = false) => ({
  issuer: name,
  uid: { claim: "sub", prefix, shared },
});
const ONE = issuer("https://one.example");

const uid = async (from: ReturnType<typeof issuer>, subject: string) => {
  const result = await uidOf(from, subject);
  if (!result.ok) throw new Error(result.error.reason);
  return result.value;
};

describe("the uid of a subject", () => {
  it.each([
    ["alice", "alice"],
    ["user_2x-y", "user_2x-y"],
    ["0", "0"],
    ["x", "x"],
    ["a".repeat(100), "a".repeat(100)],
  ])("is the subject itself if it has only a-z, 0-9, _ and -: %s", async (subject, expected) => {
    expect(await uid(ONE, subject)).toBe(expected);
  });

  it.each([
    "auth0|5f7c8ec7c33c6c004bbafe82",
    "Alice",
    "alice@example.com",
    "a".repeat(101),
    "x-alice",
    "a b",
    "ａ",
    "é",
    "é",
  ])("is a hash of issuer and subject otherwise: %s", async (subject) => {
    const hashed = await createHash(`https://one.example\n${subject}`);
    expect(await uid(ONE, subject)).toBe(`x-${hashed}`);
    expect(hashed).toMatch(/^[a-z2-7]{52}$/);
  });

  // This was computed with coreutils: printf 'https://one.example\nauth0|1' | sha256sum | xxd -r -p | base32 | tr A-Z a-z
  it("is the hash that the documentation describes", async () => {
    expect(await uid(ONE, "auth0|1")).toBe("x-ye2hvalt3fwequzxpnogfgujzdkyscoxarkup7tahmod6mgtpsda");
  });

  it("begins with the issuer's prefix, also if it is a hash", async () => {
    const two = issuer("https://two.example", "b_");
    expect(await uid(two, "alice")).toBe("b_alice");
    expect(await uid(two, "Alice")).toBe(`b_x-${await createHash("https://two.example\nAlice")}`);
    // With its prefix, the first is as long as CometChat allows, and the second is longer.
    expect(await uid(two, "a".repeat(98))).toBe(`b_${"a".repeat(98)}`);
    expect(await uid(two, "a".repeat(99))).toMatch(/^b_x-/);
  });

  it("is the same for issuers that share their users", async () => {
    const one = issuer("https://one.example", "", true);
    const two = issuer("https://two.example", "", true);
    expect(await uid(one, "Alice")).toBe(await uid(two, "Alice"));
    expect(await uid(one, "Alice")).toBe(`x-${await createHash("Alice")}`);
  });

  it("is never that of CometChat's own user, also with a prefix", async () => {
    expect(await uidOf(ONE, "app_system")).toMatchObject({ error: { reason: "subject-reserved" } });
    expect(await uidOf(issuer("https://two.example", "app_"), "system")).toMatchObject({
      error: { reason: "subject-reserved" },
    });
    // With another prefix it is another user.
    expect(await uid(issuer("https://two.example", "b_"), "app_system")).toBe("b_app_system");
  });

  it("does not exist for a subject without a UTF-8 encoding, since two such subjects would have the same hash", async () => {
    for (const subject of ["", "\ud800", "a\udfffb"]) {
      expect(await uidOf(ONE, subject)).toMatchObject({ error: { reason: "subject-form" } });
    }
  });
});

describe("of any subjects,", () => {
  const subject = fc.oneof(
    fc.string({ minLength: 1, unit: "grapheme" }),
    fc.stringMatching(/^[a-z0-9_-]{1,110}$/),
    fc.stringMatching(/^x-[a-z2-7]{52}$/),
    fc.constantFrom("x-", "x", "A", "a", "b_a", "b_x-a", "app_system "),
  );
  const issuers = [ONE, issuer("https://two.example", "")];

  it("each has a uid that CometChat stores as it is", async () => {
    await fc.assert(
      fc.asyncProperty(subject, fc.constantFrom("", "b_", "p".repeat(46)), async (text, prefix) => {
        const result = await uidOf(issuer("https://i.example", prefix), text);
        if (result.ok) expect(isUid(result.value)).toBe(true);
      }),
    );
  });

  it("two of one issuer never share a uid, also if one is the hash of the other", async () => {
    await fc.assert(
      fc.asyncProperty(subject, subject, async (a, b) => {
        fc.pre(a !== b);
        const [first, second] = await Promise.all([uidOf(ONE, a), uidOf(ONE, b)]);
        if (first.ok && second.ok) {
          expect(first.value).not.toBe(second.value);
          // A subject that equals the uid of another user does not get that uid.
          const impostor = await uidOf(ONE, first.value);
          if (impostor.ok && first.value !== a) expect(impostor.value).not.toBe(first.value);
        }
      }),
    );
  });

  it("two of two issuers with different prefixes never share a uid", async () => {
    const prefix = fc.stringMatching(/^[a-z0-9_-]{0,6}$/);
    await fc.assert(
      fc.asyncProperty(prefix, prefix, subject, subject, async (p, q, a, b) => {
        // The configuration requires this.
        fc.pre(!p.startsWith(q) && !q.startsWith(p));
        const [first, second] = await Promise.all([
          uidOf(issuer("https://one.example", p), a),
          uidOf(issuer("https://two.example", q), b),
        ]);
        if (first.ok && second.ok) expect(first.value).not.toBe(second.value);
      }),
    );
  });

  it("the same one of two issuers has two uids, unless the issuers share their users", async () => {
    const [first, second] = await Promise.all(issuers.map((from) => uid(from, "Alice")));
    expect(first).not.toBe(second);
  });
});
