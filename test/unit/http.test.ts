import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createOrigins } from "../../src/admission/origin.ts";
import { addressKey } from "../../src/admission/ratelimit.ts";
import { requestIdOf } from "../../src/http/requestid.ts";

describe("the list of allowed origins", () => {
  const allowed = createOrigins(["https://app.example.com", "https://*.preview.example.com", "capacitor://localhost"]);

  it.each([
    "https://app.example.com",
    "https://a.preview.example.com",
    "https://pr-17.preview.example.com",
    "capacitor://localhost",
  ])("allows %s", (origin) => {
    expect(allowed(origin)).toBe(true);
  });

  it.each([
    "null",
    "",
    "https://app.example.com.evil",
    "https://evil-app.example.com",
    "http://app.example.com",
    "https://app.example.com:8443",
    "https://app.example.com/",
    "https://App.example.com",
    "HTTPS://app.example.com",
    "https://preview.example.com",
    "https://.preview.example.com",
    "https://a.b.preview.example.com",
    "https://evil.com#.preview.example.com",
    "https://evil.com/.preview.example.com",
    "https://evil.com?.preview.example.com",
    "https://user@.preview.example.com",
    "https://xpreview.example.com",
    "https://-.preview.example.com",
    "https://*.preview.example.com",
    "https://a.preview.example.com.evil",
    "http://a.preview.example.com",
    "https://a.preview.example.com:444",
    "capacitor://localhost:1",
  ])("does not allow %s", (origin) => {
    expect(allowed(origin)).toBe(false);
  });

  it("allows by a wildcard exactly the hosts with one more label, of letters, digits and hyphens inside", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-zA-Z0-9.#/?:@_-]{0,12}$/), (text) => {
        const url = `https://${text}preview.example.com`;
        fc.pre(URL.canParse(url));
        const { hostname, origin } = new URL(url);
        const expected = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?\.preview\.example\.com$/.test(hostname);
        expect(allowed(origin)).toBe(expected);
      }),
    );
  });
});

describe("the key of the rate limit by address", () => {
  it.each([
    ["192.0.2.1", "192.0.2.1"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
    ["2001:db8:1:2::9", "2001:db8:1:2"],
    ["2001:0DB8:0001:0002:ffff::", "2001:db8:1:2"],
    ["2001:db8::1", "2001:db8:0:0"],
    ["::1", "0:0:0:0"],
    ["::", "0:0:0:0"],
  ])("for %s is %s", (address, key) => {
    expect(addressKey(new Headers({ "CF-Connecting-IP": address }))).toBe(key);
  });

  it("is the same for all IPv6 addresses of one /64, in every notation", () => {
    const group = fc.integer({ min: 0, max: 0xffff });
    fc.assert(
      fc.property(fc.tuple(group, group, group, group), fc.tuple(group, group, group, group), (network, host) => {
        const long = [...network, ...host].map((part) => part.toString(16).padStart(4, "0")).join(":");
        // The URL parser returns the canonical short form (RFC 5952).
        const short = new URL(`http://[${long}]/`).hostname.slice(1, -1);
        const key = network.map((part) => part.toString(16)).join(":");
        for (const address of [long, short]) expect(addressKey(new Headers({ "CF-Connecting-IP": address }))).toBe(key);
      }),
    );
  });

  it("is never empty", () => {
    expect(addressKey(new Headers())).toBe("unknown");
    expect(addressKey(new Headers({ "CF-Connecting-IP": " " }))).toBe("unknown");
    // A caller cannot choose it with another header.
    expect(addressKey(new Headers({ "X-Forwarded-For": "192.0.2.1" }))).toBe("unknown");
  });
});

describe("a request id", () => {
  it.each(["0123abcd", "a_b-c_d-e_f", "x".repeat(64)])(
    "of the caller is used if it is 8 to 64 plain characters: %s",
    (id) => {
      expect(requestIdOf(new Headers({ "X-Request-Id": id }))).toBe(id);
    },
  );

  it.each([
    "short",
    "x".repeat(65),
    "x".repeat(10_240),
    "<script>alert(1)</script>",
    "a b c d e f",
    "ümlaut-ümlaut",
    "",
  ])("of the caller is replaced otherwise: %s", (id) => {
    const made = requestIdOf(new Headers({ "X-Request-Id": id }));
    expect(made).toMatch(/^[0-9a-f]{8}-[0-9a-f-]{27}$/);
  });
});
