import { logIn, logOut, showFailure, showSignedOut, showUser } from "./chat.js";
import { announce, at, mark, show } from "./dom.js";
import { drawFaults, tellFaults } from "./faults.js";
import { requestToken, showAnswer } from "./gateway.js";
import { requestSession, showSession } from "./session.js";
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

/** One sign-in: session, auth token, login. Each step says what came of it, and the next waits for it. */
async function signIn() {
  for (const part of ["session", "gateway", "sdk"]) show(part, false);
  for (const step of ["gateway", "sdk"]) mark(step, "waiting");

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
    mark("sdk", "done");
    at("step-sdk").scrollIntoView({ block: "nearest" });
    announce(`Signed in as ${user.getName()}`);
  } catch (error) {
    showFailure(error);
    mark("sdk", "failed");
    announce(`The SDK refused the token: ${error.code}`);
  }
}

/** One thing at a time; the button says so, and keeps the focus. */
async function busy(button, work) {
  if (button.ariaDisabled === "true") return;
  button.ariaDisabled = "true";
  try {
    await work();
  } catch (error) {
    const step = document.querySelector('[data-state="busy"]')?.id.replace("step-", "") ?? "sdk";
    mark(step, "failed", `No answer: ${error.message}`);
    announce(`No answer: ${error.message}`);
  } finally {
    button.ariaDisabled = "false";
    await look().catch(() => {});
  }
}

at("who").addEventListener("submit", (event) => {
  event.preventDefault();
  busy(at("sign-in"), signIn);
});

at("sign-out-here").addEventListener("click", (event) => {
  busy(event.currentTarget, async () => {
    await logOut();
    showSignedOut();
    mark("sdk", "waiting");
    announce("Signed out");
    at("sign-in").focus();
  });
});
