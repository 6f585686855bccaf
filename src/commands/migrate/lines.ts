import { closeSync, fsyncSync, ftruncateSync, openSync, writeSync } from "node:fs";

/** A file of lines that only grows. What is written is there when `flush` returns, whatever kills the process. */
export class Lines {
  readonly #file: number;
  #length: number;
  #pending: string[] = [];
  #size = 0;

  /** `length`: bytes of it that are kept; what stands behind them was written for something that did not end. */
  constructor(path: string, length = 0) {
    // May hold what is known of users: nobody else reads it.
    this.#file = openSync(path, length > 0 ? "r+" : "w", 0o600);
    ftruncateSync(this.#file, length);
    this.#length = length;
  }

  /** Bytes, once flushed. */
  get length(): number {
    return this.#length;
  }

  write(text: string): void {
    this.#pending.push(text);
    this.#size += text.length;
    if (this.#size > 256 * 1024) this.flush();
  }

  flush(): void {
    const bytes = Buffer.from(this.#pending.join(""));
    this.#pending = [];
    this.#size = 0;
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#file, bytes, at, bytes.length - at, this.#length + at);
    this.#length += bytes.length;
  }

  /** Flushed, and safe from a loss of power too. */
  sync(): void {
    if (this.#pending.length === 0) return;
    this.flush();
    fsyncSync(this.#file);
  }

  close(): void {
    this.flush();
    closeSync(this.#file);
  }
}

const OPENING = "[\n";

/** The same as a JSON array, which is one when it is closed. */
export class JsonList {
  readonly #lines: Lines;

  constructor(path: string, length = 0) {
    this.#lines = new Lines(path, length);
    if (length > 0) return;
    this.#lines.write(OPENING);
    this.#lines.flush();
  }

  get length(): number {
    return this.#lines.length;
  }

  add(items: readonly object[]): void {
    let separator = this.#lines.length > OPENING.length ? ",\n" : "";
    for (const item of items) {
      this.#lines.write(separator + JSON.stringify(item));
      separator = ",\n";
    }
    this.#lines.sync();
  }

  /** `whole`: nothing more will come. */
  close(whole: boolean): void {
    if (whole) this.#lines.write("\n]\n");
    this.#lines.close();
  }
}
