import { diff, parseEnv, styleText } from "node:util";
import type { Deployment } from "./deployment.ts";
import { losses } from "./issuers.ts";
import type { Plan } from "./plan.ts";

type Style = Parameters<typeof styleText>[0];
const CONTEXT = 2;

/** The lines that show the changes: for wrangler.toml a diff and what it takes away, for `.dev.vars` only the names of the secrets. */
export function changes(deployment: Deployment, plan: Plan, output: NodeJS.WritableStream): string[] {
  const { where, original, secrets, secretsPath } = deployment;
  const style = (how: Style, text: string) => styleText(how, text, { stream: output });
  const lines: string[] = [];
  if (plan.toml !== original) lines.push(style("bold", where.config), ...difference(original, plan.toml, style), "");
  const after = parseEnv(plan.secrets);
  const lost = losses(deployment, plan.toml);
  if (lost.length > 0) lines.push(...lost.map((sentence) => style("yellow", sentence)), "");
  const names = Object.keys(after).filter((name) => after[name] !== secrets[name]);
  if (names.length > 0) {
    lines.push(style("bold", secretsPath), ...names.map((name) => style("green", `+ ${name}=(not shown)`)), "");
  }
  return lines;
}

function difference(before: string, after: string, style: (how: Style, text: string) => string): string[] {
  const entries = diff(before.split(/\r?\n/), after.split(/\r?\n/));
  const near = (index: number) =>
    entries.slice(Math.max(0, index - CONTEXT), index + CONTEXT + 1).some(([kind]) => kind !== 0);
  return entries.flatMap(([kind, text], index) => {
    if (kind === 1) return [style("red", `- ${text}`)];
    if (kind === -1) return [style("green", `+ ${text}`)];
    if (near(index)) return [`  ${text}`];
    // One mark for each group of lines that is not shown.
    return index > 0 && near(index - 1) && entries.slice(index).some(([other]) => other !== 0)
      ? [style("dim", "  …")]
      : [];
  });
}

/** The commands that remain: secrets, deployment, doctor. */
export function remaining({ where, secretsPath }: Deployment, plan: Plan): string[] {
  const env = where.env === undefined ? "" : ` --env ${where.env}`;
  const config = where.config === "wrangler.toml" ? "" : ` --config ${where.config}`;
  const local = Object.keys(parseEnv(plan.secrets));
  // If `.dev.vars` contains only secrets that the gateway uses, one command can upload the whole file.
  const isWhole = local.length > 0 && local.every((name) => plan.set.includes(name)) && plan.unset.length === 0;
  const names = [...new Set([...plan.unset, ...plan.set])];
  const secrets = isWhole
    ? [`npx wrangler secret bulk ${secretsPath}${env}${config}`]
    : names.map((name) => `npx wrangler secret put ${name}${env}${config}`);
  const rest = env + config === "" ? "" : ` --${env}${config}`;
  return [...secrets, `npm run deploy${rest}`, `npm run doctor${rest}`];
}
