import { DurableObject } from "cloudflare:workers";
import { DELIVERIES_KEPT, DELIVERY_KEPT_MS } from "../limits.ts";
import { platform } from "../platform.ts";

/** One message of an identity provider, which may be delivered several times. */
export interface Delivery {
  /** The digest of its id and its content. */
  readonly id: string;
  /** When this delivery was signed, in milliseconds since 1970. */
  readonly sentAt: number;
}

interface Received extends Delivery {
  /** Milliseconds since 1970. */
  readonly seenAt: number;
  readonly done?: string;
}

/** What two requests must not do at the same time: update the profile, reactivate the user. */
type Work = "profile" | "revival";

/** Milliseconds since 1970: until when no other request may begin, and when the work last ended. */
interface Turn {
  readonly until: number;
  readonly endedAt: number;
}

/**
 * The object for facts about one user, apart from its tokens, that must be certain. KV may return old ones or lose
 * them.
 */
export class Home extends DurableObject<Env> {
  /** The user's home app. If there is none, the candidate becomes the home for good. */
  home(candidate?: string): string | undefined {
    const home = this.#fact<string>("home");
    if (home === undefined && candidate !== undefined) this.ctx.storage.kv.put("home", candidate);
    return home ?? candidate;
  }

  /**
   * Records an event about the user. If a newer one is recorded already, its kind is returned and nothing is recorded.
   * `at`: milliseconds since 1970.
   */
  recordEvent(at: number, kind: string): string | undefined {
    // A newer update does not make an older creation or deletion obsolete, since that one may have failed before.
    const own = kind === "updated" ? kind : "life";
    for (const name of new Set(["life", own])) {
      const last = this.#fact<{ at: number; kind: string }>(name);
      if (!last) continue;
      // If a deletion and another event have the same time, the deletion counts as the newer one.
      if (last.at > at || (last.at === at && last.kind === "deleted" && kind !== last.kind)) return last.kind;
    }
    this.ctx.storage.kv.put(own, { at, kind });
    return undefined;
  }

  /**
   * Returns whether an event should be handled now: `newer` if a newer event is recorded, `done` if this delivery was
   * handled before. The time of a deletion without one is that of its first delivery.
   */
  deliver({ id, sentAt }: Delivery, at: number | undefined, kind: string): { done?: string; newer?: string } {
    const seenAt = platform.now();
    const recent = this.#deliveries.filter((one) => seenAt < one.seenAt + DELIVERY_KEPT_MS);
    const before = recent.find((one) => one.id === id);
    if (!before) this.ctx.storage.kv.put("deliveries", [...recent, { id, sentAt, seenAt }].slice(-DELIVERIES_KEPT));
    const when = at ?? (kind === "deleted" ? (before?.sentAt ?? sentAt) : undefined);
    const newer = when === undefined ? undefined : this.recordEvent(when, kind);
    if (newer !== undefined) return { newer };
    return before?.done === undefined ? {} : { done: before.done };
  }

  /** Records that a delivery was handled, so that it is not handled again. */
  delivered(id: string, done: string): void {
    this.ctx.storage.kv.put(
      "deliveries",
      this.#deliveries.map((one) => (one.id === id ? { ...one, done } : one)),
    );
  }

  /**
   * Lets one request at a time, of all isolates, do a piece of work: until it has ended or `ms` milliseconds have
   * passed. Returns how many milliseconds ago the work last ended; undefined if the caller may not do it now.
   */
  beginWork(work: Work, ms: number): number | undefined {
    const now = platform.now();
    const { until = 0, endedAt = 0 } = this.#fact<Turn>(work) ?? {};
    if (until > now) return undefined;
    this.ctx.storage.kv.put<Turn>(work, { until: now + ms, endedAt });
    return now - endedAt;
  }

  endWork(work: Work): void {
    this.ctx.storage.kv.put<Turn>(work, { until: 0, endedAt: platform.now() });
  }

  get #deliveries(): readonly Received[] {
    return this.#fact<readonly Received[]>("deliveries") ?? [];
  }

  #fact<T>(name: string): T | undefined {
    return this.ctx.storage.kv.get<T>(name);
  }
}
