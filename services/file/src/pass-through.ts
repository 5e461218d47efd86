/** Streams of bytes with something done to them on the way, pulled by their reader. */

export type Pass = (source: ReadableStream<Uint8Array>) => AsyncGenerator<Uint8Array>;

/**
 * What `pass` makes of the source. Nothing is read before it is asked for. A reader that goes away ends the source at
 * once, also one that keeps silent: what `pass` is waiting for fails then.
 */
export function passThrough(
  source: ReadableStream<Uint8Array>,
  pass: Pass,
): ReadableStream<Uint8Array> {
  const leaving = new AbortController();
  const chunks = pass(untilAborted(source, leaving.signal));
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await chunks.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      async cancel(reason) {
        leaving.abort(reason);
        await chunks.return(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

/** The same bytes. Fails with the signal's reason once that is aborted, also while the source keeps silent. */
export function untilAborted(
  source: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): ReadableStream<Uint8Array> {
  const reader = source.getReader();
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const stop = (): void => {
          controller.error(signal.reason);
          // One that broke off has told so already.
          reader.cancel().catch(() => undefined);
        };
        if (signal.aborted) stop();
        else signal.addEventListener('abort', stop, { once: true });
      },
      async pull(controller) {
        const { done, value } = await reader.read();
        if (signal.aborted) return;
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}
