import { chmodSync, writeFileSync } from "node:fs";
import { parseEnv } from "node:util";

/** A value as it was written: quoted, over several lines perhaps, or up to the line's end. As dotenv reads it. */
const VALUE = /[^\S\n]*(?:'(?:\\'|[^'])*'|"(?:\\"|[^"])*"|`(?:\\`|[^`])*`|[^#\r\n]*?(?=[^\S\n]*(?:#|$)))/;

/** The text of a `.dev.vars` with one secret set; all other lines stay. Fails where no quotes can hold the value. */
export function withSecret(text: string, name: string, value: string): string {
  const line = `${name}=${quote(value)}`;
  const there = new RegExp(`^[^\\S\\n]*(?:export[^\\S\\n]+)?${name}[^\\S\\n]*=${VALUE.source}`, "gm");
  const [match] = text.matchAll(there);
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
  if (mark === undefined) throw new Error("A secret holds every kind of quote: write it to .dev.vars by hand.");
  return `${mark}${value}${mark}`;
}

/** Written so that no other user of the machine can read it, also where the file was there before. */
export function writeSecrets(path: string, text: string): void {
  writeFileSync(path, text, { mode: 0o600 });
  chmodSync(path, 0o600);
}
