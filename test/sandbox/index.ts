import { createSimulator, type Simulator } from "./cometchat/index.ts";
import { APP, makeSecrets, type Secrets, sandboxVars, type Vars, writeDeployment } from "./deployment.ts";
import { type Gateway, startGateway } from "./gateway.ts";
import { createFeed } from "./live/feed.ts";
import { createProvider, type Provider } from "./provider/index.ts";
import { createReference } from "./reference.ts";
import { greet } from "./seed.ts";
import { type Listener, listen, listenTls, type TlsListener } from "./server.ts";
import { createSite } from "./site.ts";
import { createSockets } from "./socket.ts";

export interface SandboxOptions {
  /** The default, 0, stands for any free port. */
  gatewayPort?: number;
  sandboxPort?: number;
  /** Variables of the gateway, such as `TOKENS`. They join or replace those of the sandbox. */
  vars?: Vars;
  /** Changes anything else in the gateway's configuration, such as the rate limits. */
  configure?: (config: Record<string, unknown>) => void;
  /**
   * Starts a TLS listener for the simulator too. A browser can be configured to find it under CometChat's host names.
   */
  tls?: boolean;
  /** Called with each line of the gateway's log, and with each error. */
  onLog?: (line: string) => void;
  /** Called with each auth token that the simulated CometChat makes. */
  onMint?: (authToken: string) => void;
}

export interface Sandbox {
  gateway: URL;
  /** The address of the demo page, live view (`/live`), identity provider (`/idp`) and simulator (`/v3`, `/_sim`). */
  sandbox: URL;
  app: typeof APP;
  simulator: Simulator;
  provider: Provider;
  secrets: Secrets;
  /** The lines that the gateway and its runtime have printed. */
  logs: string[];
  tls: TlsListener | undefined;
  /** The folder of KV and Durable Objects. `stop` deletes it. */
  state: string;
  stop(): Promise<void>;
}

/** Starts the gateway under `wrangler dev`, and everything that it needs. No request leaves this machine. */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const { gatewayPort = 0, sandboxPort = 0, vars, configure, onLog, onMint } = options;
  const secrets = makeSecrets();
  let avatars = "";
  const sockets = createSockets(APP.appId, () => simulator);
  const simulator: Simulator = createSimulator({
    ...APP,
    keys: { [secrets.COMETCHAT_API_KEY]: "fullAccess" },
    sampleUsers: false,
    onMint,
    onMessage: sockets.deliver,
    onUser: (uid) => greet(simulator, uid, avatars),
  });
  const open: Closable[] = [];
  const stop = async () => {
    for (const part of open.splice(0).reverse()) await part();
  };

  try {
    // The provider's issuer contains the port. With port 0, the port is known only after the server listens.
    let site: (request: Request) => Promise<Response> = async () => new Response(null, { status: 503 });
    const listener: Listener = await listen((request) => site(request), sandboxPort, sockets.upgrade);
    open.push(listener.close, async () => sockets.close());
    const tls = options.tls ? await listenTls(simulator.fetch, sockets.upgrade) : undefined;
    if (tls) open.push(tls.close);

    const sandbox = new URL(`http://127.0.0.1:${listener.port}`);
    avatars = new URL("/avatars", sandbox).href;
    let gateway: Gateway | undefined;
    const provider = createProvider({
      issuer: new URL("/idp", sandbox).href,
      backchannelLogoutUri: () => gateway && new URL("/v1/backchannel-logout", gateway.url).href,
    });
    const run = crypto.randomUUID();
    const settings = () => ({ ...APP, gateway: gateway?.url.origin, issuer: provider.issuer, run });
    const feed = createFeed();
    open.push(async () => feed.close());
    site = createSite({
      settings,
      provider: provider.fetch,
      simulator: simulator.fetch,
      lines: feed.fetch,
      reference: createReference(() => gateway?.url),
    });

    const deployment = await writeDeployment({ ...sandboxVars(sandbox, provider.issuer), ...vars }, secrets, configure);
    open.push(deployment.remove);
    gateway = await startGateway(deployment, gatewayPort, (line) => {
      feed.write(line);
      onLog?.(line);
    });
    open.push(gateway.stop);
    const { url, logs } = gateway;
    const { statePath: state } = deployment;
    return { gateway: url, sandbox, app: APP, simulator, provider, secrets, logs, tls, state, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

type Closable = () => Promise<void>;
