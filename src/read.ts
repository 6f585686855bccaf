/**
 * A body's bytes, or undefined once there are more than `most`: counted while reading, since a declared length proves
 * nothing, and the rest is never read. `bounded` may end the wait for what never comes; rejects as it does.
 */
export async function readAtMost(
  body: ReadableStream<Uint8Array> | null,
  most: number,
  bounded = <T>(wait: Promise<T>): Promise<T> => wait,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  if (!body) return new Uint8Array();
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await bounded(reader.read());
      if (done) break;
      size += value.byteLength;
      if (size > most) return undefined;
      chunks.push(value);
    }
  } finally {
    // Ends the transfer of what is not wanted; after the last byte it does nothing.
    reader.cancel().catch(() => undefined);
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
}
