/** The 35 outside cases of C2SP through the reader and the writer of the SDK, over both providers. */
import { inflateSync } from 'node:zlib';
import { nobleProvider, type Provider } from '@sotto/crypto';
import type { FileSecret } from '@sotto/crypto/files';
import { nodeProvider } from '@sotto/crypto/node';
import vectors from '@sotto/crypto/vectors/wycheproof/c2sp_chunked_encryption_aes_256_gcm_test.json' with {
  type: 'json',
};
import { describe, expect, test } from 'vitest';
import { type CiphertextReader, openRanges, openWhole } from './file-download.ts';
import { sealFile } from './file-sealing.ts';

const HEADER_BYTES = 56;
const SEALED_BYTES = 16_400;
const cases = vectors.testGroups.flatMap((group) => group.tests);

test('there are 35 of them', () => expect(cases).toHaveLength(35));

describe.each([nodeProvider, nobleProvider])('over $name', (provider) => {
  test.each(cases)('case $tcId: $comment', async (vector) => {
    const secret = { key: fromHex(vector.key), context: fromHex(vector.ctx) };
    const ciphertext = inflate(fromHex(vector.ct));
    const size = vector.result === 'valid' ? vector.msgLength! : lengthIn(ciphertext);
    const lengths = { size, padded: size, ciphertext: ciphertext.length };
    const file = { secret, lengths, digest: provider.sha256(ciphertext) };
    const read = readerOf(ciphertext);
    const { output, error } = await drain(openWhole(provider, read, file));
    const part = openRanges(provider, read, file)({ start: 0, end: Math.min(size, 100) });
    if (vector.result === 'valid') {
      expect(error).toBeUndefined();
      expect(hash(provider, output)).toBe(vector.msgSha512);
      expect(await part).toEqual(output.subarray(0, 100));
      expect(await sealed(provider, secret, { ciphertext, output })).toEqual(ciphertext);
      return;
    }
    const isKeyWrong = vector.flags.includes('InvalidKeySize');
    expect(error).toMatchObject({ code: isKeyWrong ? 'input.invalid' : 'file.damaged' });
    // Of what is not whole its beginning at most is given out, and never the end.
    expect(output.length).toBeLessThanOrEqual(Math.max(0, (vector.msgLength ?? 0) - 1));
    if (!vector.flags.includes('ValidFinalChunk')) await expect(part).rejects.toThrow();
    else await part.catch(() => {});
  });
});

/** The writer, given what the vector was made with. */
async function sealed(
  provider: Provider,
  secret: FileSecret,
  { ciphertext, output }: { ciphertext: Uint8Array; output: Uint8Array },
): Promise<Uint8Array> {
  const lengths = { size: output.length, padded: output.length, ciphertext: ciphertext.length };
  const salt = ciphertext.slice(0, 24);
  const writer = sealFile(provider, new Blob([output.slice()]).stream(), { secret, salt, lengths });
  const made = new Uint8Array(ciphertext.length);
  const cut = Math.floor(made.length / 3);
  await writer.fill(made.subarray(0, cut));
  await writer.fill(made.subarray(cut));
  expect(writer.digest()).toEqual(provider.sha256(ciphertext));
  return made;
}

/** What a ciphertext of this length would hold, were it one. */
function lengthIn({ length }: Uint8Array): number {
  const rest = Math.max(0, length - HEADER_BYTES);
  return Math.max(0, rest - 16 * (Math.floor(rest / SEALED_BYTES) + 1));
}

function readerOf(ciphertext: Uint8Array): CiphertextReader {
  return async function* read({ start, end }) {
    for (let at = start; at < end; at += 7_000)
      yield ciphertext.subarray(at, Math.min(at + 7_000, end));
  };
}

async function drain(stream: ReadableStream<Uint8Array>) {
  const pieces: Uint8Array[] = [];
  let error: unknown;
  try {
    for await (const piece of stream) pieces.push(piece);
  } catch (thrown) {
    error = thrown;
  }
  return { output: new Uint8Array(Buffer.concat(pieces)), error };
}

function hash(provider: Provider, bytes: Uint8Array): string {
  return Buffer.from(provider.sha512(bytes)).toString('hex');
}

function fromHex(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'));
}

/** The vector file has its ciphertexts in zlib format. */
function inflate(compressed: Uint8Array): Uint8Array {
  return new Uint8Array(inflateSync(compressed));
}
