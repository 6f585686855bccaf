import { at, make, shorten, show } from "./dom.js";

/** The identity provider's part: a session, of the kind that was asked for. */
export async function requestSession(issuer, who) {
  const response = await fetch(`${issuer}/sessions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(who),
  });
  if (!response.ok) throw new Error(`The identity provider answers ${response.status}`);
  return response.json();
}

/** The session in its three parts, and its claims. */
export function showSession({ session, claims }) {
  const parts = session.split(".").map((part, index) => make("span", { className: `part-${index}` }, shorten(part)));
  at("session-token").replaceChildren(...parts.flatMap((part, index) => (index ? [".", part] : [part])));
  at("claims").replaceChildren(
    ...order(claims).flatMap(([name, value]) => [
      make("dt", { className: place(name) }, name),
      make("dd", { className: place(name) }, ...reading(name, value)),
    ]),
  );
  show("session");
}

const passing = ["iat", "exp", "sid", "jti"];

/** Who and for whom first; then what only this session has, which stands beside it where there is room. */
function order(claims) {
  const known = ["sub", "name", "aud", "iss", ...passing].filter((name) => name in claims);
  return [...known, ...Object.keys(claims).filter((name) => !known.includes(name))].map((name) => [name, claims[name]]);
}

const place = (name) => (passing.includes(name) ? "beside" : name === "picture" ? "wide" : "");

function reading(name, value) {
  if (["exp", "iat", "nbf"].includes(name)) {
    const time = new Date(value * 1000);
    const clock = make("time", { dateTime: time.toISOString() }, time.toLocaleTimeString([], { hour12: false }));
    return name === "exp" && time < new Date() ? [clock, make("small", {}, "has passed")] : [clock];
  }
  return [name === "jti" || name === "sid" ? shorten(String(value)) : String(value)];
}
