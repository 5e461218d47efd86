/** The ciphertext of a file, made as it is asked for: neither it nor the file is ever held whole. */
import type { Provider } from '@sotto/crypto';
import { type FileSecret, unsafeSealFileAgain } from '@sotto/crypto/files';
import type { Lengths } from './file-lengths.ts';
import { pad } from './file-padding.ts';
import { through } from './file-pieces.ts';
import { freeingSpent } from './spent-memory.ts';

/** What a file is encrypted with. Another file under the same key and salt would give both away: see `file-progress.ts`. */
export interface Seal {
  readonly secret: FileSecret;
  readonly salt: Uint8Array;
}

/** The ciphertext of one file, from its beginning to its end. */
export interface Ciphertext {
  /** Fills an array with what comes next. Throws `file.size`, or what reading the file throws. */
  fill(into: Uint8Array): Promise<void>;
  /** SHA-256 of everything up to here. */
  digest(): Uint8Array;
  /** Lets go of the file, once what is being read of it has come. */
  close(): void;
}

/** Encrypts a file. It must not come to an end before `lengths` says so: whoever asks for more has a bug. */
export function sealFile(
  provider: Provider,
  plaintext: AsyncIterable<Uint8Array>,
  { secret, salt, lengths }: Seal & { readonly lengths: Lengths },
): Ciphertext {
  const sealer = unsafeSealFileAgain(provider, secret, salt);
  const pieces = freeingSpent(through(sealer, pad(plaintext, lengths)));
  const hash = provider.startSha256();
  let held: Uint8Array = new Uint8Array();
  return {
    async fill(into) {
      for (let at = 0; at < into.length; ) {
        if (held.length === 0) {
          const { done, value } = await pieces.next();
          if (done) throw new RangeError('the ciphertext has ended');
          held = value;
        }
        const count = Math.min(held.length, into.length - at);
        const next = held.subarray(0, count);
        hash.update(next);
        into.set(next, at);
        held = held.subarray(count);
        at += count;
      }
    },
    digest: () => hash.digest(),
    // It failed before, and whoever read has been told; what it still waits for may never come.
    close: () => void pieces.return(undefined).catch(() => {}),
  };
}
