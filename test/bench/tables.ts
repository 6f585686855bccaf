/** A Markdown table: the first column to the left, numbers to the right. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, index) => (index === 0 ? "---" : "---:"))), ...rows.map(line)].join("\n");
}

/** Thousands separated; at most so many digits after the point. */
export const number = (value: number, digits = 0): string =>
  value.toLocaleString("en", { maximumFractionDigits: digits });

/** To two significant digits: more would claim to know more than the estimates do. */
export function about(value: number): string {
  if (!Number.isFinite(value)) return "never";
  return Number(value.toPrecision(2)).toLocaleString("en", { maximumFractionDigits: 2 });
}
