import * as z from "zod/mini";
import type { Context, Deps } from "../context.ts";
import type { GatewayError, Reason } from "../errors.ts";
import { IMPORT_ANSWER_BYTES, IMPORT_MS, IMPORT_PAGE, ROLES_PAGE } from "../limits.ts";
import type { Result } from "../result.ts";
import { createBreaker } from "./breaker.ts";
import { createClient } from "./client.ts";
import { failureOf } from "./failures.ts";
import { createQuota } from "./quota.ts";
import { createSend } from "./resilience.ts";
import { done } from "./shapes.ts";
import type { App, Profile } from "./types.ts";

/** What became of one user of an import. */
export type Imported =
  | { readonly ok: true }
  /** `code` and `fields` as CometChat named them, where they are the names of something; never its texts. */
  | { readonly ok: false; readonly reason: Reason; readonly code?: string; readonly fields: readonly string[] };

/** What only the commands ask of CometChat. It is no part of the Worker. Every call can fail with the reasons `upstream-*`. */
export interface Bulk {
  /**
   * `POST /data_import/users`, tried once: whoever calls paces the calls. A user that is there already is brought up to
   * date. Fails as a whole, or tells of each uid what became of it.
   */
  import(
    users: ReadonlyMap<string, Profile & { readonly name: string }>,
    context: Context,
  ): Promise<Result<ReadonlyMap<string, Imported>, GatewayError>>;
  /** One page of all users, deactivated ones included; `page` from 1. */
  users(page: number, context: Context): Promise<Result<Page, GatewayError>>;
  /** All roles; an app has at most 25. */
  roles(context: Context): Promise<Result<readonly string[], GatewayError>>;
  createRole(role: string, context: Context): Promise<Result<true, GatewayError>>;
}

interface Page {
  readonly uids: readonly string[];
  /** Whether another one may follow. */
  readonly more: boolean;
}

const text = z.string();
const table = z.record(text, z.unknown());
const imported = z.object({ data: table });
const listed = z.object({ data: z.array(z.object({ uid: text })) });
const roles = z.object({ data: z.array(z.object({ role: text })) });
const refused = z.object({ error: z.object({ code: text, details: z.optional(z.unknown()) }) });

export function createBulk(app: App, deps: Deps): Bulk {
  const send = createSend(createClient(app, deps), createBreaker(deps.now), createQuota(deps.now), deps);
  return {
    import: (users, context) =>
      send(
        {
          method: "POST",
          path: "/data_import/users",
          body: { users: Object.fromEntries([...users].map(([uid, profile]) => [uid, { uid, ...profile }])) },
          once: IMPORT_MS,
          bytes: IMPORT_ANSWER_BYTES,
          read(body) {
            const answer = imported.safeParse(body);
            if (!answer.success) return undefined;
            return new Map([...users.keys()].map((uid) => [uid, outcome(uid, answer.data.data[uid])]));
          },
        },
        context,
      ),

    users: (page, context) =>
      send(
        {
          method: "GET",
          path: `/users?withDeactivated=true&perPage=${IMPORT_PAGE}&page=${page}`,
          bytes: IMPORT_ANSWER_BYTES,
          read(body) {
            const answer = listed.safeParse(body);
            if (!answer.success) return undefined;
            const uids = answer.data.data.map(({ uid }) => uid);
            return { uids, more: uids.length === IMPORT_PAGE };
          },
        },
        context,
      ),

    roles: (context) =>
      send(
        {
          method: "GET",
          path: `/roles?perPage=${ROLES_PAGE}`,
          read(body) {
            const answer = roles.safeParse(body);
            return answer.success ? answer.data.data.map(({ role }) => role) : undefined;
          },
        },
        context,
      ),

    createRole: (role, context) =>
      send({ method: "POST", path: "/roles", body: { role, name: role }, read: done }, context),
  };
}

/** CometChat's pages have the user at `data` or at `data.data`; only whose it is must be right. */
function outcome(uid: string, answer: unknown): Imported {
  const failed = refused.safeParse(answer);
  if (failed.success) {
    const { code, details } = failed.data.error;
    const named = typeof details === "object" && details !== null ? Object.keys(details) : [];
    const { reason } = failureOf(400, code, named);
    return {
      ok: false,
      reason,
      fields: named.filter((name) => /^\w{1,40}$/.test(name)),
      ...(/^[A-Z_]{1,60}$/.test(code) && { code }),
    };
  }
  const told = table.safeParse(answer);
  const outer = told.success && told.data.success === true ? table.safeParse(told.data.data) : undefined;
  const inner = outer?.success ? table.safeParse(outer.data.data) : undefined;
  const whose = (outer?.success ? outer.data.uid : undefined) ?? (inner?.success ? inner.data.uid : undefined);
  return whose === uid ? { ok: true } : { ok: false, reason: "upstream-answer", fields: [] };
}
