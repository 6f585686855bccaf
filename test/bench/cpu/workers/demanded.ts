/** This Worker makes the calls that any implementation of a sign-in has to make, and does nothing else. */
export interface Env {
  RATE_LIMIT_IP: RateLimit;
  RATE_LIMIT_USER: RateLimit;
  METRICS: AnalyticsEngineDataset;
  COMETCHAT: string;
  COMETCHAT_API_KEY: string;
}

/** Finds the user: checks the rate limits by address and by user, and hashes the session. */
export async function callerOf(request: Request, env: Env): Promise<string> {
  const { headers } = request;
  await env.RATE_LIMIT_IP.limit({ key: headers.get("CF-Connecting-IP") ?? "unknown" });
  await crypto.subtle.digest("SHA-256", new TextEncoder().encode(headers.get("authorization") ?? ""));
  const uid = headers.get("x-user") ?? "alice";
  await env.RATE_LIMIT_USER.limit({ key: uid });
  return uid;
}

/** Makes the answer. It has the headers, the log line and the data point of every answer of the gateway. */
export function answer(status: number, uid: string, authToken: string, env: Env): Response {
  const requestId = crypto.randomUUID();
  const line = {
    event: "request",
    requestId,
    route: "/v1/token",
    status,
    code: "ok",
    app: "main",
    region: "us",
    total: 0,
  };
  console.log(JSON.stringify(line));
  env.METRICS.writeDataPoint({
    indexes: [line.route],
    blobs: [line.code, line.app, line.region],
    doubles: [status, 0],
  });
  return new Response(JSON.stringify({ authToken, uid, appId: "2753000000000000", region: "us", created: false }), {
    status,
    headers: {
      "Content-Type": "application/json",
      "Cache-Control": "no-store",
      Vary: "Origin, Authorization, Cookie",
      "Server-Timing": "session;dur=0, directory;dur=0, cometchat;dur=0, total;dur=0",
      "X-Request-Id": requestId,
    },
  });
}

/** A token from CometChat. The call has a time limit, and its answer is read. */
export default {
  async fetch(request, env) {
    const uid = await callerOf(request, env);
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), 4_000);
    const minted = await fetch(`${env.COMETCHAT}/users/${uid}/auth_tokens`, {
      method: "POST",
      headers: { apikey: env.COMETCHAT_API_KEY, "content-type": "application/json" },
      body: '{"force":true}',
      signal: stop.signal,
    });
    const { data } = (await minted.json()) as { data: { authToken: string } };
    clearTimeout(timer);
    return answer(201, uid, data.authToken, env);
  },
} satisfies ExportedHandler<Env>;
