/** A Markdown table. The first column is aligned to the left, the others to the right. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, index) => (index === 0 ? "---" : "---:"))), ...rows.map(line)].join("\n");
}

/** A number with separators for thousands, and at most so many digits after the point. */
export const number = (value: number, digits = 0): string =>
  value.toLocaleString("en", { maximumFractionDigits: digits });

/** A number with two significant digits, since the estimates are not more precise. */
export function about(value: number): string {
  if (!Number.isFinite(value)) return "never";
  return Number(value.toPrecision(2)).toLocaleString("en", { maximumFractionDigits: 2 });
}
