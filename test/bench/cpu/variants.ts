/** What is measured: the name of each variant, and what it stands for. Shared by the Worker and the one that asks it. */
export const VARIANTS = {
  empty: "an empty Hono handler",
  missing: "refused: no session",
  forged: "refused: ES256, signature wrong",
  "ES256-new": "token, ES256, a new session each time",
  "ES256-same": "token, ES256, the same session",
  "RS256-new": "token, RS256, a new session each time",
  "RS256-same": "token, RS256, the same session",
  first: "token, ES256, a new user each time",
  reuse: "token reused (`reuse`), the same session",
} as const;

export type Variant = keyof typeof VARIANTS;

/** One batch, measured inside of the runtime. */
export interface Batch {
  /** Milliseconds for one of its requests. */
  readonly ms: number;
  /** Calls to CometChat for each request. */
  readonly calls: number;
}

/** What takes little is repeated so much more often: the runtime's clock is coarse. */
export const REPEATED: Partial<Record<Variant, number>> = { empty: 20, missing: 5, reuse: 3 };
