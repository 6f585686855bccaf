import { existsSync, readFileSync, rmSync } from "node:fs";
import { gunzipSync, gzipSync } from "node:zlib";
import { fits, list, number, type Output, type Shape, table, text } from "../../shape.ts";
import { Lines } from "./lines.ts";
import { UsageError } from "./settings.ts";

/** The format of the journal. Raise it when batches are made differently: old journals cannot be continued then. */
const VERSION = 1;

const wholeTable = <M extends Parameters<typeof table>[0]>(members: M) => table(members, "must be a table");
const lengths = wholeTable({ failed: number, kv: number });

const header = wholeTable({
  version: number,
  /** The digest of the input and of everything else that the batches depend on. */
  fingerprint: text,
  /** Milliseconds since 1970: when the run began. */
  began: number,
  /** For each row one bit: whether CometChat had the user when the run began. Compressed, in base64. */
  existing: text,
  lengths,
});

const done = wholeTable({
  batch: number,
  created: number,
  updated: number,
  /** Users that CometChat had already and that were not changed. */
  existing: number,
  /** The uids of users that CometChat refused. */
  failed: list(text, "must be a list"),
  lengths,
});

/** The lengths of the run's output files, in bytes. */
export type Lengths = Output<typeof lengths>;
/** The outcome of one batch. */
export type Done = Output<typeof done>;
type Header = Output<typeof header>;

/** A run that did not end, as its journal describes it. */
export interface Unfinished {
  readonly fingerprint: string;
  readonly began: number;
  readonly existing: (row: number) => boolean;
  readonly done: readonly Done[];
  readonly lengths: Lengths;
  /** The length of the journal's complete lines, in bytes. */
  readonly length: number;
}

/**
 * The file that records which batches are done, so that a run that was killed can be continued. Its first line
 * describes the run; each further line is written when CometChat has answered a batch. The file is deleted when the run
 * ends.
 */
export class Journal {
  readonly #lines: Lines;
  readonly #path: string;

  private constructor(path: string, length = 0) {
    this.#path = path;
    this.#lines = new Lines(path, length);
  }

  /**
   * Reads the journal of an earlier run. Undefined if that run ended or did not begin to send. Throws `UsageError` if the
   * file is damaged.
   */
  static read(path: string): Unfinished | undefined {
    if (!existsSync(path)) return undefined;
    try {
      return Journal.#read(path);
    } catch {
      throw new UsageError(`${path} is damaged, or of something else. Use --restart to begin the import anew.`);
    }
  }

  static #read(path: string): Unfinished | undefined {
    const content = readFileSync(path, "utf8");
    // If the process was killed, the last line may be incomplete.
    const whole = content.slice(0, content.lastIndexOf("\n") + 1);
    const [first, ...rest] = whole.split("\n").filter((line) => line !== "");
    if (first === undefined) return undefined;
    const begun = parsed(first, header);
    const batches = rest.map((line) => parsed(line, done));
    const bits = gunzipSync(Buffer.from(begun.existing, "base64"));
    return {
      fingerprint: begun.version === VERSION ? begun.fingerprint : "",
      began: begun.began,
      existing: (row) => (((bits[row >> 3] ?? 0) >> (row & 7)) & 1) === 1,
      done: batches,
      lengths: batches.at(-1)?.lengths ?? begun.lengths,
      length: Buffer.byteLength(whole),
    };
  }

  static begin(
    path: string,
    run: { readonly fingerprint: string; readonly began: number; readonly lengths: Lengths },
    rows: number,
    existing: (row: number) => boolean,
  ): Journal {
    const bits = Buffer.alloc(Math.ceil(rows / 8));
    for (let row = 0; row < rows; row++) if (existing(row)) bits[row >> 3] = (bits[row >> 3] ?? 0) | (1 << (row & 7));
    const journal = new Journal(path);
    const begun: Header = { version: VERSION, ...run, existing: gzipSync(bits).toString("base64") };
    journal.#lines.write(`${JSON.stringify(begun)}\n`);
    journal.#lines.sync();
    return journal;
  }

  static resume(path: string, { length }: Unfinished): Journal {
    return new Journal(path, length);
  }

  done(done: Done): void {
    this.#lines.write(`${JSON.stringify(done)}\n`);
    this.#lines.sync();
  }

  /** `ended`: whether the run is complete, so that the file is deleted. */
  close(ended: boolean): void {
    this.#lines.close();
    if (ended) rmSync(this.#path, { force: true });
  }
}

function parsed<T>(line: string, shape: Shape<T>): T {
  const value: unknown = JSON.parse(line);
  if (fits(shape, value)) return value;
  throw new Error("This is no line of a journal.");
}
