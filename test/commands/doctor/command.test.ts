import { join } from "node:path";
import { spawn } from "@lydell/node-pty";
import { describe, expect, it } from "vitest";
import { doctor as command } from "../../../src/commands/doctor/command.ts";
import type { Report } from "../../../src/commands/doctor/report.ts";
import { runHere, runScript } from "../../support/command.ts";
import { right, SECRETS, serve, sign, WRONG_KEY } from "../../support/doctor.ts";
import { deployment } from "../place.ts";

serve();

describe("npm run doctor", () => {
  const root = join(import.meta.dirname, "../../..");
  const script = join(root, "src/commands/doctor/index.ts");
  const run = (args: readonly string[], input?: string) => runHere(command, args, { input });

  it("ends with 0 if everything is right, with 1 if something is wrong, and with 2 after wrong usage", async () => {
    const ended = (args: readonly string[], input?: string) => runScript(script, args, { cwd: root, input });
    const all = await Promise.all([
      ended(["--config", deployment(right(), SECRETS), "--session", "-", "--json"], `Bearer ${await sign({})}\n`),
      ended(["--config", deployment(right(), { ...SECRETS, COMETCHAT_API_KEY: WRONG_KEY })]),
      ended(["--sesion", "x"]),
    ]);
    expect(all.map(({ status }) => status)).toEqual([0, 1, 2]);
    expect(JSON.parse(all[0]?.stdout ?? "")).toMatchObject({ ok: true, session: { accepted: true } });
    expect(all.slice(0, 2).map(({ stderr }) => stderr)).toEqual(["", ""]);
  });

  it("prints a line for each check, without colours", async () => {
    const { status, stdout, stderr } = await run(["--config", deployment(right(), SECRETS)]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(
      /^✓ configuration .+\n✓ bindings .+\n✓ keys of .+\n✓ app main .+\n\nEverything is right\.\n$/,
    );
  });

  it("prints what to do about a mistake, without a secret", async () => {
    const { status, stdout } = await run([
      "--config",
      deployment(right(), { ...SECRETS, COMETCHAT_API_KEY: WRONG_KEY }),
    ]);
    expect(status).toBe(1);
    expect(stdout).toMatch(/✗ app main .+\n {4}→ .+fullAccess.+\n\nOne thing is wrong\.\n$/);
    expect(stdout).not.toContain(WRONG_KEY);
  });

  it("prints its report as JSON with --json, and reads a session from standard input", async () => {
    const session = await sign({ name: "Ada" });
    const { status, stdout } = await run(
      ["--config", deployment(right(), SECRETS), "--json", "--session", "-"],
      `Bearer ${session}\n`,
    );
    expect(status).toBe(0);
    const report = JSON.parse(stdout) as Report;
    expect(Object.keys(report)).toEqual(["ok", "checks", "session"]);
    expect(report.session).toEqual({ accepted: true, uid: "ada", app: "main", profile: { name: "Ada" } });
    expect(stdout).not.toContain(session);
  });

  it("ends with 1 if a session is refused", async () => {
    const { status, stdout } = await run([
      "--config",
      deployment(right(), SECRETS),
      "--session",
      await sign({ aud: "other" }),
    ]);
    expect(status).toBe(1);
    expect(stdout).toMatch(/✗ session {2}not accepted\n {4}aud is "other"/);
  });

  it.each([
    ["an option that it does not have", ["--sesion", "x"], /Unknown option '--sesion'/],
    ["a session without its option, which is not repeated", ["eyJhbGciOi"], /Every argument begins with --/],
    ["no session on standard input", ["--session", "-"], /--session is empty/],
    ["an option without its value", ["--session"], /argument missing/],
  ])("ends with 2 after wrong usage: %s", async (_, args, says) => {
    const { status, stdout, stderr } = await run(args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toMatch(says);
    expect(stderr).toMatch(/npm run doctor -- /);
    expect(stderr).not.toContain("eyJhbGciOi");
  });

  it("prints colours only in a terminal, and not with NO_COLOR", async () => {
    const config = deployment(right(), SECRETS);
    const inTerminal = (env: Record<string, string>) =>
      new Promise<string>((resolve) => {
        const terminal = spawn(process.execPath, [script, "--config", config], {
          cwd: root,
          cols: 200,
          env: { PATH: process.env.PATH ?? "", TERM: "xterm-256color", ...env },
        });
        let text = "";
        terminal.onData((chunk) => {
          text += chunk;
        });
        terminal.onExit(() => resolve(text));
      });
    const [coloured, plain] = await Promise.all([inTerminal({}), inTerminal({ NO_COLOR: "1" })]);
    expect(coloured).toContain("\u001b[32m✓");
    expect(plain).toContain("✓");
    expect(plain).not.toContain("\u001b[32m");
  });
});
