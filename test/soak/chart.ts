import { type Outcome, quantile } from "./drive.ts";

const WIDTH = 760;
const HEIGHT = 340;
const LEFT = 56;
const RIGHT = 16;
const TOP = 88;
const BOTTOM = 44;
const BARS = 56;

/** Draws how long the answers took. Both axes are logarithmic, so that the few slow answers can be seen. */
export function chart(outcome: Outcome, facts: readonly string[]): string {
  const { good, bad } = outcome;
  const all = [...good, ...bad];
  const least = Math.max(1, Math.min(...all));
  const most = Math.max(...all) * 1.02;
  const span = Math.log(most / least);
  const x = (ms: number) => LEFT + ((WIDTH - LEFT - RIGHT) * Math.log(Math.max(ms, least) / least)) / span;
  const bins = (values: readonly number[]) => {
    const counts = new Array<number>(BARS).fill(0);
    for (const ms of values) {
      const bin = Math.min(BARS - 1, Math.floor((BARS * Math.log(Math.max(ms, least) / least)) / span));
      counts[bin] = (counts[bin] ?? 0) + 1;
    }
    return counts;
  };
  const [tokens, failures] = [bins(good), bins(bad)];
  const highest = Math.max(...tokens.map((count, bin) => count + (failures[bin] ?? 0)));
  const floor = HEIGHT - BOTTOM;
  // A single answer has a visible bar, though its logarithm is 0.
  const y = (count: number) =>
    count === 0 ? 0 : ((floor - TOP) * (Math.log10(count) + 0.3)) / (Math.log10(highest) + 0.3);
  const width = (WIDTH - LEFT - RIGHT) / BARS;

  const bars = tokens.map((count, bin) => {
    const failed = failures[bin] ?? 0;
    const whole = y(count + failed);
    const lower = failed === 0 ? 0 : y(failed);
    const at = LEFT + bin * width + 0.5;
    const bar = (kind: string, from: number, to: number) =>
      to > from
        ? `<rect class="${kind}" x="${n(at)}" y="${n(floor - to)}" width="${n(width - 1)}" height="${n(to - from)}"/>`
        : "";
    return bar("bad", 0, lower) + bar("good", lower, whole);
  });
  const decades = [1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000].filter((ms) => ms >= least && ms <= most);
  const counts = [1, 10, 100, 1_000, 10_000].filter((count) => count <= highest);
  const marks: [string, number][] = [
    ["p50", quantile(good, 0.5)],
    ["p99", quantile(good, 0.99)],
  ];

  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escaped(facts.join(". "))}">
<style>
text { font: 12px system-ui, sans-serif; fill: #57606a }
.title { font-size: 15px; font-weight: 600; fill: #1f2328 }
.good { fill: #1a7f64 } .bad { fill: #cf5a1c }
.grid { stroke: #8b949e; stroke-opacity: .25 } .mark { stroke: #57606a; stroke-dasharray: 3 3 }
.end { text-anchor: end } .mid { text-anchor: middle }
@media (prefers-color-scheme: dark) {
text { fill: #9198a1 } .title { fill: #f0f6fc } .good { fill: #3fb68b } .bad { fill: #f0883e } .mark { stroke: #9198a1 }
}
</style>
<text class="title" x="${LEFT}" y="22">${escaped(facts[0] ?? "")}</text>
${facts
  .slice(1)
  .map((fact, line) => `<text x="${LEFT}" y="${41 + line * 17}">${escaped(fact)}</text>`)
  .join("\n")}
${counts.map((count) => `<path class="grid" d="M${LEFT} ${n(floor - y(count))}H${WIDTH - RIGHT}"/><text class="end" x="${LEFT - 6}" y="${n(floor - y(count) + 4)}">${count.toLocaleString("en")}</text>`).join("\n")}
${bars.filter(Boolean).join("\n")}
${marks.map(([name, ms]) => `<path class="mark" d="M${n(x(ms))} ${TOP}V${floor}"/><text class="mid" x="${n(x(ms))}" y="${TOP - 4}">${name} ${duration(ms)}</text>`).join("\n")}
${decades.map((ms) => `<text class="mid" x="${n(x(ms))}" y="${floor + 16}">${duration(ms)}</text>`).join("\n")}
<rect class="good" x="${LEFT}" y="${HEIGHT - 14}" width="10" height="10"/><text x="${LEFT + 15}" y="${HEIGHT - 5}">token</text>
<rect class="bad" x="${LEFT + 70}" y="${HEIGHT - 14}" width="10" height="10"/><text x="${LEFT + 85}" y="${HEIGHT - 5}">503 or 504: the client asks again</text>
<text class="end" x="${WIDTH - RIGHT}" y="${HEIGHT - 5}">answers by how long they took, both axes logarithmic</text>
</svg>
`;
}

export const duration = (ms: number): string =>
  ms < 1_000 ? `${Math.round(ms)} ms` : `${Number((ms / 1_000).toFixed(1))} s`;

const n = (value: number): string => value.toFixed(1);

const escaped = (text: string): string => text.replace(/[<>&"]/g, (char) => `&#${char.charCodeAt(0)};`);
