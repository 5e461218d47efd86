/**
 * Memory of chunks that nobody needs any more, freed at once.
 *
 * Of a large body each chunk is garbage as soon as it has been passed on, and it lies outside the heap: the collector
 * sees little reason to hurry, and tens of MiB pile up between two of its runs.
 */
import type { IncomingMessage } from 'node:http';

/** Smaller ones are not worth a call. */
const SIZE_MIN = 4096;

/**
 * Frees a chunk, whose length is 0 from then on. To be called by its owner, and when all who were given it are done
 * with it. Does nothing to one that shares its memory with others.
 */
export function freeSpent({ buffer, byteLength }: Uint8Array): void {
  if (byteLength < SIZE_MIN || byteLength !== buffer.byteLength) return;
  // What is moved into no bytes leaves its memory to nobody.
  if (buffer instanceof ArrayBuffer) buffer.transfer(0);
}

/** The same bytes, each chunk good until the next one is asked for. For who owns them, as the reader of a socket does. */
export function freeingSpent(source: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  const reader = source.getReader();
  let given: Uint8Array | undefined;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (given !== undefined) freeSpent(given);
        given = undefined;
        const { done, value } = await reader.read();
        if (done) return controller.close();
        given = value;
        controller.enqueue(value);
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}

/**
 * Frees what the socket of an answer receives as soon as it is parsed, until the answer's end. To be called when the
 * answer's head has come. Node's parser hands out copies, and is called before those who listen later than it.
 */
export function freeReceived(answer: IncomingMessage): void {
  const { socket } = answer;
  socket.on('data', freeSpent);
  // Whoever uses the connection next listens after us, and would find nothing.
  const stop = (): void => void socket.off('data', freeSpent);
  answer.once('end', stop).once('close', stop);
}
