import { WEBHOOK_TOLERANCE_SECONDS } from "../limits.ts";
import { isObject } from "../shape.ts";

type Claims = Readonly<Record<string, unknown>>;

/** What an identity provider tells of one of its users. */
export interface Event {
  readonly kind: "created" | "updated" | "deleted";
  /** The user as a session of it would say it, as far as the provider says it here. */
  readonly claims: Claims;
  /** The same before an update, where that is told. */
  readonly before: Claims | undefined;
  /** When it happened, in milliseconds since 1970, where the payload tells. */
  readonly at: number | undefined;
  /** Whether the provider holds up its user until the answer comes. */
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
 * The event in a payload, or undefined where it is about something else:
 * - `{type: "user.created", timestamp?, data: {sub, …claims}}`, and Clerk's, whose users are told apart by `data.id`:
 *   https://clerk.com/docs/guides/development/webhooks/overview
 * - Supabase's rows of auth.users: https://supabase.com/docs/guides/database/webhooks#payload
 * - Supabase's Auth hooks around a sign-up: https://supabase.com/docs/guides/auth/auth-hooks/before-user-created-hook
 * `now` in milliseconds since 1970.
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
      // Supabase can delete a user and keep its row.
      kind: isObject(record) && !record.deleted_at ? kind : "deleted",
      claims: ofSupabase(row),
      before: isObject(old) ? ofSupabase(old) : undefined,
      // A row that is gone says when it was last changed, which is not when it went.
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

/** A row of auth.users, or a user as Supabase Auth writes it, as its sessions have it. */
function ofSupabase(user: Claims): Claims {
  return {
    ...user,
    sub: user.id,
    app_metadata: user.app_metadata ?? user.raw_app_meta_data,
    user_metadata: user.user_metadata ?? user.raw_user_meta_data,
  };
}

/** Clerk's user under the names of OpenID Connect Core §5.1, and its public metadata where Clerk's guides put it in a
 * session. What the payload itself calls so goes first: others send claims. */
function ofClerk(user: Claims): Claims {
  const { id, first_name: first, last_name: last, username, image_url: picture, public_metadata: metadata } = user;
  const name = [first, last].filter((part) => typeof part === "string" && part !== "").join(" ");
  return { name: name || username, picture, preferred_username: username, metadata, sub: id, ...user };
}

/** ISO 8601, or a number of seconds or milliseconds. One from the future would make all that follows look old. */
function timeOf(value: unknown, now: number): number | undefined {
  const time = typeof value === "string" ? Date.parse(value) : Number(value) * (Number(value) < 1e11 ? 1000 : 1);
  return time > 0 && time < now + WEBHOOK_TOLERANCE_SECONDS * 1000 ? time : undefined;
}
