/** Files on their way through their cipher. */
import type { FilePieces } from '@sotto/crypto/files';

/** What the cipher makes of the pieces. None of them is needed any more when the next one is asked for. */
export async function* through(
  { push, end }: FilePieces,
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) yield* push(piece);
  yield* end();
}
