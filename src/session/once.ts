import { DurableObject } from "cloudflare:workers";
import { ONCE_KEPT_MS, ONCE_LEASE_MS } from "../limits.ts";
import { platform } from "../platform.ts";

interface Begun {
  /** The caller's id. The same caller may ask again, since an answer can be lost. */
  readonly by: string;
  /** The end of the lease in milliseconds since 1970. Work that is not `done` by then counts as failed. */
  readonly until: number;
  readonly done: boolean;
}

/**
 * Ensures that something happens only once, such as a logout by its token's `jti`. Each has an object, named by a
 * digest.
 */
export class Once extends DurableObject<Env> {
  /**
   * Whether the caller may do the work: no other caller has done it or is doing it. Work that is not reported as done
   * within its lease may be begun again.
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

  /** Records that the work failed, so that the next caller may do it at once. */
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
