import { DurableObject } from "cloudflare:workers";
import { ONCE_KEPT_MS, ONCE_LEASE_MS } from "../limits.ts";
import { platform } from "../platform.ts";

interface Begun {
  /** Who does it: the same one may ask again, since an answer can be lost. */
  readonly by: string;
  /** Milliseconds since 1970 after which it is taken for failed unless it is `done`. */
  readonly until: number;
  readonly done: boolean;
}

/** What may happen once: one object for each, named by a digest of it (a logout token's `jti`). */
export class Once extends DurableObject<Env> {
  /**
   * True where the caller may do it: nobody else has done it, and nobody is doing it now. Work that was begun and not
   * reported as done within its lease may be begun again.
   */
  async begin(by: string): Promise<boolean> {
    const now = platform.now();
    const begun = this.#begun;
    if (begun?.by === by) return true;
    if (begun && (begun.done || now < begun.until)) return false;
    this.ctx.storage.kv.put<Begun>("begun", { by, until: now + ONCE_LEASE_MS, done: false });
    await this.ctx.storage.setAlarm(now + ONCE_KEPT_MS);
    return true;
  }

  done(by: string): void {
    const begun = this.#begun;
    if (begun?.by === by) this.ctx.storage.kv.put<Begun>("begun", { ...begun, done: true });
  }

  /** It did not happen: whoever comes next may do it at once. */
  failed(by: string): void {
    if (this.#begun?.by === by) this.ctx.storage.kv.delete("begun");
  }

  override async alarm(): Promise<void> {
    await this.ctx.storage.deleteAll();
  }

  get #begun(): Begun | undefined {
    return this.ctx.storage.kv.get<Begun>("begun");
  }
}
