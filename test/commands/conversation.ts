import { stripVTControlCharacters } from "node:util";
import { spawn } from "@lydell/node-pty";

/** The text that a person waits for, and the keys that they type then. */
export type Turn = readonly [reads: string | RegExp, types: string];

export const ENTER = "\r";
export const DOWN = "\u001b[B";
export const INTERRUPT = "\u0003";

/** Runs a command in a pseudo-terminal, and types the answers of a person. Resolves when the command ends. */
export function converse(
  command: readonly string[],
  turns: readonly Turn[],
  { cwd }: { readonly cwd: string },
): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const terminal = spawn(process.execPath, [...command], {
      cwd,
      cols: 160,
      rows: 60,
      env: { PATH: process.env.PATH ?? "", TERM: "xterm-256color", NO_COLOR: "1" },
    });
    let all = "";
    let unread = "";
    const left = [...turns];
    const late = setTimeout(() => {
      terminal.kill();
      reject(new Error(`The command did not print ${left[0]?.[0]}: ${unread.slice(-2000)}`));
    }, 30_000);
    terminal.onData((chunk) => {
      all += chunk;
      unread += stripVTControlCharacters(chunk);
      const [next] = left;
      if (!next || !(typeof next[0] === "string" ? unread.includes(next[0]) : next[0].test(unread))) return;
      left.shift();
      unread = "";
      terminal.write(next[1]);
    });
    terminal.onExit(({ exitCode }) => {
      clearTimeout(late);
      resolve({ status: exitCode, text: stripVTControlCharacters(all) });
    });
  });
}
