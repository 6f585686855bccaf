/** What a user shows of itself, already within CometChat's limits. */
export interface Profile {
  name?: string;
  avatar?: string;
  link?: string;
  role?: string;
  tags?: readonly string[];
  metadata?: Readonly<Record<string, unknown>>;
}

/** A user as CometChat answers it; times in seconds since 1970. */
export interface User {
  uid: string;
  name: string;
  avatar?: string | undefined;
  link?: string | undefined;
  role?: string | undefined;
  statusMessage?: string | undefined;
  metadata?: Record<string, unknown> | undefined;
  tags?: string[] | undefined;
  status?: string | undefined;
  createdAt?: number | undefined;
  updatedAt?: number | undefined;
  lastActiveAt?: number | undefined;
  deactivatedAt?: number | undefined;
}
