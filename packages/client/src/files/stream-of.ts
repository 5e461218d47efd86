/** Streams as generators, and back. Browsers lack `ReadableStream.from` and, some of them, `for await` over a stream. */

/** A stream of what a generator gives, which runs only as far as it is read. */
export function streamOf(
  pieces: Generator<Uint8Array> | AsyncGenerator<Uint8Array>,
): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await pieces.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await pieces.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
}

/** What a stream brings. Whoever stops reading ends the stream. */
export async function* chunksOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {}); // It failed, and whoever reads has been told.
  }
}
