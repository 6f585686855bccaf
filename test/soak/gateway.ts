import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { bundle } from "../runtime/bundle.ts";
import { binding, configuration, gatewayObjects } from "../runtime/config.ts";
import { startWorkerd } from "../runtime/workerd.ts";
import { type Secrets, type Vars, writeDeployment } from "../sandbox/deployment.ts";

export interface Gateway {
  readonly url: URL;
  /** The bytes of the Worker's heap after a garbage collection. */
  readonly heap: () => Promise<number>;
  readonly stop: () => Promise<void>;
}

const NAME = "gateway";

/** Starts a Worker in workerd without wrangler's development server. It is bundled as for a deployment. */
export async function startGateway(main: string, vars: Vars, secrets: Secrets): Promise<Gateway> {
  const deployment = await writeDeployment(vars, secrets, (config) => {
    config.main = main;
  });
  try {
    const directory = join(dirname(deployment.configPath), "bundle");
    const { file } = await bundle(deployment.configPath, directory);
    await mkdir(deployment.statePath, { recursive: true });
    const kept = await gatewayObjects();
    const bindings = [
      ...Object.entries(vars).map(([name, value]) => binding.json(name, value)),
      ...Object.entries(secrets).map(([name, value]) => binding.text(name, value)),
      ...kept.bindings,
    ];
    const configPath = join(directory, "workerd.capnp");
    const worker = { name: NAME, file, bindings, objects: kept.objects };
    await writeFile(configPath, await configuration([worker], { state: deployment.statePath }));
    const workerd = await startWorkerd(configPath, [NAME], { inspector: true });
    return {
      url: new URL(`http://127.0.0.1:${workerd.port(NAME)}`),
      heap: () => workerd.heap(NAME),
      stop: async () => {
        await workerd.stop();
        await deployment.remove();
      },
    };
  } catch (error) {
    await deployment.remove();
    throw error;
  }
}
