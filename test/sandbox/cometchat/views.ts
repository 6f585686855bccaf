import { type Answer, refuse } from "./answers.ts";
import { paginate } from "./pages.ts";
import type { User } from "./users.ts";

/** The list of users, with the filters that CometChat documents (rest-api/users/list). */
export function search(all: readonly User[], query: URLSearchParams): Answer {
  const on = (name: string) => ["true", "1"].includes(query.get(name) ?? "");
  const many = (name: string) => [...query.getAll(`${name}[]`), ...(query.get(name)?.split(",") ?? [])];
  const key = query.get("searchKey")?.toLowerCase();
  const searchIn = many("searchIn");
  const roles = [...many("role"), ...many("roles")];
  const tags = many("tags");
  const status = query.get("status");
  const unknown = searchIn.filter((field) => field !== "uid" && field !== "name");
  if (unknown.length > 0) return refuse("ERR_BAD_REQUEST", {}, { searchIn: ["The selected searchIn is invalid."] });

  const rows = all.filter((user) => {
    const deactivated = user.deactivatedAt !== undefined;
    if (on("onlyDeactivated") ? !deactivated : deactivated && !on("withDeactivated")) return false;
    const fields = [...(searchIn.includes("name") || searchIn.length === 0 ? [user.name.toLowerCase()] : [])];
    if (searchIn.includes("uid") || searchIn.length === 0) fields.push(user.uid);
    // The search is by prefix. A client that looks for one uid has to compare the whole uid.
    if (key && !fields.some((field) => field.startsWith(key))) return false;
    if (status && user.status !== status) return false;
    if (roles.length > 0 && !roles.includes(user.role)) return false;
    return tags.length === 0 || (user.tags ?? []).some((tag) => tags.includes(tag));
  });
  const last = rows.at(-1);
  const cursor = last && { updatedAt: last.updatedAt ?? last.createdAt, affix: "append" };
  return paginate(
    rows.map((user) => view(user, { tags: on("withTags") })),
    query,
    cursor,
  );
}

/**
 * A user as it is answered. A field without a value is left out, and an empty `metadata` is a list (both observed).
 * CometChat's sample of a get has no `tags`, and no private part of the metadata.
 */
export function view(user: User, { tags = false } = {}) {
  const { uid, name, metadata, tags: allTags, ...rest } = user;
  const { "@private": _, ...shown } = metadata ?? {};
  return {
    uid,
    name,
    ...rest,
    ...(metadata && { metadata: Object.keys(shown).length > 0 ? shown : [] }),
    ...(tags && allTags && { tags: allTags }),
  };
}
