import type { FieldName, FieldValue, Region } from "./fields.ts";

/** What a user shows of itself, already within CometChat's limits. */
export type Profile = { [F in FieldName]?: FieldValue<F> } & {
  metadata?: Readonly<Record<string, unknown>>;
};

/** A user as CometChat answers it; times in seconds since 1970. */
export type User = { [F in Exclude<FieldName, "name">]?: FieldValue<F> | undefined } & {
  uid: string;
  name: string;
  statusMessage?: string | undefined;
  metadata?: Record<string, unknown> | undefined;
  status?: string | undefined;
  createdAt?: number | undefined;
  updatedAt?: number | undefined;
  lastActiveAt?: number | undefined;
  deactivatedAt?: number | undefined;
};

/** One CometChat app. */
export interface App {
  /** The operator's name for it: the key of its table. */
  readonly name: string;
  readonly appId: string;
  readonly region: Region;
  /** REST API base address, version segment included, no slash at the end. */
  readonly baseUrl: string;
  readonly apiKey: string;
}
