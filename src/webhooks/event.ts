import { WEBHOOK_MILLISECONDS_FROM, WEBHOOK_TOLERANCE_SECONDS } from "../limits.ts";
import { isObject } from "../shape.ts";

type Claims = Readonly<Record<string, unknown>>;

/** An event of an identity provider about one of its users. */
export interface Event {
  readonly kind: "created" | "updated" | "deleted";
  /** The claims that a session of this user would have, as far as the event contains them. */
  readonly claims: Claims;
  /** The claims before an update, if the event contains them. */
  readonly before: Claims | undefined;
  /** The time of the event in milliseconds since 1970, if the payload contains it. */
  readonly at: number | undefined;
  /** Whether the provider's user waits for the answer. */
  readonly blocking: boolean;
}

const KINDS: Readonly<Record<string, Event["kind"]>> = {
  "user.created": "created",
  "user.updated": "updated",
  "user.deleted": "deleted",
  INSERT: "created",
  UPDATE: "updated",
  DELETE: "deleted",
};

/**
 * Reads the event in a payload. Undefined if the payload is about something else than a user. It knows these formats:
 * - `{type: "user.created", timestamp?, data: {sub, …claims}}`, and Clerk's, where `data.id` is the subject:
 *   https://clerk.com/docs/guides/development/webhooks/overview
 * - Supabase's rows of auth.users: https://supabase.com/docs/guides/database/webhooks#payload
 * - Supabase's Auth hooks around a sign-up: https://supabase.com/docs/guides/auth/auth-hooks/before-user-created-hook
 * `now`: milliseconds since 1970.
 */
export function eventOf(payload: unknown, now: number): Event | undefined {
  if (!isObject(payload)) return undefined;
  const { type, data, record, old_record: old, metadata, user, timestamp } = payload;
  if (isObject(metadata) && isObject(user) && /^(before|after)-user-created$/.test(String(metadata.name))) {
    return { kind: "created", claims: ofSupabase(user), before: undefined, at: undefined, blocking: true };
  }
  const kind = typeof type === "string" && Object.hasOwn(KINDS, type) ? KINDS[type] : undefined;
  if (!kind) return undefined;
  if (payload.schema === "auth" && payload.table === "users") {
    const row = isObject(record) ? record : old;
    if (!isObject(row)) return undefined;
    return {
      // Supabase can mark a user as deleted without deleting the row.
      kind: isObject(record) && !record.deleted_at ? kind : "deleted",
      claims: ofSupabase(row),
      before: isObject(old) ? ofSupabase(old) : undefined,
      // A deleted row contains the time of its last change, not the time of its deletion.
      at: isObject(record) ? timeOf(record.deleted_at || record.updated_at, now) : undefined,
      blocking: false,
    };
  }
  if (!isObject(data) || !type?.toString().startsWith("user.")) return undefined;
  return {
    kind,
    claims: ofClerk(data),
    before: undefined,
    at: timeOf(timestamp ?? data.updated_at, now),
    blocking: false,
  };
}

/** The claims of a row of auth.users, or of a user in a hook of Supabase Auth. */
function ofSupabase(user: Claims): Claims {
  return {
    ...user,
    sub: user.id,
    app_metadata: user.app_metadata ?? user.raw_app_meta_data,
    user_metadata: user.user_metadata ?? user.raw_user_meta_data,
  };
}

/**
 * The claims of Clerk's user: the fields by their names in OpenID Connect Core §5.1, and the public metadata as
 * `metadata`, where Clerk's guides put it in a session. The payload's own fields take precedence, since other senders
 * send claims.
 */
function ofClerk(user: Claims): Claims {
  const { id, first_name: first, last_name: last, username, image_url: picture, public_metadata: metadata } = user;
  const name = [first, last].filter((part) => typeof part === "string" && part !== "").join(" ");
  return { name: name || username, picture, preferred_username: username, metadata, sub: id, ...user };
}

/**
 * Reads a time: ISO 8601, seconds or milliseconds. A time in the future is not used, since all later events would seem
 * older than this one.
 */
function timeOf(value: unknown, now: number): number | undefined {
  const time =
    typeof value === "string"
      ? Date.parse(value)
      : Number(value) * (Number(value) < WEBHOOK_MILLISECONDS_FROM ? 1000 : 1);
  return time > 0 && time < now + WEBHOOK_TOLERANCE_SECONDS * 1000 ? time : undefined;
}
