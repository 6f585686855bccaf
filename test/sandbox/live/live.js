import { barOf, waterfallOf } from "./draw.js";
import { createTotals } from "./totals.js";

/** The most requests on the page. The oldest are removed. */
const SHOWN = 100;

const byId = (id) => document.getElementById(id);
const totals = createTotals();
let frame = 0;

/** Makes an element with attributes and children. */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });

function rowOf({ at, line }) {
  const { method, route, status, code, reason, remedy, total, calls, created, reused, app } = line;
  const outcome = reused ? "reused" : created ? "created" : code;
  const row = element("tr", { class: `answer ${kindOf(status)}` });
  const request = element("td", {}, element("code", {}, `${method} ${route}`));
  if (app) request.append(element("small", {}, app));
  const answer = element("td", {}, element("strong", {}, String(status)), element("span", {}, outcome));
  const why = [reason, remedy].filter((text) => text && text !== code).join(": ");
  if (why) answer.append(element("small", {}, why));
  row.append(
    element("td", { class: "time" }, clock.format(at)),
    request,
    answer,
    element("td", { class: "wide" }, waterfallOf(line)),
    element("td", { class: "number" }, String(total)),
    element("td", { class: "number" }, calls === undefined ? "" : String(calls)),
  );
  return row;
}

const kindOf = (status) => (status >= 500 ? "failed" : status >= 400 ? "refused" : "done");

function showTotals() {
  const { counters, codes, apps } = totals.read();
  byId("counters").replaceChildren(
    ...counters.map(([name, value, note]) =>
      element("div", {}, element("dt", {}, name), element("dd", {}, value, element("small", {}, note))),
    ),
  );
  const sum = codes.reduce((all, [, count]) => all + count, 0);
  byId("bar").replaceChildren(...barOf(codes, sum));
  byId("bar").setAttribute(
    "aria-label",
    codes.map(([code, count]) => `${code}: ${count}`).join(", ") || "No answers yet",
  );
  byId("legend").replaceChildren(
    ...codes.map(([code, count, kind]) =>
      element("li", { class: kind }, element("span", {}, code), element("b", {}, String(count))),
    ),
  );
  byId("apps").replaceChildren(
    ...apps.map(({ app, state, calls, failed }) =>
      element(
        "li",
        { class: state },
        element("b", {}, app),
        element("span", {}, state === "open" ? "Breaker open: no calls for a few seconds" : "Breaker closed"),
        element("small", {}, `${calls} calls, ${failed} failed requests`),
      ),
    ),
  );
}

function receive(entry) {
  totals.add(entry);
  if (entry.line.event === "request") {
    byId("empty").hidden = true;
    byId("table").hidden = false;
    byId("rows").prepend(rowOf(entry));
    while (byId("rows").children.length > SHOWN) byId("rows").lastElementChild.remove();
  }
  // The totals are drawn at most once per frame.
  cancelAnimationFrame(frame);
  frame = requestAnimationFrame(showTotals);
}
const source = new EventSource("/live/lines");
source.onopen = () => {
  totals.clear();
  byId("rows").replaceChildren();
  byId("connection").textContent = "Connected";
  byId("connection").className = "connection on";
};
source.onerror = () => {
  byId("connection").textContent = "Not connected: trying again";
  byId("connection").className = "connection off";
};
source.onmessage = ({ data }) => receive(JSON.parse(data));
// The counts of the last minute change even if no line arrives.
setInterval(showTotals, 5_000);
showTotals();
