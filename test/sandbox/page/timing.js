import { make } from "./dom.js";

/** `Server-Timing`, as the gateway sends it: `session;dur=1.2, directory;dur=0.8`. Milliseconds by stage. */
function parseTiming(header) {
  const stages = header.split(",").map((metric) => {
    const [name, ...parameters] = metric.split(";").map((part) => part.trim());
    const duration = parameters.find((parameter) => parameter.startsWith("dur="));
    return [name, Number(duration?.slice("dur=".length) ?? Number.NaN)];
  });
  return Object.fromEntries(stages.filter(([name, ms]) => name && Number.isFinite(ms)));
}

/** As precise as it was told, and no more: a Worker's clock stands still while it computes. */
const milliseconds = (ms) =>
  ms === 0 ? "< 1 ms" : `${Number.isInteger(ms) || ms >= 10 ? Math.round(ms) : ms.toFixed(1)} ms`;

/** The stages one below the other, each where the one before ended. */
export function drawTiming(figure, header) {
  const { total, ...stages } = parseTiming(header);
  const sum = Object.values(stages).reduce((a, b) => a + b, 0);
  const whole = Math.max(total ?? sum, sum, 0.1);
  let start = 0;
  // What no stage claims: configuration, limits, the way in and out.
  const rest = whole - sum;
  if (rest >= 1) stages.other = rest;
  const rows = Object.entries(stages).map(([stage, ms]) => {
    const bar = make("span", {
      className: "bar",
      style: { marginLeft: `min(${(100 * start) / whole}%, calc(100% - 3px))`, width: `${(100 * ms) / whole}%` },
    });
    start += ms;
    return make(
      "div",
      { className: "stage", dataset: { stage } },
      make("span", {}, stage),
      make("span", { className: "track" }, bar),
      make("span", { className: "ms" }, milliseconds(ms)),
    );
  });
  const caption = make("figcaption", {}, "Where the time went", make("strong", {}, milliseconds(whole)));
  figure.replaceChildren(caption, ...rows);
}
