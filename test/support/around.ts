import { createIsolate, type Isolate } from "../../src/ledger/parts.ts";
import { platform } from "../../src/platform.ts";

const deployed = createIsolate(platform);

/** The clock, network and configuration that the Durable Objects use. A test may replace them. `working`: what they do beside a request. */
export const around: { isolate: Isolate; working: Set<unknown> } = { isolate: deployed, working: new Set() };

/** Gives the Durable Objects their deployed clock, network and configuration again. */
export const deploy = (): void => {
  around.isolate = deployed;
  around.working = new Set();
};

/** No object is at work beside a request any more. Five seconds at most, since one that was evicted is never done. */
export async function quiet(): Promise<void> {
  for (let ms = 0; ms < 5000 && around.working.size > 0; ms += 1) await scheduler.wait(1);
}
