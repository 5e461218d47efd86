/** Answers that fail while they are on their way: their reader must not take what has come for all of it. */
import type { Connection } from './service.ts';

export interface BreakOffOptions {
  /** The one that the answer goes out on; without one the failure is the reader's, who is in this process. */
  connection: Connection | undefined;
  /** Hears why, once. */
  onBroken: (error: unknown) => void;
}

/**
 * The stream; when it fails, the connection ends where it stands, also while its reader takes nothing. The server under us
 * would write the failure's text to the console, and, when nothing has been sent yet, to the client.
 */
export function breaksOff(
  source: ReadableStream<Uint8Array>,
  { connection, onBroken }: BreakOffOptions,
): ReadableStream<Uint8Array> {
  const reader = source.getReader();
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        // Not by reading: whoever stopped asking would never hear of it, and keep the connection.
        reader.closed.catch((error: unknown) => {
          onBroken(error);
          if (connection?.breakOff === undefined) return controller.error(error);
          connection.breakOff();
          // Of no connection, it is an end that nobody sees.
          controller.close();
        });
      },
      async pull(controller) {
        const next = await reader.read().catch(() => undefined); // It has been told by then.
        if (next?.done) controller.close();
        else if (next !== undefined) controller.enqueue(next.value);
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}
