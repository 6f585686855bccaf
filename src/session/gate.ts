/** The state that decides whether a provider's documents may be fetched now. Times are milliseconds since 1970. */
export interface Gate {
  /** The last attempt that counts, successful or not; minus infinity if there is none. */
  readonly attemptedAt: number;
  /** The fetch that a request of this isolate is making; undefined if there is none. */
  readonly pending: Mark | undefined;
}

/** One fetch, from its beginning to its end. */
export interface Mark {
  readonly startedAt: number;
}

/** Nothing has been fetched yet. */
export const IDLE: Gate = { attemptedAt: Number.NEGATIVE_INFINITY, pending: undefined };

/** Milliseconds until the next attempt may be made. A clock that was set back does not delay it. */
export function restOf({ attemptedAt }: Gate, now: number, cooldown: number): number {
  const since = now - attemptedAt;
  return since < 0 ? 0 : Math.max(0, cooldown - since);
}

/**
 * Whether a fetch is being made. The runtime ends a request whose caller disconnects, and its fetch with it, so a mark
 * that is older than `most` milliseconds is ignored.
 */
export const isBusy = ({ pending }: Gate, now: number, most: number): boolean =>
  pending !== undefined && now - pending.startedAt <= most;

/** Whether a fetch may begin: no other is being made, and the last attempt is long enough ago. */
export const mayBegin = (
  gate: Gate,
  now: number,
  { cooldown, most }: { readonly cooldown: number; readonly most: number },
): boolean => !isBusy(gate, now, most) && restOf(gate, now, cooldown) === 0;

/** A fetch begins. */
export const begun = (gate: Gate, now: number): Gate => ({ ...gate, pending: { startedAt: now } });

/** That fetch has ended. If its mark had expired, another one may have begun since. */
export const ended = (gate: Gate, mark: Mark | undefined): Gate =>
  gate.pending === mark ? { ...gate, pending: undefined } : gate;

/** The provider was asked, whatever it answers. */
export const asked = (gate: Gate, at: number): Gate => ({ ...gate, attemptedAt: at });

/** Another isolate asked the provider, and left a copy: it counts as if this one had asked. */
export const shared = (gate: Gate, at: number): Gate => ({ ...gate, attemptedAt: Math.max(gate.attemptedAt, at) });

/** The last attempt no longer counts. */
export const reopened = (gate: Gate): Gate => ({ ...gate, attemptedAt: Number.NEGATIVE_INFINITY });
