/**
 * A backup under a passphrase: Argon2id (RFC 9106) makes a key of it, and the archive is encrypted in chunks as files are
 * (`packages/crypto/src/file-stream.ts`), so that cutting, reordering and altering are noticed.
 *
 *     magic "SOTTOSB1", salt (16 bytes), memory in KiB and passes (4 bytes each, big endian), ciphertext
 */
import { argon2, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { CryptoError } from '@sotto/crypto';
import { encryptFileStream, unsealFile } from '@sotto/crypto/files';
import { nodeProvider } from '@sotto/crypto/node';
import { ArchiveError } from './records.ts';

const MAGIC = Buffer.from('SOTTOSB1');
const SALT_BYTES = 16;
const KEY_BYTES = 32;

/** What comes before the ciphertext. */
export const SEAL_BYTES = MAGIC.length + SALT_BYTES + 8;

/** A backup is opened seldom and may be tried at leisure by whoever has a copy: RFC 9106's second choice and more. */
const COST = { memory: 128 * 1024, passes: 4 } as const;

/** What a file may ask of whoever opens it. */
const MEMORY_KIB_MAX = 1024 * 1024;
const PASSES_MAX = 64;

/** True when a file that begins so is sealed. */
export function isSealed(beginning: Uint8Array): boolean {
  return MAGIC.equals(beginning.subarray(0, MAGIC.length));
}

/** What to write first, and what to send the archive through. */
export async function seal(passphrase: string): Promise<{
  beginning: Uint8Array;
  through: TransformStream<Uint8Array, Uint8Array>;
}> {
  const beginning = Buffer.alloc(SEAL_BYTES);
  beginning.set(MAGIC);
  beginning.set(randomBytes(SALT_BYTES), MAGIC.length);
  beginning.writeUInt32BE(COST.memory, SEAL_BYTES - 8);
  beginning.writeUInt32BE(COST.passes, SEAL_BYTES - 4);
  const key = await keyOf(passphrase, beginning);
  return { beginning, through: encryptFileStream(nodeProvider, { key, context: beginning }) };
}

/** The archive behind a seal. Throws an ArchiveError when the passphrase is another one, or bytes were altered. */
export async function* unseal(
  passphrase: string,
  beginning: Buffer,
  ciphertext: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const key = await keyOf(passphrase, beginning);
  const pieces = unsealFile(nodeProvider, { key, context: beginning });
  let isRight = false;
  try {
    for await (const bytes of ciphertext) {
      for (const piece of pieces.push(bytes)) {
        isRight = true;
        yield piece;
      }
    }
    yield* pieces.end();
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error;
    throw new ArchiveError(isRight ? 'altered' : 'wrong-passphrase', error);
  }
}

async function keyOf(passphrase: string, beginning: Buffer): Promise<Uint8Array> {
  const memory = beginning.readUInt32BE(SEAL_BYTES - 8);
  const passes = beginning.readUInt32BE(SEAL_BYTES - 4);
  if (memory < 8 || memory > MEMORY_KIB_MAX || passes < 1 || passes > PASSES_MAX) {
    throw new ArchiveError('altered');
  }
  const nonce = beginning.subarray(MAGIC.length, MAGIC.length + SALT_BYTES);
  const cost = { memory, passes, parallelism: 1, tagLength: KEY_BYTES };
  return promisify(argon2)('argon2id', { message: passphrase, nonce, ...cost });
}
