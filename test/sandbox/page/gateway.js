import { at, describe, make, shorten, show } from "./dom.js";
import { drawTiming } from "./timing.js";

/** What an application does: the session goes in, an auth token comes back. */
export async function requestToken(gateway, session) {
  const response = await fetch(`${gateway}/v1/token`, {
    method: "POST",
    headers: { authorization: `Bearer ${session}` },
  });
  return {
    ok: response.ok,
    status: response.status,
    body: await response.json(),
    timing: response.headers.get("server-timing"),
    retryAfter: response.headers.get("retry-after"),
  };
}

const phrases = {
  200: "OK",
  201: "Created",
  204: "No Content",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  429: "Too Many Requests",
};
const phrase = (status) => phrases[status] ?? { 502: "Bad Gateway", 503: "Unavailable", 504: "Timeout" }[status] ?? "";
export const statusLine = (status) => `${status} ${phrase(status)}`.trim();

export function showAnswer({ ok, status, body, timing, retryAfter }) {
  const pill = at("status");
  pill.textContent = statusLine(status);
  pill.className = ok ? "pill" : "pill bad";
  at("known").textContent = body.created ? "new user" : "known user";
  show("known", ok);
  const rows = ok
    ? [
        ["Auth token", make("code", {}, shorten(body.authToken))],
        ["User", make("code", {}, body.uid)],
        ["App", make("code", {}, body.appId), ` in ${body.region}`],
        body.expiresAt && ["Expires", new Date(body.expiresAt).toLocaleString()],
      ]
    : [retryAfter && ["Retry after", `${retryAfter} s`]];
  describe(at("answer"), rows);
  show("answer", rows.some(Boolean));
  show("problem", !ok);
  if (!ok) showProblem(at("problem"), body);
  show("timing", Boolean(timing));
  if (timing) drawTiming(at("timing"), timing);
  show("gateway");
}

/** A JSON object, a member a line, its code the first thing that one sees. */
export function showProblem(place, problem) {
  place.replaceChildren(
    ...Object.entries(problem).flatMap(([key, value], index) => [
      ...(index ? ["\n"] : []),
      make("span", { className: "key" }, `${key}: `),
      make("span", { className: key === "code" ? "code" : "" }, String(value)),
    ]),
  );
}
