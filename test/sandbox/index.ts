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
  /** 0, the default: any that is free. */
  gatewayPort?: number;
  sandboxPort?: number;
  /** The gateway's variables beside, or instead of, the sandbox's own: `TOKENS`, for instance. */
  vars?: Vars;
  /** Anything else of the gateway's deployment, before it is written: rate limits, for instance. */
  configure?: (config: Record<string, unknown>) => void;
  /** Also a TLS listener in front of the simulator, for a browser that is led there from CometChat's own host names. */
  tls?: boolean;
  /** Each log line of the gateway's, and each error. */
  onLog?: (line: string) => void;
  /** Each auth token that the simulated CometChat makes. */
  onMint?: (authToken: string) => void;
}

export interface Sandbox {
  gateway: URL;
  /** Demo page, live view (`/live`), identity provider (`/idp`) and simulated CometChat (`/v3`, `/_sim`). */
  sandbox: URL;
  app: typeof APP;
  simulator: Simulator;
  provider: Provider;
  secrets: Secrets;
  /** Everything that the gateway and its runtime printed so far. */
  logs: string[];
  tls: TlsListener | undefined;
  /** Where the gateway's runtime keeps KV and Durable Objects; gone when it is stopped. */
  state: string;
  stop(): Promise<void>;
}

/** The gateway as `wrangler dev` runs it, with everything around it that it needs. Nothing leaves this machine. */
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
    // The provider's issuer holds the port, which may be known only once it is bound.
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
