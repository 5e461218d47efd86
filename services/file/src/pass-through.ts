/** A stream of bytes with something done to it on the way, pulled by its reader. */

export type Pass = (source: ReadableStream<Uint8Array>) => AsyncGenerator<Uint8Array>;

/** What `pass` makes of the source. Nothing is read before it is asked for; a reader that goes away ends the source. */
export function passThrough(
  source: ReadableStream<Uint8Array>,
  pass: Pass,
): ReadableStream<Uint8Array> {
  const chunks = pass(source);
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await chunks.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      async cancel(reason) {
        await chunks.return(reason);
        // A generator that was never asked has not touched the source, so it does not let go of it either.
        if (!source.locked) await source.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}
