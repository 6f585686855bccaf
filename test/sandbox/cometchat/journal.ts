import type { CallName, Surface } from "./calls.ts";

/** One request and its outcome. Of the headers, only the names and the client's auth token are recorded. */
export interface JournalEntry {
  /** 1, 2, … */
  readonly id: number;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly surface: Surface;
  readonly call: CallName;
  readonly method: string;
  readonly host: string;
  /** The path and query. The paths of some calls contain an auth token. */
  readonly path: string;
  /** The uid in the path, in the body, or of the auth token's user. It is "" if there is none. */
  readonly uid: string;
  /** The names in lower case, sorted. */
  readonly headers: readonly string[];
  /** The parsed JSON, or the text if it is not JSON. Undefined if there is no body. */
  readonly body: unknown;
  /** The `redirect` option of the request. Only with "manual" is the API key not sent along with a redirect. */
  readonly redirect: string;
  /** The auth token that a client sent. */
  readonly authToken?: string;
  /** The id of the fault that was played. */
  fault?: string;
  /** Undefined until the call has ended. `dropped`: the call was done, and its answer was lost. */
  outcome?: "answered" | "aborted" | "refused" | "reset" | "dropped";
  /** The status, if the call was answered. */
  status?: number;
}

export interface Filter {
  /** The name of a call, "client" for all calls of the client API, or "any". */
  call?: CallName | "client" | "any";
  uid?: string;
  method?: string;
  status?: number;
  outcome?: NonNullable<JournalEntry["outcome"]>;
}

export interface Journal {
  readonly entries: readonly JournalEntry[];
  /** The number of entries that fit the filter. */
  calls: (filter?: Filter) => number;
  clear: () => void;
}

/** The most entries. A sandbox may run for days, so the oldest entries are removed. */
const most = 20_000;

export function journal(): Journal & { add: (entry: Omit<JournalEntry, "id">) => JournalEntry } {
  const entries: JournalEntry[] = [];
  let last = 0;
  return {
    entries,
    calls: (filter = {}) => entries.filter((entry) => fits(entry, filter)).length,
    clear: () => {
      entries.length = 0;
    },
    add: (entry) => {
      last += 1;
      const added = { id: last, ...entry };
      entries.push(added);
      if (entries.length > most) entries.splice(0, entries.length - most);
      return added;
    },
  };
}

function fits(entry: JournalEntry, { call = "any", ...rest }: Filter): boolean {
  if (!isCall(entry, call)) return false;
  return Object.entries(rest).every(([field, value]) => entry[field as keyof typeof rest] === value);
}

export function isCall(entry: Pick<JournalEntry, "call" | "surface">, call: NonNullable<Filter["call"]>): boolean {
  if (call === "any") return true;
  return call === "client" ? entry.surface === "client" : entry.call === call;
}
