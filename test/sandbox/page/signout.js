import { at, make, show } from "./dom.js";
import { statusLine } from "./gateway.js";

/**
 * What an application does to end its tokens, `here` or `everywhere`; or what happens without it when the user signs
 * out at the identity `provider`. Each call, and how it was answered.
 */
export async function endTokens(way, { gateway, issuer, session, claims }) {
  if (way === "provider") {
    const response = await fetch(`${issuer}/logout`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ subject: claims.sub, sid: claims.sid }),
    });
    const { status } = await response.json();
    const ok = status === 200;
    return [
      { call: "POST /v1/backchannel-logout", by: "the provider to the gateway", verdict: statusLine(status), ok },
    ];
  }
  const path = way === "here" ? "/v1/token" : "/v1/tokens";
  const headers = { authorization: `Bearer ${session}` };
  const { ok, status } = await fetch(gateway + path, { method: "DELETE", headers });
  return [{ call: `DELETE ${path}`, by: "the page to the gateway", verdict: statusLine(status), ok }];
}

export function clearEnding() {
  at("ended").replaceChildren();
  show("trail", false);
}

/** The SDK was told that its token is gone, and has logged itself out. */
export function showEnded(steps, told, { uid, name }) {
  at("ended").replaceChildren(`${name} is signed out. The SDK was told `, code(told.code), " and logged itself out.");
  at("ended").className = "ended";
  const listener = { call: "LoginListener.logoutSuccess", by: "the SDK to the page", verdict: "fired", ok: true };
  trace([...steps, probe(uid, told), listener]);
}

export function showStillIn(steps, told, { uid, name }) {
  at("ended").textContent = told
    ? `The tokens were ended, but the SDK still has ${name} signed in.`
    : `Not signed out: ${steps.at(-1).verdict}.`;
  at("ended").className = "ended bad";
  trace(told ? [...steps, probe(uid, told)] : steps);
}

const code = (text) => make("code", {}, text);

const probe = (uid, told) => ({
  call: `CometChat.getUser("${uid}")`,
  by: "the SDK’s next call",
  verdict: told.code ? "rejected" : "resolved",
  ok: !told.code,
});

function trace(steps) {
  at("trail").replaceChildren(
    ...steps.map(({ call, by, verdict, ok }) =>
      make(
        "li",
        {},
        make("span", {}, code(call), make("small", {}, by)),
        make("span", { className: ok ? "pill" : "pill bad" }, verdict),
      ),
    ),
  );
  show("trail");
}
