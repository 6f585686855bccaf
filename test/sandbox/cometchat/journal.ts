import type { CallName, Surface } from "./calls.ts";

/** One request as it arrived, and what became of it. No value of a header is kept but the client's auth token. */
export interface JournalEntry {
  /** 1, 2, … */
  readonly id: number;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly surface: Surface;
  readonly call: CallName;
  readonly method: string;
  readonly host: string;
  /** With its query. An auth token may be in it, as CometChat's own paths hold one. */
  readonly path: string;
  /** The uid of the path, of a create's body, or of the auth token; "" where there is none. */
  readonly uid: string;
  /** Names in lower case, sorted. */
  readonly headers: readonly string[];
  /** Parsed where it is JSON, the text otherwise; undefined for none. */
  readonly body: unknown;
  /** What `fetch` was told to do with a redirect. Only "manual" keeps the API key from following one. */
  readonly redirect: string;
  /** The auth token that a client presented. */
  readonly authToken?: string;
  /** The fault that was played. */
  fault?: string;
  /** Undefined while under way. `dropped`: carried out, and the answer lost. */
  outcome?: "answered" | "aborted" | "refused" | "reset" | "dropped";
  /** Only of what was answered. */
  status?: number;
}

export interface Filter {
  /** A call, or "client" for all of the client API, or "any". */
  call?: CallName | "client" | "any";
  uid?: string;
  method?: string;
  status?: number;
  outcome?: NonNullable<JournalEntry["outcome"]>;
}

export interface Journal {
  readonly entries: readonly JournalEntry[];
  /** How many entries there are of a kind. */
  calls: (filter?: Filter) => number;
  clear: () => void;
}

/** A sandbox may run for days. */
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
