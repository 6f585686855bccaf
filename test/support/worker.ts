import app, { Home, Once } from "../../src/index.ts";
import { TokenLedger } from "../../src/ledger/ledger.ts";
import { createIsolate, type Isolate } from "../../src/ledger/parts.ts";
import { platform } from "../../src/platform.ts";

export { Home, Once };

const deployed = createIsolate(platform);

/** The clock, network and configuration that the Durable Objects use. A test may replace them. */
export const around: { isolate: Isolate } = { isolate: deployed };

/** Gives the Durable Objects their deployed clock, network and configuration again. */
export const deploy = (): void => {
  around.isolate = deployed;
};

export class Ledger extends TokenLedger {
  constructor(state: DurableObjectState, env: Env) {
    super(state, env, {
      get deps() {
        return around.isolate.deps;
      },
      partsOf: (own) => around.isolate.partsOf(own),
    });
  }
}

export default app;
