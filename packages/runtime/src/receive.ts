/** The body of a message that arrives, as a web stream. */
import { finished, type Readable } from 'node:stream';

/**
 * What the source brings, read when it is asked for. Node's own `Readable.toWeb` copies each chunk, and reads ahead.
 * Fails when the source does, or ends early. `letGo` is called when the reader cancels; the source is paused then.
 */
export function receive(source: Readable, letGo: () => void): ReadableStream<Uint8Array> {
  let stop: (() => void) | undefined;
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const forward = (chunk: Uint8Array): void => {
          source.pause();
          controller.enqueue(chunk);
        };
        source.pause();
        source.on('data', forward);
        const forget = finished(source, { writable: false }, (error) => {
          source.off('data', forward);
          if (error) controller.error(error);
          else controller.close();
        });
        stop = () => {
          forget();
          source.off('data', forward);
          source.pause();
        };
      },
      pull: () => void source.resume(),
      cancel() {
        stop?.();
        letGo();
      },
    },
    { highWaterMark: 0 },
  );
}
