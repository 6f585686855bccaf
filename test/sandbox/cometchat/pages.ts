import { type Answer, refuse } from "./answers.ts";

/** One page of a list. Every list of CometChat has its pagination in `meta`. */
export function paginate(all: readonly unknown[], query: URLSearchParams, cursor?: unknown): Answer {
  const perPage = whole(query.get("perPage"), 100);
  const page = whole(query.get("page"), 1);
  if (perPage < 1 || perPage > 1000) {
    return refuse("ERR_BAD_REQUEST", {}, { perPage: ["The perPage must be between 1 and 1000."] });
  }
  if (page < 1) return refuse("ERR_BAD_REQUEST", {}, { page: ["The page must be at least 1."] });
  const rows = all.slice((page - 1) * perPage, page * perPage);
  const pagination = {
    total: all.length,
    count: rows.length,
    per_page: perPage,
    current_page: page,
    total_pages: Math.max(1, Math.ceil(all.length / perPage)),
  };
  return { status: 200, json: { data: rows, meta: { pagination, ...(cursor !== undefined && { cursor }) } } };
}

/** A whole number in a query. It is 0, which no caller allows, if the value is not a whole number. */
function whole(value: string | null, otherwise: number): number {
  if (value === null) return otherwise;
  return /^\d{1,9}$/.test(value) ? Number(value) : 0;
}
