/** Answers that fail while they are on their way: their reader must not take what has come for all of it. */
import type { Connection } from './service.ts';

export interface BreakOffOptions {
  /** The one that the answer goes out on; without one the failure is the reader's, who is in this process. */
  connection: Connection | undefined;
  /** Hears why, once. */
  onBroken: (error: unknown) => void;
}

/**
 * The stream; when it fails, the connection ends where it stands. The server under us would write the failure's text to
 * the console, and, when nothing has been sent yet, to the client.
 */
export function breaksOff(
  source: ReadableStream<Uint8Array>,
  { connection, onBroken }: BreakOffOptions,
): ReadableStream<Uint8Array> {
  const reader = source.getReader();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (done) controller.close();
          else controller.enqueue(value);
        } catch (error) {
          onBroken(error);
          if (connection?.breakOff === undefined) throw error;
          connection.breakOff();
          // Of no connection, it is an end that nobody sees.
          controller.close();
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}
