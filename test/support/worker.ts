import app, { Home, Once } from "../../src/index.ts";
import { TokenLedger } from "../../src/ledger/ledger.ts";
import { createIsolate, type Isolate } from "../../src/ledger/parts.ts";
import { platform } from "../../src/platform.ts";

export { Home, Once };

const deployed = createIsolate(platform);

/** Where the objects live at the moment: a test may put its own clock, network and configuration here. */
export const around: { isolate: Isolate } = { isolate: deployed };

/** Real again. */
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
