import { startSandbox } from "./index.ts";
import { inUse } from "./server.ts";

/** `npm start` starts the gateway and the sandbox in one terminal. */

/** The highest port number. */
const MOST = 65_535;
const ports = { PORT: portFrom("PORT", 8787), SANDBOX_PORT: portFrom("SANDBOX_PORT", 8788) };

// The ports are checked before anything starts. Later, other output would hide the error.
if (ports.PORT === ports.SANDBOX_PORT) fail(`PORT and SANDBOX_PORT are both ${ports.PORT}: they have to differ.`);
for (const [variable, port] of Object.entries(ports)) {
  const other = port > MOST - 100 ? port - 100 : port + 100;
  if (await inUse(port)) fail(`Port ${port} is in use. To use another one: ${variable}=${other} npm start`);
}

console.log("Starting the gateway …");
const starting = startSandbox({
  gatewayPort: ports.PORT,
  sandboxPort: ports.SANDBOX_PORT,
  // With this setting, a page that is reloaded gets the token that its session already has.
  vars: { TOKENS: { reuse: "session" } },
  // The sandbox's own health checks are not printed.
  onLog: (line) => line.includes('"route":"/healthz"') || console.log(line),
});

let stopping = false;
async function stop(): Promise<void> {
  // A second Ctrl-C exits at once. The gateway ends with this process (leash.ts).
  if (stopping) process.exit(1);
  stopping = true;
  const sandbox = await starting.catch(() => undefined);
  await sandbox?.stop();
  process.exit(0);
}
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, stop);

// npm does not pass a SIGTERM on to this process. So this process stops when its parent has ended.
if (process.env.npm_lifecycle_event) {
  const { ppid } = process;
  const watch = setInterval(() => {
    if (process.ppid === ppid) return;
    clearInterval(watch);
    void stop();
  }, 250);
}

const { gateway, sandbox } = await starting.catch((error: Error) => fail(error.message));
if (!stopping) console.log(welcome(gateway.origin, sandbox.origin, `http://localhost:${sandbox.port}`));

function welcome(gateway: string, sandbox: string, page: string): string {
  return `
  Demo page   ${page}
  Live view   ${page}/live
  Gateway     ${gateway}
  CometChat   ${sandbox}/v3   (simulated)
  Provider    ${sandbox}/idp  (simulated)

  A token for Alice, without a browser:

    curl -sS -X POST ${gateway}/v1/token -H "Authorization: Bearer $(
      curl -sS ${sandbox}/idp/sessions -d '{"subject":"alice","name":"Alice"}' | sed 's/.*"session":"\\([^"]*\\)".*/\\1/')"

  Ctrl-C stops everything and deletes its state. The gateway's log follows.
`;
}

function portFrom(variable: string, otherwise: number): number {
  const text = process.env[variable];
  if (text === undefined || text === "") return otherwise;
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > MOST) fail(`${variable}=${text} is not a port (1 to ${MOST}).`);
  return port;
}

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}
