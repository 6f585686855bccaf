import { logIn, nextCall, showFailure, showUser } from "./chat.js";
import { announce, at, mark, show } from "./dom.js";
import { drawFaults, tellFaults } from "./faults.js";
import { requestToken, showAnswer } from "./gateway.js";
import { requestSession, showSession } from "./session.js";
import { clearEnding, endTokens, showEnded, showStillIn } from "./signout.js";
import { keepWatching, watch } from "./upstream.js";
import { chosen, drawChoices } from "./who.js";
import { leadToSimulator, otherOrigin } from "./wire.js";

const simulator = otherOrigin();
if (new URLSearchParams(location.search).get("wire") !== "direct") leadToSimulator(simulator);

// The simulator forgets when it is started anew; a login that the SDK remembers from before would be of no use.
localStorage.clear();

const settings = await known();
at("place-gateway").textContent = new URL(settings.gateway).host;
at("place-provider").textContent = settings.issuer.replace(/^https?:\/\//, "");
at("place-cometchat").textContent = `${settings.appId} · ${settings.region}`;

const look = async () => tellFaults((await watch(simulator)).faults);
drawChoices();
drawFaults(simulator, look);
await look();
keepWatching(look);

/** The gateway's address, once it is there: this page is up before it. */
async function known() {
  for (;;) {
    const settings = await (await fetch("/settings.json")).json();
    if (settings.gateway) return settings;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** Session, claims, uid and name of whoever is signed in. */
let current;

/** One sign-in: session, auth token, login. Each step says what came of it, and the next waits for it. */
async function signIn() {
  for (const part of ["session", "gateway", "sdk"]) show(part, false);
  for (const step of ["gateway", "sdk"]) mark(step, "waiting");
  clearEnding();

  mark("session", "busy");
  const issued = await requestSession(`${simulator}/idp`, chosen(at("who"), simulator));
  showSession(issued);
  mark("session", "done");

  mark("gateway", "busy");
  const answer = await requestToken(settings.gateway, issued.session);
  showAnswer(answer);
  mark("gateway", answer.ok ? "done" : "failed");
  at("step-gateway").scrollIntoView({ block: "nearest" });
  if (!answer.ok) return announce(`Refused: ${answer.body.code}`);

  mark("sdk", "busy");
  try {
    const user = await logIn(answer.body);
    showUser(user);
    current = { ...issued, uid: user.getUid(), name: user.getName() };
    mark("sdk", "done");
    at("step-sdk").scrollIntoView({ block: "nearest" });
    announce(`Signed in as ${user.getName()}`);
  } catch (error) {
    showFailure(error);
    mark("sdk", "failed");
    announce(`The SDK refused the token: ${error.code}`);
  }
}

/** The tokens end first, and the SDK finds out at its next call. Whoever is still signed in sees why. */
async function signOut(way) {
  clearEnding();
  mark("sdk", "busy");
  const steps = await endTokens(way, { gateway: settings.gateway, issuer: `${simulator}/idp`, ...current });
  const told = steps.every(({ ok }) => ok) ? await nextCall(current.uid) : undefined;
  if (!told?.loggedOut) {
    showStillIn(steps, told, current);
    return mark("sdk", "failed");
  }
  for (const part of ["session", "gateway", "sdk"]) show(part, false);
  mark("session", "current");
  for (const step of ["gateway", "sdk"]) mark(step, "waiting");
  showEnded(steps, told, current);
  at("sign-in").focus({ preventScroll: true });
  at("step-sdk").scrollIntoView({ block: "nearest" });
}

let working = false;

/** One thing at a time; the button says so, and keeps the focus. */
async function busy(button, work) {
  if (working) return;
  working = true;
  button.ariaDisabled = "true";
  try {
    await work();
  } catch (error) {
    const step = document.querySelector('[data-state="busy"]')?.id.replace("step-", "") ?? "sdk";
    mark(step, "failed", `No answer: ${error.message}`);
    announce(`No answer: ${error.message}`);
  } finally {
    working = false;
    button.ariaDisabled = "false";
    await look().catch(() => {});
  }
}

at("who").addEventListener("submit", (event) => {
  event.preventDefault();
  busy(at("sign-in"), signIn);
});

at("sign-out").addEventListener("click", ({ target }) => {
  const button = target.closest("button");
  if (button) busy(button, () => signOut(button.dataset.way));
});
