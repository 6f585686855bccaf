import { DurableObject } from "cloudflare:workers";

/** What may happen once: one object for each, named by a digest of it (a logout token's `jti`). */
export class Once extends DurableObject<Env> {
  /** Whether this object is asked this for the first time. It is known until `keepUntil`, milliseconds since 1970. */
  async once(keepUntil: number): Promise<boolean> {
    if (this.ctx.storage.kv.get("once") !== undefined) return false;
    this.ctx.storage.kv.put("once", keepUntil);
    await this.ctx.storage.setAlarm(keepUntil);
    return true;
  }

  /** Takes `once` back: what it stood for did not happen. */
  async again(): Promise<void> {
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
  }

  override async alarm(): Promise<void> {
    await this.ctx.storage.deleteAll();
  }
}
