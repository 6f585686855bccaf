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

  override take(...values: Parameters<TokenLedger["take"]>) {
    return around.ledger.call(() => super.take(...values));
  }

  override record(...values: Parameters<TokenLedger["record"]>) {
    return around.ledger.call(() => super.record(...values));
  }

  override end(...values: Parameters<TokenLedger["end"]>) {
    return around.ledger.call(() => super.end(...values));
  }

  override async alarm(): Promise<void> {
    const { working } = around;
    const done = around.ledger.work(() => super.alarm());
    working.add(done);
    await done;
    working.delete(done);
  }
}

export default app;
