/** Resolves or rejects as `work` does, or rejects when the signal aborts, even if `work` ignores the signal. */
export function until<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(new Error("aborted"));
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

type Bytes = Uint8Array<ArrayBuffer>;

/**
 * Reads a body. Undefined if it has more than `most` bytes; the rest is then not read. Rejects when the signal aborts
 * or the other side disconnects.
 */
export async function readAtMost(
  body: ReadableStream<Bytes> | null,
  most: number,
  signal: AbortSignal,
): Promise<Bytes | undefined> {
  if (!body) return new Uint8Array();
  const reader = body.getReader();
  try {
    return await until(signal, collect(reader, most));
  } finally {
    // This ends the transfer of the rest; after the last byte it does nothing.
    reader.cancel().catch(() => undefined);
  }
}

async function collect(reader: ReadableStreamDefaultReader<Bytes>, most: number): Promise<Bytes | undefined> {
  const chunks: Bytes[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.byteLength;
    if (size > most) return undefined;
    chunks.push(value);
  }
  const [only] = chunks;
  return only && chunks.length === 1 ? only : new Uint8Array(await new Blob(chunks).arrayBuffer());
}

/**
 * Reads the body of an answer. If its length is known, it is read at once, since HTTP ends it there (RFC 9112 §6.3).
 * The length of a compressed body is not that of its content, so such a body is counted while it is read.
 */
export async function readAnswer(answer: Response, most: number, signal: AbortSignal): Promise<Bytes | undefined> {
  const { headers } = answer;
  const length = headers.get("Content-Length");
  // The stream is not touched unless it is needed: the runtime makes one at the first look.
  if (length === null || Number(length) > most || headers.has("Content-Encoding"))
    return readAtMost(answer.body, most, signal);
  return new Uint8Array(await answer.arrayBuffer());
}
