import { type Answer, errorBody, refuse } from "./answers.ts";
import type { CallName } from "./calls.ts";
import type { Switches } from "./options.ts";

type Class = "core" | "standard" | "import";

const defaults = { core: 10_000, standard: 20_000, import: 60 };

/**
 * The class of each call whose class is not standard. Creation and deletion of users, and logins, are core (CometChat
 * docs, rest-api/rate-limits). The docs do not name the class of a mint. It is core here, because the SDK's login by
 * API key is a mint.
 */
const classes: Partial<Record<CallName, Class>> = {
  create: "core",
  deactivate: "core",
  mint: "core",
  login: "core",
  import: "import",
};

export interface Rates {
  /** Counts a call. Returns an answer if there were too many; then the call is not done (documented). */
  count: (name: CallName) => Answer | undefined;
  /** The rate limit headers, which every answer has. */
  headers: (name: CallName) => Record<string, string>;
  clear: () => void;
}

/** Rate limits. The counts start at 0 again with each minute of the clock. */
export function rates(now: () => number, switches: Switches): Rates {
  const used: Record<Class, { minute: number; calls: number }> = {
    core: { minute: 0, calls: 0 },
    standard: { minute: 0, calls: 0 },
    import: { minute: 0, calls: 0 },
  };

  function current(name: CallName) {
    const kind = classes[name] ?? "standard";
    const minute = Math.floor(now() / 60_000);
    const window = used[kind];
    if (window.minute !== minute) Object.assign(window, { minute, calls: 0 });
    return { kind, window, limit: switches.rateLimits?.[kind] ?? defaults[kind], reset: (minute + 1) * 60 };
  }

  return {
    count: (name) => {
      const { kind, window, limit, reset } = current(name);
      if (window.calls < limit) {
        window.calls += 1;
        return undefined;
      }
      const wait = Math.max(1, Math.ceil(reset - now() / 1000));
      const answer = refuse("ERR_TOO_MANY_REQUESTS");
      const older = switches.rateHeaders === "X-RateLimit-*" ? {} : { "X-Rate-Limit-Reset": String(reset) };
      const headers = { "Retry-After": String(wait), ...older };
      if (kind !== "import") return { ...answer, headers };
      const text = `Too many requests for data import API. ${limit} per minute is the maximum request allowed. Please retry for seconds after ${wait}.`;
      return { ...answer, json: errorBody("ERR_TOO_MANY_REQUESTS", text), headers };
    },
    headers: (name) => {
      const { window, limit, reset } = current(name);
      const remaining = String(limit - Math.min(limit, window.calls));
      const spelling = switches.rateHeaders ?? "both";
      return {
        ...(spelling !== "X-Rate-Limit-*" && {
          "X-RateLimit-Limit": String(limit),
          "X-RateLimit-Remaining": remaining,
          "X-RateLimit-Reset": String(reset),
        }),
        ...(spelling !== "X-RateLimit-*" && { "X-Rate-Limit": String(limit), "X-Rate-Limit-Remaining": remaining }),
      };
    },
    clear: () => {
      for (const window of Object.values(used)) window.calls = 0;
    },
  };
}
