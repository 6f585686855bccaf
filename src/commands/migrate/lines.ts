import { closeSync, fsyncSync, ftruncateSync, openSync, statSync, writeSync } from "node:fs";
import { UsageError } from "./settings.ts";

/** A file that lines are appended to. Lines are safe from the end of this process once `flush` has returned. */
export class Lines {
  readonly #file: number;
  #length: number;
  #pending: string[] = [];
  #size = 0;

  /**
   * `length`: how many bytes of an existing file to keep. What follows them belongs to a batch that was not completed.
   * Throws `UsageError` if the file has fewer.
   */
  constructor(path: string, length = 0) {
    if (length > 0 && (statSync(path, { throwIfNoEntry: false })?.size ?? 0) < length) {
      throw new UsageError(`${path} is not as the unfinished run left it. Use --restart to begin anew.`);
    }
    // Mode 600, since the file may contain personal data of users.
    this.#file = openSync(path, length > 0 ? "r+" : "w", 0o600);
    ftruncateSync(this.#file, length);
    this.#length = length;
  }

  /** The length in bytes, without lines that are not flushed yet. */
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

  /** Flushes, and waits until the lines are safe from a power failure as well. */
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

/** A file with a JSON array that items are appended to. It is complete JSON once it is closed. */
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

  /** `whole`: whether the list is complete, so that the array is closed. */
  close(whole: boolean): void {
    if (whole) this.#lines.write("\n]\n");
    this.#lines.close();
  }
}
