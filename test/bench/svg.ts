/** Draws the pictures of the documentation. They work on light and dark pages, and contain no font and no script. */

const STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #1f2328 }
  .quiet { fill: #59636e } .grid { stroke: #d1d9e0 } .limit { stroke: #cf222e; stroke-dasharray: 4 4 } .alarm { fill: #cf222e }
  .a { fill: #8c959f } .b { fill: #0969da } .c { fill: #1a7f37 } .a-line { stroke: #8c959f } .b-line { stroke: #0969da } .c-line { stroke: #1a7f37 }
  path { fill: none; stroke-width: 2 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .quiet { fill: #9198a1 } .grid { stroke: #3d444d } .limit { stroke: #f85149 } .alarm { fill: #f85149 }
    .a { fill: #7d8590 } .b { fill: #4493f8 } .c { fill: #3fb950 } .a-line { stroke: #7d8590 } .b-line { stroke: #4493f8 } .c-line { stroke: #3fb950 }
  }`;

const CLASSES = ["a", "b", "c"] as const;

function picture(width: number, height: number, title: string, parts: readonly string[]): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>${title}</title>
<style>${STYLE}
</style>
${parts.join("\n")}
</svg>
`;
}

const text = (x: number, y: number, words: string, more = "") =>
  `<text x="${fix(x)}" y="${fix(y)}"${more}>${words}</text>`;
const fix = (value: number) => Number(value.toFixed(1));

function legend(names: readonly string[], classes: readonly string[], x: number, y: number): string[] {
  let at = x;
  return names.flatMap((name, index) => {
    const parts = [
      `<rect class="${classes[index]}" x="${fix(at)}" y="${y - 9}" width="10" height="10"/>`,
      text(at + 15, y, name),
    ];
    at += 35 + name.length * 6.3;
    return parts;
  });
}

export interface Bar {
  readonly p50: number;
  readonly p99: number;
}

/** A bar chart. A bar ends at the median, and a line goes on to the 99th percentile. */
export function bars(
  title: string,
  names: readonly string[],
  rows: readonly { name: string; bars: readonly Bar[] }[],
): string {
  const left = 100;
  const width = 720;
  const top = 44;
  const rowHeight = 12 * names.length + 12;
  const height = top + rows.length * rowHeight + 26;
  const most = Math.max(...rows.flatMap((row) => row.bars.map(({ p99 }) => p99)));
  const step = most > 1500 ? 500 : 200;
  const x = (ms: number) => left + (ms / most) * (width - left - 30);
  const parts = legend(names, CLASSES, left, 18);
  for (let ms = 0; ms <= most; ms += step) {
    parts.push(`<line class="grid" x1="${fix(x(ms))}" x2="${fix(x(ms))}" y1="${top - 8}" y2="${height - 22}"/>`);
    parts.push(text(x(ms), height - 6, `${ms} ms`, ' class="quiet" text-anchor="middle"'));
  }
  rows.forEach((row, index) => {
    const y = top + index * rowHeight;
    parts.push(text(left - 8, y + rowHeight / 2, row.name, ' text-anchor="end"'));
    row.bars.forEach(({ p50, p99 }, bar) => {
      const at = y + bar * 12;
      parts.push(
        `<rect class="${CLASSES[bar]}" x="${left}" y="${at}" width="${fix(x(p50) - left)}" height="9"/>`,
        `<line class="${CLASSES[bar]}-line" x1="${fix(x(p50))}" x2="${fix(x(p99))}" y1="${at + 4.5}" y2="${at + 4.5}"/>`,
      );
    });
  });
  return picture(width, height, title, parts);
}

export interface Curve {
  readonly name: string;
  readonly points: readonly (readonly [number, number])[];
}

/** Curves on two logarithmic scales, and a limit. */
export function curves(
  title: string,
  lines: readonly Curve[],
  limit: { value: number; name: string },
  axis: string,
): string {
  const [left, right, top, bottom] = [80, 670, 60, 310];
  // The colours that the same variants have among the bars.
  const classes = CLASSES.slice(-lines.length);
  const xs = lines.flatMap(({ points }) => points.map(([x]) => x));
  const ys = lines.flatMap(({ points }) => points.map(([, y]) => y));
  const scale = (values: readonly number[], from: number, to: number) => {
    const low = Math.floor(Math.log10(Math.min(...values)));
    const high = Math.ceil(Math.log10(Math.max(...values)));
    const place = (value: number) => from + ((Math.log10(value) - low) / (high - low)) * (to - from);
    return { place, ticks: Array.from({ length: high - low + 1 }, (_, index) => 10 ** (low + index)) };
  };
  const across = scale(xs, left, right);
  const up = scale(ys, bottom, top);
  const parts = legend(
    lines.map(({ name }) => name),
    classes,
    left,
    18,
  );
  parts.push(text(left, 44, title, ' class="quiet"'));
  for (const tick of up.ticks) {
    const y = fix(up.place(tick));
    parts.push(`<line class="grid" x1="${left}" x2="${right}" y1="${y}" y2="${y}"/>`);
    parts.push(text(left - 8, y + 4, tick.toLocaleString("en"), ' class="quiet" text-anchor="end"'));
  }
  for (const tick of across.ticks) {
    parts.push(text(across.place(tick), bottom + 18, tick.toLocaleString("en"), ' class="quiet" text-anchor="middle"'));
  }
  parts.push(text((left + right) / 2, bottom + 36, axis, ' class="quiet" text-anchor="middle"'));
  const at = fix(up.place(limit.value));
  parts.push(`<line class="limit" x1="${left}" x2="${right}" y1="${at}" y2="${at}"/>`);
  parts.push(text(left + 6, at - 5, limit.name, ' class="alarm"'));
  lines.forEach(({ points }, index) => {
    const path = points.map(([x, y]) => `${fix(across.place(x))} ${fix(up.place(y))}`).join(" L");
    parts.push(`<path class="${classes[index]}-line" d="M${path}"/>`);
  });
  return picture(720, bottom + 46, title, parts);
}

export interface Rank {
  readonly name: string;
  /** Whether it is one that the others are measured against. */
  readonly bare: boolean;
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** One bar for each, to the median, with a line over the middle half. */
export function ranking(title: string, rows: readonly Rank[]): string {
  const [left, width, top] = [330, 720, 34];
  const height = top + rows.length * 20 + 26;
  const most = Math.max(...rows.map(({ high }) => high));
  const x = (value: number) => left + (value / most) * (width - left - 60);
  const parts = [text(left, 18, title, ' class="quiet"')];
  rows.forEach(({ name, bare, median, low, high }, index) => {
    const y = top + index * 20;
    const colour = bare ? "a" : "b";
    parts.push(
      text(left - 8, y + 10, name.replaceAll("`", ""), ' text-anchor="end"'),
      `<rect class="${colour}" x="${left}" y="${y}" width="${fix(x(median) - left)}" height="13"/>`,
      `<line class="c-line" x1="${fix(x(low))}" x2="${fix(x(high))}" y1="${y + 6.5}" y2="${y + 6.5}"/>`,
      text(x(high) + 6, y + 10, Math.round(median).toLocaleString("en")),
    );
  });
  return picture(width, height, title, parts);
}
