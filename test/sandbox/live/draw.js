const SVG = "http://www.w3.org/2000/svg";

/** The scales in milliseconds. A request is drawn on the first that it fits. A longer one is cut off at the end. */
const WIDTHS = [50, 100, 250, 500, 1_000, 2_500, 8_000];

function part(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}

/**
 * Draws the stages of a request as a waterfall. The log has only their durations. The session comes first and the
 * directory second. CometChat comes last, so its bar ends where the request ends.
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

/** The parts of a bar, one for each code, as wide as its share of the answers. */
export function barOf(codes, sum) {
  return codes.map(([code, count, kind]) => {
    const piece = document.createElement("span");
    piece.className = kind;
    piece.style.flexGrow = String(count / sum);
    piece.title = `${code}: ${count}`;
    return piece;
  });
}
