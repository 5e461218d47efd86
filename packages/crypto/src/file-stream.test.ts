/** The 35 outside cases over every provider, streaming, random access, and hostile sources. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import vectors from '../vectors/wycheproof/c2sp_chunked_encryption_aes_256_gcm_test.json' with {
  type: 'json',
};
import { concat, utf8 } from './bytes.ts';
import { withCode } from './crypto-error.fixture.ts';
import {
  type CiphertextSource,
  decryptedFileLength,
  decryptFile,
  decryptFileStream,
  encryptedFileLength,
  encryptFile,
  encryptFileStream,
  type FilePieces,
  type FileSecret,
  makeFileKey,
  makeFileSalt,
  openFile,
  unsafeSealFileAgain,
} from './file-stream.ts';
import { fromHex, toHex } from './hex.fixture.ts';
import { fastProvider, providers } from './providers.fixture.ts';

const CHUNK = 16 * 1024;
const SEALED = CHUNK + 16;

describe.each(providers)('file encryption with $name', (provider) => {
  const cases = vectors.testGroups.flatMap((group) => group.tests);
  const hash = (bytes: Uint8Array) => toHex(provider.sha512(bytes));

  test('has all 35 Wycheproof cases', () => {
    expect(cases).toHaveLength(35);
  });

  test.each(cases)('does as Wycheproof case $tcId says: $comment', async (vector) => {
    const secret = { key: fromHex(vector.key), context: fromHex(vector.ctx) };
    const ciphertext = await inflate(fromHex(vector.ct));
    const streamed = await streamThrough(() => decryptFileStream(provider, secret), ciphertext);
    const opened = openFile(provider, secret, sourceOf(ciphertext));

    if (vector.result === 'valid') {
      const plaintext = decryptFile(provider, secret, ciphertext);
      expect(plaintext).toHaveLength(vector.msgLength!);
      expect(hash(plaintext)).toBe(vector.msgSha512);
      expect(streamed.error).toBeUndefined();
      expect(hash(streamed.output)).toBe(vector.msgSha512);
      expect((await opened).length).toBe(vector.msgLength);
      const salt = ciphertext.slice(0, 24);
      const again = () => streamOf(unsafeSealFileAgain(provider, secret, salt));
      const sealed = await streamThrough(again, plaintext, [1, 20_000]);
      expect(sealed.output).toEqual(ciphertext);
      return;
    }
    const code = vector.flags.includes('InvalidKeySize') ? 'input.invalid' : 'file.undecryptable';
    expect(() => decryptFile(provider, secret, ciphertext)).toThrow(withCode(code));
    expect(streamed.error).toMatchObject({ code });
    expect(streamed.output).toHaveLength(vector.msgLength ?? 0);
    if (vector.msgLength !== undefined) expect(hash(streamed.output)).toBe(vector.msgSha512);
    if (vector.flags.includes('ValidFinalChunk')) await opened;
    else await expect(opened).rejects.toMatchObject({ code });
  });

  test('gives back a file of any length, in pieces of any lengths, and as long as announced', async () => {
    const lengths = fc.oneof(
      fc.constantFrom(0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK - 1),
      fc.nat({ max: 4 * CHUNK }),
    );
    const property = fc.asyncProperty(lengths, pieceLengths(), async (length, pieces) => {
      const secret = { key: makeFileKey(provider), context: utf8('a context') };
      const plaintext = patterned(length);
      const sealing = await streamThrough(
        () => encryptFileStream(provider, secret),
        plaintext,
        pieces,
      );
      expect(sealing.output).toHaveLength(encryptedFileLength(length));
      expect(decryptedFileLength(sealing.output.length)).toBe(length);
      expect(decryptFile(provider, secret, sealing.output)).toEqual(plaintext);
      const sealed = encryptFile(provider, secret, plaintext);
      const opening = await streamThrough(
        () => decryptFileStream(provider, secret),
        sealed,
        pieces,
      );
      expect(opening).toEqual({ output: plaintext, error: undefined });
    });
    await fc.assert(property, { numRuns: 40 });
  });

  test('reads any range of a file as it is', async () => {
    const secret = { key: makeFileKey(provider), context: new Uint8Array(0) };
    const plaintext = patterned(3 * CHUNK + 100);
    const ciphertext = encryptFile(provider, secret, plaintext);
    const file = await openFile(provider, secret, sourceOf(ciphertext));
    const property = fc.asyncProperty(
      fc.nat({ max: plaintext.length }),
      fc.nat({ max: plaintext.length }),
      async (a, b) => {
        const range = { start: Math.min(a, b), end: Math.max(a, b) };
        expect(await file.read(range)).toEqual(plaintext.slice(range.start, range.end));
      },
    );
    await fc.assert(property, { numRuns: 60 });
  });
});

describe('a file', () => {
  const provider = fastProvider;
  const secret: FileSecret = { key: makeFileKey(provider), context: utf8('conversation') };
  const plaintext = patterned(2 * CHUNK + 5);
  const ciphertext = encryptFile(provider, secret, plaintext);

  test('that is encrypted twice gives two ciphertexts', () => {
    expect(encryptFile(provider, secret, plaintext)).not.toEqual(ciphertext);
  });

  test('gives the same ciphertext again only under a salt that is given again', async () => {
    const salt = makeFileSalt(provider);
    const seal = async (bytes: Uint8Array) => {
      const again = () => streamOf(unsafeSealFileAgain(provider, secret, bytes));
      return (await streamThrough(again, plaintext)).output;
    };
    expect(await seal(salt)).toEqual(await seal(salt));
    expect(await seal(makeFileSalt(provider))).not.toEqual(await seal(salt));
    const short = () => unsafeSealFileAgain(provider, secret, salt.subarray(1));
    expect(short).toThrow(withCode('input.invalid'));
  });

  test('with any bit changed does not decrypt', () => {
    const property = fc.property(fc.nat({ max: ciphertext.length * 8 - 1 }), (bit) => {
      const changed = ciphertext.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect(() => decryptFile(provider, secret, changed)).toThrow(withCode('file.undecryptable'));
    });
    fc.assert(property, { numRuns: 200 });
  });

  test('cut at any length does not decrypt', () => {
    const property = fc.property(fc.nat({ max: ciphertext.length - 1 }), (length) => {
      const cut = ciphertext.slice(0, length);
      expect(() => decryptFile(provider, secret, cut)).toThrow(withCode('file.undecryptable'));
    });
    fc.assert(property, { numRuns: 200 });
  });

  test('of a length that no file has is refused before a byte of it is read', async () => {
    for (const length of [
      -1,
      0,
      55,
      56,
      71,
      56 + SEALED,
      56 + SEALED + 15,
      1.5,
      Number.NaN,
      2 ** 53,
    ]) {
      const read = () => Promise.reject(new Error('not to be read'));
      const opening = openFile(provider, secret, { length, read });
      await expect(opening).rejects.toMatchObject({ code: 'file.undecryptable' });
    }
  });

  test('is at most 64 TiB long', () => {
    const longest = 2 ** 32 * CHUNK - 1;
    expect(decryptedFileLength(encryptedFileLength(longest))).toBe(longest);
    expect(() => encryptedFileLength(longest + 1)).toThrow(withCode('input.invalid'));
    const tooLong = encryptedFileLength(longest) + 1;
    expect(() => decryptedFileLength(tooLong)).toThrow(withCode('file.undecryptable'));
    expect(() => decryptedFileLength(tooLong + 16)).toThrow(withCode('file.undecryptable'));
  });

  test('whose server claims a length that is not its own does not open', async () => {
    for (const length of [ciphertext.length - 1, ciphertext.length + 1, 56 + SEALED + 16]) {
      const longer = concat(ciphertext, new Uint8Array(1));
      const opening = openFile(provider, secret, { ...sourceOf(longer), length });
      await expect(opening).rejects.toMatchObject({ code: 'file.undecryptable' });
    }
  });

  test('whose server answers with too few bytes or with another chunk is not read', async () => {
    const honest = sourceOf(ciphertext);
    let read = honest.read;
    const source = {
      length: honest.length,
      read: (range: { start: number; end: number }) => read(range),
    };
    const file = await openFile(provider, secret, source);
    read = ({ start, end }) => honest.read({ start, end: end - 1 });
    await expect(file.read({ start: 0, end: 1 })).rejects.toMatchObject({
      code: 'file.undecryptable',
    });
    read = ({ start, end }) => honest.read({ start: start + SEALED, end: end + SEALED });
    await expect(file.read({ start: 0, end: 1 })).rejects.toMatchObject({
      code: 'file.undecryptable',
    });
  });

  test('is read from the chunks around a range only, and not at all for an empty range', async () => {
    const ranges: { start: number; end: number }[] = [];
    const { length, read } = sourceOf(ciphertext);
    const source: CiphertextSource = {
      length,
      read: (range) => {
        ranges.push(range);
        return read(range);
      },
    };
    const file = await openFile(provider, secret, source);
    await file.read({ start: CHUNK, end: 2 * CHUNK });
    await file.read({ start: CHUNK - 1, end: 2 * CHUNK + 1 });
    await file.read({ start: 7, end: 7 });
    expect(ranges).toEqual([
      { start: 0, end: 56 },
      { start: 56 + 2 * SEALED, end: length },
      { start: 56 + SEALED, end: 56 + 2 * SEALED },
      { start: 56, end: length },
    ]);
  });

  test('is not read outside itself', async () => {
    const file = await openFile(provider, secret, sourceOf(ciphertext));
    for (const [start, end] of [
      [-1, 1],
      [0, file.length + 1],
      [2, 1],
      [0.5, 1],
      [0, Number.NaN],
    ] as const) {
      await expect(file.read({ start, end })).rejects.toMatchObject({ code: 'input.invalid' });
    }
  });

  test('is neither encrypted nor opened with a key or context of the wrong kind', async () => {
    const short = { key: new Uint8Array(31), context: new Uint8Array(0) };
    expect(() => encryptFileStream(provider, short)).toThrow(withCode('input.invalid'));
    expect(() => decryptFileStream(provider, short)).toThrow(withCode('input.invalid'));
    const opening = openFile(provider, short, sourceOf(ciphertext));
    await expect(opening).rejects.toMatchObject({ code: 'input.invalid' });
  });

  test('is held in memory by a few chunks only, however long it is', async () => {
    const piece = new Uint8Array(64 * 1024);
    const total = 512;
    let pulled = 0;
    const source = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled += 1;
        if (pulled > total) controller.close();
        else controller.enqueue(piece);
      },
    });
    const reader = source
      .pipeThrough(encryptFileStream(provider, secret))
      .pipeThrough(decryptFileStream(provider, secret))
      .getReader();
    let received = 0;
    let ahead = 0;
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      received += next.value.length;
      ahead = Math.max(ahead, pulled * piece.length - received);
    }
    expect(received).toBe(total * piece.length);
    expect(ahead).toBeLessThan(6 * piece.length);
  });
});

function patterned(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 8)) & 0xff);
}

function pieceLengths() {
  return fc.array(fc.oneof(fc.nat({ max: 100 }), fc.nat({ max: 3 * CHUNK })), { maxLength: 8 });
}

function sourceOf(ciphertext: Uint8Array): CiphertextSource {
  const read = async ({ start, end }: { start: number; end: number }) =>
    ciphertext.slice(start, end);
  return { length: ciphertext.length, read };
}

/** Feeds bytes in the given pieces and then the rest; collects what comes out, and how it ended. */
async function streamThrough(
  make: () => TransformStream<Uint8Array, Uint8Array>,
  bytes: Uint8Array,
  pieces: readonly number[] = [],
) {
  let output: Uint8Array = new Uint8Array(0);
  try {
    const parts = cut(bytes, pieces);
    const source = new ReadableStream<Uint8Array>({
      pull(controller) {
        const next = parts.next();
        if (next.done) controller.close();
        else controller.enqueue(next.value);
      },
    });
    const reader = source.pipeThrough(make()).getReader();
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      output = concat(output, next.value);
    }
    return { output, error: undefined };
  } catch (error) {
    return { output, error };
  }
}

function streamOf({ push, end }: FilePieces): TransformStream<Uint8Array, Uint8Array> {
  return new TransformStream({
    transform(bytes, controller) {
      for (const piece of push(bytes)) controller.enqueue(piece);
    },
    flush(controller) {
      for (const piece of end()) controller.enqueue(piece);
    },
  });
}

function* cut(bytes: Uint8Array, pieces: readonly number[]): Generator<Uint8Array> {
  let at = 0;
  for (const length of pieces) {
    yield bytes.subarray(at, at + length);
    at += length;
  }
  yield bytes.subarray(at);
}

/** The vector file has its ciphertexts in zlib format. */
async function inflate(compressed: Uint8Array): Promise<Uint8Array> {
  const stream = new Blob([compressed.slice()])
    .stream()
    .pipeThrough(new DecompressionStream('deflate'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
