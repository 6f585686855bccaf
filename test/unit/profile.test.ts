import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fallbackName, profileHash, profileOf } from "../../src/identity/profile.ts";

const issuer = {
  profile: {
    name: "name",
    avatar: "picture",
    link: "profile",
    role: "https://app.example/role",
    tags: "groups",
    metadata: new Map([
      ["plan", "billing.plan"],
      ["seats", "billing.seats"],
    ]),
  },
  roles: new Map([
    ["admin", "moderator"],
    ["staff", "member"],
  ]),
};
const map = (claims: Record<string, unknown>) => profileOf(issuer, claims);

describe("the profile from a session's claims", () => {
  it("has each field from its claim, found by a dotted path or by a name with dots", () => {
    const { profile, dropped } = map({
      name: "Alice",
      picture: "https://cdn.example/a.png",
      profile: "https://example.com/alice",
      "https://app.example/role": "admin",
      groups: ["red", "blue", "red"],
      billing: { plan: "pro", seats: 5 },
    });
    expect(profile).toEqual({
      name: "Alice",
      avatar: "https://cdn.example/a.png",
      link: "https://example.com/alice",
      role: "moderator",
      tags: ["red", "blue"],
      metadata: { plan: "pro", seats: 5 },
    });
    expect(dropped).toEqual([]);
  });

  it("has nothing that is not mapped", () => {
    expect(map({ role: "moderator", metadata: { a: 1 }, tags: ["x"], avatar: "https://x.example/" }).profile).toEqual(
      {},
    );
  });

  it.each(["moderator", "constructor", "", ["guest"], { admin: true }, 1])("has no role for %o", (role) => {
    // A value that the table of roles does not list is no mistake, and is not reported.
    expect(map({ "https://app.example/role": role })).toEqual({ profile: {}, dropped: [] });
  });

  it("has the role of the first listed value", () => {
    expect(map({ "https://app.example/role": ["guest", "staff", "admin"] }).profile.role).toBe("member");
  });

  it("is never larger than CometChat accepts in one body", () => {
    const { profile, dropped } = map({
      name: "😀".repeat(100),
      picture: `https://cdn.example/${"a".repeat(2900)}`,
      profile: `https://example.com/${"b".repeat(2900)}`,
      groups: Array.from({ length: 25 }, (_, index) => `${index}`.padEnd(50, "😀")),
      billing: { plan: "c".repeat(1500) },
    });
    expect(new TextEncoder().encode(JSON.stringify(profile)).length).toBeLessThanOrEqual(9500);
    expect(profile.avatar).toBeDefined();
    expect(dropped).toContain("metadata");
  });

  it.each([
    ["a script as avatar", { picture: "javascript:alert(1)" }],
    ["data as avatar", { picture: "data:image/png;base64,AAAA" }],
    ["an avatar that is no address", { picture: "a.png" }],
    ["an avatar that is no text", { picture: { url: "https://cdn.example/a.png" } }],
    ["an avatar of more than 3000 characters", { picture: `https://cdn.example/${"a".repeat(3000)}` }],
    ["a name that is no text", { name: ["Alice"] }],
    ["a name of spaces", { name: " \t\n " }],
    ["tags that are no text", { groups: [1, null] }],
    ["metadata that is an object", { billing: { plan: { deep: true } } }],
    ["metadata over 1600 characters", { billing: { plan: "x".repeat(1601) } }],
  ])("is without a field that CometChat would refuse, and reports it: %s", (_, claims) => {
    const { profile, dropped } = map(claims);
    expect(profile).toEqual({});
    expect(dropped).toHaveLength(1);
  });

  it("has nothing from inherited properties", () => {
    expect(profileOf({ ...issuer, profile: { ...issuer.profile, name: "__proto__.name" } }, {}).profile).toEqual({});
    expect(profileOf({ ...issuer, profile: { ...issuer.profile, name: "constructor.name" } }, {}).profile).toEqual({});
  });

  it("has a name of at most 100 characters, which is not cut inside a character", () => {
    expect(map({ name: "a".repeat(101) }).profile.name).toBe("a".repeat(100));
    expect(map({ name: "é".repeat(100) }).profile.name).toBe("é".repeat(100));
    // 100 characters of two UTF-16 units each are within the limit.
    expect(map({ name: "😀".repeat(101) }).profile.name).toBe("😀".repeat(100));
    // A family is one character to its reader and seven code points to the database. 14 of them fit.
    const family = "👨‍👩‍👧‍👦";
    expect(map({ name: family.repeat(20) }).profile.name).toBe(family.repeat(14));
    // A single character that is longer than the limit is cut.
    expect([...(map({ name: `a${"́".repeat(300)}` }).profile.name ?? "")]).toHaveLength(100);
  });

  it("has at most 25 tags of at most 100 characters", () => {
    const tags = map({ groups: Array.from({ length: 40 }, (_, index) => `tag-${index}`) }).profile.tags;
    expect(tags).toHaveLength(25);
    expect(map({ groups: ["a".repeat(101), "ok"] }).profile.tags).toEqual(["ok"]);
  });

  it("is within CometChat's limits for any claims", () => {
    fc.assert(
      fc.property(
        fc.record({ name: fc.anything(), picture: fc.anything(), groups: fc.anything(), billing: fc.anything() }),
        (claims) => {
          const { profile } = map(claims);
          if (profile.name !== undefined) {
            expect([...profile.name].length).toBeLessThanOrEqual(100);
            expect(profile.name.trim()).not.toBe("");
            expect(profile.name.isWellFormed()).toBe(true);
          }
          expect(JSON.stringify(profile.metadata ?? {}).length).toBeLessThanOrEqual(1600);
          expect(JSON.stringify(profile).length).toBeLessThan(10_000);
        },
      ),
    );
  });

  it("can be made from a claim of a megabyte", () => {
    expect(map({ name: "𝒜".repeat(500_000) }).profile.name).toBe("𝒜".repeat(100));
  });
});

describe("the name of a user whose session has none", () => {
  it.each([
    [{ preferred_username: "ally" }, "alice", "ally"],
    [{ nickname: "Al" }, "alice", "Al"],
    [{ email: "alice@example.com" }, "alice", "alice"],
    [{}, "b_alice", "b_alice"],
    [{}, `x-${"abcdef".padEnd(52, "7")}`, "User abcdef"],
    [{}, `b_x-${"abcdef".padEnd(52, "7")}`, "User abcdef"],
  ])("with %o and the uid %s is %s", (claims, uid, name) => {
    expect(fallbackName(claims, uid)).toBe(name);
  });
});

describe("the digest of a profile", () => {
  it("changes with every field, but not with the order of metadata", async () => {
    const base = { name: "A", tags: ["x"], metadata: { a: 1, b: 2 } };
    const same = await profileHash({ name: "A", tags: ["x"], metadata: { b: 2, a: 1 } });
    expect(await profileHash(base)).toBe(same);
    const others = [
      { ...base, name: "B" },
      { ...base, avatar: "https://a.example/" },
      { ...base, link: "https://a.example/" },
      { ...base, role: "moderator" },
      { ...base, tags: ["y"] },
      { ...base, metadata: { a: 1, b: 3 } },
    ];
    const hashes = await Promise.all(others.map((profile) => profileHash(profile)));
    expect(new Set([...hashes, same]).size).toBe(others.length + 1);
  });
});
