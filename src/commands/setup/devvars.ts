import { chmodSync, writeFileSync } from "node:fs";
import { parseEnv } from "node:util";

/** The value of a variable as dotenv reads it: in quotes, perhaps over several lines, or up to the end of the line. */
const VALUE = /[^\S\n]*(?:'(?:\\'|[^'])*'|"(?:\\"|[^"])*"|`(?:\\`|[^`])*`|[^#\r\n]*?(?=[^\S\n]*(?:#|$)))/;

/**
 * Sets one secret in the text of a `.dev.vars`; all other lines stay. Throws if the format cannot express the value.
 */
export function withSecret(text: string, name: string, value: string): string {
  const line = `${name}=${quote(value)}`;
  const assignment = new RegExp(`^[^\\S\\n]*(?:export[^\\S\\n]+)?${name}[^\\S\\n]*=${VALUE.source}`, "gm");
  const [match] = text.matchAll(assignment);
  const end = text === "" || text.endsWith("\n") ? "" : "\n";
  const result = match
    ? `${text.slice(0, match.index)}${line}${text.slice(match.index + match[0].length)}`
    : `${text}${end}${line}\n`;
  if (parseEnv(result)[name] !== value)
    throw new Error(`${name} cannot be written to .dev.vars: write it there by hand.`);
  return result;
}

function quote(value: string): string {
  if (/^[\w./+=:@-]+$/.test(value)) return value;
  const mark = ["'", "`", '"'].find((one) => !value.includes(one) && !(one === '"' && value.includes("\\")));
  if (mark === undefined)
    throw new Error("A secret contains every kind of quotation mark: write it to .dev.vars by hand.");
  return `${mark}${value}${mark}`;
}

/** Writes the file with mode 600, so that no other user of the machine can read it, even if it existed before. */
export function writeSecrets(path: string, text: string): void {
  writeFileSync(path, text, { mode: 0o600 });
  chmodSync(path, 0o600);
}
