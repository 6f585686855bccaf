const LOOPBACK = new Set(["127.0.0.1", "localhost"]);

/**
 * What is wrong with an address that the gateway will call or trust; undefined if nothing is. It must be https, or
 * plain http on the loopback, which the sandbox uses.
 */
export function wrongUrl(value: string): string | undefined {
  let url: URL;
  try {
    url = new URL(value);
  } catch {
    return "must be a complete address, such as https://auth.example.com";
  }
  if (url.username !== "" || url.password !== "") return "must not contain a user name or a password";
  if (url.protocol === "http:" && LOOPBACK.has(url.hostname)) return undefined;
  if (url.protocol !== "https:") return "must begin with https:// (plain http only on 127.0.0.1 and localhost)";
  return undefined;
}

/** What is wrong with one entry of ALLOWED_ORIGINS, or undefined. */
export function wrongOrigin(value: string): string | undefined {
  if (value === "*" || value === "null") return "must be one origin: list each origin that may call";
  // The URL parser does not know the origins of native apps (capacitor://localhost), so they are compared exactly.
  if (!/^https?:/i.test(value)) {
    return /^[a-z][a-z0-9+.-]*:\/\/[a-z0-9.-]+(:\d+)?$/.test(value)
      ? undefined
      : "must be an origin, such as https://app.example.com";
  }
  const wildcard = /^(https?:\/\/)\*\.(.+)$/.exec(value);
  const concrete = wildcard ? `${wildcard[1]}${wildcard[2]}` : value;
  if (concrete.includes("*"))
    return "may contain one wildcard, in place of the whole first label: https://*.preview.example.com";
  let origin: string;
  try {
    origin = new URL(concrete).origin;
  } catch {
    return "must be an origin, such as https://app.example.com";
  }
  if (origin !== concrete) return "must be only an origin: lower case, no path, no slash at the end, no default port";
  if (wildcard && !new URL(concrete).hostname.includes(".") && !concrete.includes("localhost")) {
    return "must not allow a whole top-level domain";
  }
  return undefined;
}
