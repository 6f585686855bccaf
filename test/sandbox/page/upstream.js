import { at, make, shorten, show } from "./dom.js";

const SHOWN = 6;

/** CometChat's view: its last calls and its users, as the simulator tells them. */
export async function watch(simulator) {
  const response = await fetch(`${simulator}/_sim/state`);
  const state = await response.json();
  drawCalls(state.journal);
  drawUsers(state.users);
  return state;
}

/** Again after everything that may have changed it, and every two seconds while somebody looks. */
export function keepWatching(look) {
  setInterval(() => {
    if (document.visibilityState === "visible") look().catch(() => {});
  }, 2000);
  document.addEventListener("visibilitychange", () => look().catch(() => {}));
}

function drawCalls(journal) {
  const calls = journal.filter(({ call }) => call !== "preflight").slice(-SHOWN);
  show("calls-empty", calls.length === 0);
  at("calls").replaceChildren(
    ...calls
      .reverse()
      .map((entry) =>
        make(
          "li",
          {},
          make("code", {}, `${entry.method} ${legible(entry.path)}`),
          outcome(entry),
          make("span", { className: "from" }, entry.surface === "client" ? "from the browser" : "from the gateway"),
          make("span", { className: "when" }, new Date(entry.at).toLocaleTimeString([], { hour12: false })),
        ),
      ),
  );
}

/** Without the version, and with nothing long in full: CometChat's paths may hold a token. */
function legible(path) {
  return path
    .replace(/^\/v3(\.0)?/, "")
    .split("/")
    .map(shorten)
    .join("/");
}

function outcome({ outcome, status }) {
  const text = status ?? outcome ?? "…";
  return make("span", { className: status && status < 400 ? "outcome" : "outcome bad" }, String(text));
}

function drawUsers(users) {
  const rows = users.map(({ uid, name, tokens, deactivatedAt }) =>
    make(
      "tr",
      {},
      make(
        "td",
        {},
        make("strong", {}, name),
        make("code", { title: uid }, shorten(uid)),
        deactivatedAt ? " deactivated" : "",
      ),
      make("td", {}, String(tokens)),
    ),
  );
  const none = make("tr", {}, make("td", { colSpan: 2, className: "empty" }, "None yet."));
  at("users").replaceChildren(...(rows.length > 0 ? rows : [none]));
}
