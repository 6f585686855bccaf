import { existsSync, readFileSync, rmSync } from "node:fs";
import { gunzipSync, gzipSync } from "node:zlib";
import { Lines } from "./lines.ts";

/** Raised when batches are made in another way: a journal of before is of no use then. */
const VERSION = 1;

/** How far the files that go with a run had come. */
export interface Lengths {
  readonly failed: number;
  readonly kv: number;
}

/** What became of one batch. */
export interface Done extends Counts {
  readonly batch: number;
  readonly lengths: Lengths;
}

interface Counts {
  readonly created: number;
  readonly updated: number;
  /** There already, and left as they are. */
  readonly existing: number;
  /** The uids of those that CometChat refused. */
  readonly failed: readonly string[];
}

interface Header {
  readonly version: number;
  /** Digest of the input and of everything that the batches depend on. */
  readonly fingerprint: string;
  /** Milliseconds since 1970: when the run began. */
  readonly began: number;
  /** By row: whether CometChat had the user when the run began. Bits, compressed, base64. */
  readonly existing: string;
  readonly lengths: Lengths;
}

/** An unfinished run. */
export interface Unfinished {
  readonly fingerprint: string;
  readonly began: number;
  readonly existing: (row: number) => boolean;
  readonly done: readonly Done[];
  readonly lengths: Lengths;
  /** Bytes of the journal that can be relied on. */
  readonly length: number;
}

/**
 * Remembers which batches are done, so that a run that was killed can go on. The first line says of what; each other
 * one is written when a batch has been answered. It is there while a run has not ended.
 */
export class Journal {
  readonly #lines: Lines;
  readonly #path: string;

  private constructor(path: string, length = 0) {
    this.#path = path;
    this.#lines = new Lines(path, length);
  }

  /** What an earlier run left; undefined where it ended, or never began to send. */
  static read(path: string): Unfinished | undefined {
    if (!existsSync(path)) return undefined;
    const text = readFileSync(path, "utf8");
    // The last line may have been cut off by what ended the run.
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    const [first, ...rest] = whole.split("\n").filter((line) => line !== "");
    if (first === undefined) return undefined;
    const header = JSON.parse(first) as Header;
    const done = rest.map((line) => JSON.parse(line) as Done);
    const bits = gunzipSync(Buffer.from(header.existing, "base64"));
    return {
      fingerprint: header.version === VERSION ? header.fingerprint : "",
      began: header.began,
      existing: (row) => (((bits[row >> 3] ?? 0) >> (row & 7)) & 1) === 1,
      done,
      lengths: done.at(-1)?.lengths ?? header.lengths,
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
    const header: Header = { version: VERSION, ...run, existing: gzipSync(bits).toString("base64") };
    journal.#lines.write(`${JSON.stringify(header)}\n`);
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

  /** `ended`: nothing is left to go on with. */
  close(ended: boolean): void {
    this.#lines.close();
    if (ended) rmSync(this.#path, { force: true });
  }
}
