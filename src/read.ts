/** Settles when the signal aborts at the latest, whatever the work does about it. */
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
 * A body's bytes, or undefined once there are more than `most`: counted while reading, and the rest is never read.
 * Rejects when the signal aborts, and when the other side has gone.
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
    // Ends the transfer of what is not wanted; after the last byte it does nothing.
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
 * The same for an answer, read at once where its length is known: HTTP ends it there (RFC 9112 §6.3). Not where it was
 * compressed, since the length is then that of less.
 */
export async function readAnswer(answer: Response, most: number, signal: AbortSignal): Promise<Bytes | undefined> {
  const { headers, body } = answer;
  const length = headers.get("Content-Length");
  if (length === null || Number(length) > most || headers.has("Content-Encoding"))
    return readAtMost(body, most, signal);
  return new Uint8Array(await answer.arrayBuffer());
}
