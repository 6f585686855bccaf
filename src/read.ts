/** Settles when the signal aborts at the latest, whatever the work does about it. */
export function until<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(new Error("aborted"));
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

/**
 * A body's bytes, or undefined once there are more than `most`: counted while reading, since a declared length proves
 * nothing, and the rest is never read. Rejects when the signal aborts, and when the other side has gone.
 */
export async function readAtMost(
  body: ReadableStream<Uint8Array<ArrayBuffer>> | null,
  most: number,
  signal: AbortSignal,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  if (!body) return new Uint8Array();
  const reader = body.getReader();
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await until(signal, reader.read());
      if (done) break;
      size += value.byteLength;
      if (size > most) return undefined;
      chunks.push(value);
    }
  } finally {
    // Ends the transfer of what is not wanted; after the last byte it does nothing.
    reader.cancel().catch(() => undefined);
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}
