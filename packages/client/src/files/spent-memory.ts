/**
 * Memory of pieces that nobody needs any more, freed at once.
 *
 * It lies outside the heap, of which a piece of a file is as good as nothing: a collector that waits lets it pile up, and
 * one that is told of it walks the whole heap again and again. That took more time than to encrypt the file.
 */

/**
 * Frees a piece, whose length is 0 from then on. To be called by its owner. Does nothing to one that shares its memory with
 * others, and nothing where the platform has no word for it.
 */
export function freeSpent({ buffer, byteLength }: Uint8Array): void {
  if (byteLength !== buffer.byteLength || !('transfer' in buffer)) return;
  // What is moved into no bytes leaves its memory to nobody.
  buffer.transfer(0);
}

/** The same pieces, each good until the next one is asked for. For those who own them. */
export async function* freeingSpent(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    yield piece;
    freeSpent(piece);
  }
}
