import type { FieldName, FieldValue, Region } from "./fields.ts";

/** The profile of a user, within CometChat's limits. */
export type Profile = { [F in FieldName]?: FieldValue<F> } & {
  metadata?: Readonly<Record<string, unknown>>;
};

/** A user as CometChat returns it. Times are seconds since 1970. */
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
  /** The operator's name of the app: its key in COMETCHAT_APPS. */
  readonly name: string;
  readonly appId: string;
  readonly region: Region;
  /** The base address of the REST API, with the version and without a slash at the end. */
  readonly baseUrl: string;
  readonly apiKey: string;
}
