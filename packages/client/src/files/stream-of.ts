/** Streams as generators, and back. Browsers lack `ReadableStream.from` and, some of them, `for await` over a stream. */

/**
 * A stream of what a generator gives, which runs only as far as it is read. Whoever reads no more aborts `leaving`: that
 * ends what the generator waits for, which its own end would wait for.
 */
export function streamOf(
  pieces: Generator<Uint8Array> | AsyncGenerator<Uint8Array>,
  leaving?: AbortController,
): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await pieces.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      async cancel(reason) {
        leaving?.abort(reason);
        await pieces.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
}

/** What a stream brings. Whoever stops reading ends the stream, and so does `ended`, whose reason is thrown. */
export async function* chunksOf(
  stream: ReadableStream<Uint8Array>,
  ended?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  const cancel = () => void reader.cancel(ended?.reason).catch(() => {});
  ended?.addEventListener('abort', cancel);
  try {
    for (;;) {
      ended?.throwIfAborted();
      const { done, value } = await reader.read();
      ended?.throwIfAborted();
      if (done) return;
      yield value;
    }
  } finally {
    ended?.removeEventListener('abort', cancel);
    await reader.cancel().catch(() => {}); // It failed, and whoever reads has been told.
  }
}
