import { styleText } from "node:util";
import type { Check, Report, SessionReport } from "./report.ts";

type Style = Parameters<typeof styleText>[0];

/** Prints the report for a person: one line for each check, with its remedy below. */
export function print(report: Report, output: NodeJS.WritableStream): void {
  // `styleText` adds colours only if the terminal shows them, and respects NO_COLOR and FORCE_COLOR.
  const style = (how: Style, text: string) => styleText(how, text, { stream: output });
  const mark = ({ ok, remedy }: Check) =>
    ok ? (remedy === undefined ? style("green", "✓") : style("yellow", "!")) : style("red", "✗");
  const lines = report.checks.flatMap((check) => [
    `${mark(check)} ${style("bold", check.name)}  ${check.detail.replace(`${check.name} `, "")}`,
    ...(check.remedy === undefined ? [] : [style("dim", `    → ${check.remedy}`)]),
  ]);
  if (report.session) lines.push("", ...sessionLines(report.session, style));
  const wrong = report.checks.filter(({ ok }) => !ok).length;
  const count = wrong === 1 ? "One thing is" : `${wrong} things are`;
  const end = report.ok
    ? style("green", "Everything is right.")
    : style("red", wrong > 0 ? `${count} wrong.` : "The session was not accepted.");
  output.write(`${[...lines, "", end].join("\n")}\n`);
}

function sessionLines(
  { accepted, reason, uid, app, profile }: SessionReport,
  style: (how: Style, text: string) => string,
): string[] {
  if (!accepted) return [`${style("red", "✗")} ${style("bold", "session")}  not accepted`, `    ${reason}`];
  const fields = Object.entries(profile ?? {}).map(([field, value]) => `    ${field}  ${JSON.stringify(value)}`);
  return [`${style("green", "✓")} ${style("bold", "session")}  accepted: uid ${uid} in app ${app}`, ...fields];
}
