/** A body cut into the parts that a store takes, each assembled in memory that is shared by all bodies. */

import type { PartBuffer, PartMemory } from './part-memory.ts';

/**
 * Parts of BLOB_PART_BYTES, the last one shorter or, when it would be empty, missing. Each is good until the next one is
 * asked for. Leaving early cancels the body. Throws the body's own error, and those of PartMemory, where the owner has its
 * share.
 */
export async function* cutParts(
  body: ReadableStream<Uint8Array>,
  memory: PartMemory,
  owner: string,
): AsyncGenerator<Uint8Array, void, void> {
  const reader = body.getReader();
  const onGivenUp = (): void => {
    // The read under way ends at once, and the part then says why.
    reader.cancel().catch(() => undefined);
  };
  let part = memory.open({ owner, onGivenUp });
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      for (let rest = value; rest.byteLength > 0; ) {
        const taken = await part.append(rest);
        if (taken > 0) {
          rest = rest.subarray(taken);
          continue;
        }
        yield part.finish();
        part.release();
        part = memory.open({ owner, onGivenUp });
      }
    }
    yield* last(part);
  } finally {
    part.release();
    await reader.cancel();
  }
}

function* last(part: PartBuffer): Generator<Uint8Array> {
  const bytes = part.finish();
  if (bytes.byteLength > 0) yield bytes;
}
