import { startSandbox } from "./index.ts";
import { inUse } from "./server.ts";

/** `npm start`: the gateway and the sandbox around it, in one terminal. */

/** The last port that there is. */
const MOST = 65_535;
const ports = { PORT: portFrom("PORT", 8787), SANDBOX_PORT: portFrom("SANDBOX_PORT", 8788) };

// Before anything is started: half a sandbox is of no use, and the reason would be lost in its output.
if (ports.PORT === ports.SANDBOX_PORT) fail(`PORT and SANDBOX_PORT are both ${ports.PORT}: they have to differ.`);
for (const [variable, port] of Object.entries(ports)) {
  const other = port > MOST - 100 ? port - 100 : port + 100;
  if (await inUse(port)) fail(`Port ${port} is in use. Another one: ${variable}=${other} npm start`);
}

console.log("Starting the gateway …");
const starting = startSandbox({
  gatewayPort: ports.PORT,
  sandboxPort: ports.SANDBOX_PORT,
  // So that the page, loaded anew, is given the token that its session already holds.
  vars: { TOKENS: { reuse: "session" } },
  // Not our own question whether it is up.
  onLog: (line) => line.includes('"route":"/healthz"') || console.log(line),
});

let stopping = false;
async function stop(): Promise<void> {
  // An impatient second Ctrl-C does not leave a runtime behind either: the gateway ends with this process.
  if (stopping) process.exit(1);
  stopping = true;
  const sandbox = await starting.catch(() => undefined);
  await sandbox?.stop();
  process.exit(0);
}
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, stop);

// A SIGTERM to npm ends npm and its shell, and is not passed on to this process.
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

  Ctrl-C stops everything and forgets it. The gateway's log follows.
`;
}

function portFrom(variable: string, otherwise: number): number {
  const text = process.env[variable];
  if (text === undefined || text === "") return otherwise;
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > MOST) fail(`${variable}=${text} is no port (1 to ${MOST}).`);
  return port;
}

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}
