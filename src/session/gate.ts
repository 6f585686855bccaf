/** What decides whether a provider's documents may be fetched now. Times in milliseconds since 1970. */
export interface Gate {
  /** The last attempt that counts, failed ones too; minus infinity where none does. */
  readonly attemptedAt: number;
  /** The fetch under way in some request of this isolate. */
  readonly pending: Mark | undefined;
}

/** One fetch, from its beginning to its end. */
export interface Mark {
  readonly startedAt: number;
}

/** Nothing has been fetched yet. */
export const IDLE: Gate = { attemptedAt: Number.NEGATIVE_INFINITY, pending: undefined };

/** Milliseconds until the next attempt may be made. A clock that was put back does not delay it. */
export function restOf({ attemptedAt }: Gate, now: number, cooldown: number): number {
  const since = now - attemptedAt;
  return since < 0 ? 0 : Math.max(0, cooldown - since);
}

/**
 * Whether a fetch is under way. The runtime ends a request whose caller has gone, and its fetch with it, so a mark that
 * is older than `most` milliseconds means nothing.
 */
export const isBusy = ({ pending }: Gate, now: number, most: number): boolean =>
  pending !== undefined && now - pending.startedAt <= most;

/** Whether a fetch may begin: none is under way, and the last attempt is long enough ago. */
export const mayBegin = (
  gate: Gate,
  now: number,
  { cooldown, most }: { readonly cooldown: number; readonly most: number },
): boolean => !isBusy(gate, now, most) && restOf(gate, now, cooldown) === 0;

/** A fetch begins. */
export const begun = (gate: Gate, now: number): Gate => ({ ...gate, pending: { startedAt: now } });

/** That fetch has ended. Another one may have begun since, where its mark had expired. */
export const ended = (gate: Gate, mark: Mark | undefined): Gate =>
  gate.pending === mark ? { ...gate, pending: undefined } : gate;

/** The provider was asked, whatever it answers. */
export const asked = (gate: Gate, at: number): Gate => ({ ...gate, attemptedAt: at });

/** Another isolate asked the provider, and left a copy: it counts as if this one had asked. */
export const shared = (gate: Gate, at: number): Gate => ({ ...gate, attemptedAt: Math.max(gate.attemptedAt, at) });

/** The last attempt no longer counts. */
export const reopened = (gate: Gate): Gate => ({ ...gate, attemptedAt: Number.NEGATIVE_INFINITY });
