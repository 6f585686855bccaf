import { at, make } from "./dom.js";

/** What can be switched on. Each fits the simulator's `POST /_sim/faults`; all of them strike the gateway's calls alone. */
const known = [
  { title: "Slow", note: "1.5 s before each answer", effect: { kind: "delay", ms: 1500 } },
  {
    title: "Flaky",
    note: "every third call answers 500",
    effect: { kind: "error", status: 500, code: "ERR_OPERATION_FAILED" },
    probability: 1 / 3,
  },
  { title: "Hangs", note: "never answers", effect: { kind: "hang" } },
  { title: "Resets", note: "cuts the connection", effect: { kind: "reset" } },
  { title: "Loses answers", note: "does it, then cuts the connection", effect: { kind: "drop" } },
  {
    title: "Rate limit",
    note: "429, retry after 15 s",
    effect: { kind: "error", status: 429, code: "ERR_TOO_MANY_REQUESTS", headers: { "retry-after": "15" } },
  },
  {
    title: "Plan exhausted",
    note: "402 to every call",
    effect: { kind: "error", status: 402, code: "ERR_PLAN_QUOTA_RESTRICTION" },
  },
  { title: "API key deleted", note: "as if ours were unknown", effect: { kind: "wrongKey" } },
];

/** The two calls that a sign-in may make. The browser's own calls stay as they are. */
const STRUCK = ["create", "mint"];

export function drawFaults(simulator, after) {
  at("faults").replaceChildren(
    ...known.map(({ title, note, ...fault }) => {
      const toggle = make("input", { type: "checkbox", role: "switch" });
      toggle.addEventListener("change", async () => {
        await (toggle.checked ? switchOn(simulator, toggle, fault) : switchOff(simulator, toggle));
        await after();
      });
      return make("label", { className: "fault" }, toggle, make("span", {}, title, make("small", {}, note)));
    }),
  );
}

/** The simulator tells which of them are in force: another window, or `curl`, may have ended one. */
export function tellFaults(inForce) {
  const ids = new Set(inForce.map(({ id }) => id));
  for (const toggle of document.querySelectorAll("#faults input")) {
    const held = (toggle.dataset.ids ?? "").split(" ").filter((id) => ids.has(id));
    toggle.dataset.ids = held.join(" ");
    toggle.checked = held.length > 0;
  }
}

async function switchOn(simulator, toggle, fault) {
  const ids = await Promise.all(
    STRUCK.map(async (match) => {
      const response = await fetch(`${simulator}/_sim/faults`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ ...fault, match }),
      });
      return (await response.json()).id;
    }),
  );
  toggle.dataset.ids = ids.join(" ");
}

async function switchOff(simulator, toggle) {
  const ids = (toggle.dataset.ids ?? "").split(" ").filter(Boolean);
  await Promise.all(ids.map((id) => fetch(`${simulator}/_sim/faults/${id}`, { method: "DELETE" })));
  toggle.dataset.ids = "";
}
