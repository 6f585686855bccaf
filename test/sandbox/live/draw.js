const SVG = "http://www.w3.org/2000/svg";

/** Milliseconds that fill the width; longer requests are drawn to the end. */
const WIDTHS = [50, 100, 250, 500, 1_000, 2_500, 8_000];

function part(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}

/**
 * The stages of a request as a waterfall. The line has durations only: the session comes first, the directory is read
 * after it, and CometChat's answer ends the request, so it is drawn from the right.
 */
export function waterfallOf({ total, session = 0, directory = 0, cometchat = 0 }) {
  const width = WIDTHS.find((ms) => total <= ms) ?? WIDTHS.at(-1);
  const x = (ms) => (Math.min(ms, width) / width) * 100;
  const picture = part("svg", { class: "waterfall", viewBox: "0 0 100 14", preserveAspectRatio: "none", role: "img" });
  picture.setAttribute("aria-label", `${total} ms: session ${session}, directory ${directory}, CometChat ${cometchat}`);
  const lanes = [
    ["rest", 0, total, 6],
    ["session", 0, session, 1],
    ["directory", session, directory, 5],
    ["cometchat", Math.max(session, total - cometchat), cometchat, 9],
  ];
  for (const [stage, from, ms, y] of lanes) {
    if (ms <= 0) continue;
    const height = stage === "rest" ? 2 : 4;
    picture.append(part("rect", { class: stage, x: x(from), y, width: Math.max(0.8, x(ms)), height, rx: 0.6 }));
  }
  return picture;
}

/** One bar whose parts are the answers by code, the most frequent first. */
export function barOf(codes, sum) {
  return codes.map(([code, count, kind]) => {
    const piece = document.createElement("span");
    piece.className = kind;
    piece.style.flexGrow = String(count / sum);
    piece.title = `${code}: ${count}`;
    return piece;
  });
}
