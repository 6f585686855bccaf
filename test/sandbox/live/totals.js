const MINUTE_MS = 60_000;

/** Adds up the gateway's log lines. They are the only source of the counts. */
export function createTotals() {
  let requests = [];
  let codes = new Map();
  let apps = new Map();
  let tokens = { minted: 0, created: 0, reused: 0 };

  const appOf = (app) => {
    if (!apps.has(app)) apps.set(app, { app, state: "closed", calls: 0, failed: 0 });
    return apps.get(app);
  };

  return {
    clear() {
      requests = [];
      codes = new Map();
      apps = new Map();
      tokens = { minted: 0, created: 0, reused: 0 };
    },
    add({ at, line }) {
      if (line.event === "cometchat-breaker") appOf(line.app).state = line.state;
      if (line.event !== "request") return;
      const { status, code, total, calls = 0, app, route } = line;
      requests.push({ at, total });
      const kind = status >= 500 ? "failed" : status >= 400 ? "refused" : "done";
      const [, count = 0] = codes.get(code) ?? [];
      codes.set(code, [code, count + 1, kind]);
      if (app) {
        const known = appOf(app);
        known.calls += calls;
        if (status >= 500) known.failed += 1;
      }
      if (route !== "/v1/token" || (status !== 200 && status !== 201)) return;
      if (line.reused) tokens.reused += 1;
      else tokens.minted += 1;
      if (line.created) tokens.created += 1;
    },
    read(now = Date.now()) {
      requests = requests.filter(({ at }) => at > now - MINUTE_MS);
      const times = requests.map(({ total }) => total).toSorted((a, b) => a - b);
      const median = times[Math.floor(times.length / 2)];
      const given = tokens.minted + tokens.reused;
      const share = given === 0 ? "" : `${Math.round((tokens.reused / given) * 100)} % of tokens`;
      return {
        counters: [
          ["Requests", String(requests.length), "in the last minute"],
          ["Median", median === undefined ? "–" : `${median} ms`, "in the last minute"],
          ["Tokens", String(given), `${tokens.created} for a new user`],
          ["Calls saved", String(tokens.reused), share || "by reused tokens"],
        ],
        codes: [...codes.values()].toSorted(([, a], [, b]) => b - a),
        apps: [...apps.values()],
      };
    },
  };
}
