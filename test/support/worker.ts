import app, { Home, Once } from "../../src/index.ts";
import { TokenLedger } from "../../src/ledger/ledger.ts";
import { around } from "./around.ts";

export { Home, Once };

export class Ledger extends TokenLedger {
  constructor(state: DurableObjectState, env: Env) {
    super(state, env, {
      get deps() {
        return around.isolate.deps;
      },
      partsOf: (own) => around.isolate.partsOf(own),
    });
  }

  protected override async work(): Promise<void> {
    const { working } = around;
    const done = super.work();
    working.add(done);
    await done;
    working.delete(done);
  }
}

export default app;
