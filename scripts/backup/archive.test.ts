import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createArchiveFile, readArchiveFile } from './archive-file.ts';
import { BrokenOff, readArchive } from './archive-reader.ts';
import { writeArchive } from './archive-writer.ts';
import { type Entry, type Header, RECORD_BYTES_MAX } from './records.ts';

const NO_TABLES = { migrations: ['0001-init'], partitions: [], sequences: [] };
const HEADER: Header = {
  takenAt: '2026-11-21T20:00:00.000Z',
  release: '0.1.0',
  postgres: '18.4',
  incarnation: 1,
  schemas: { auth: NO_TABLES, key: NO_TABLES, message: NO_TABLES, file: NO_TABLES },
  fingerprints: {},
};
const KEY = '736f7474-6f00-4000-8000-000000000002';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sotto-archive-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test('what is written is read, in whatever pieces it comes', async () => {
  const content = fc.array(fc.uint8Array({ maxLength: 3_000 }), { maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(content, { maxLength: 4 }),
      fc.integer({ min: 1, max: 999 }),
      async (entries, cut) => {
        const archive = await archiveOf(entries);
        const found = await contents(inPieces(archive, cut));
        expect(found).toEqual(entries.map((pieces) => Buffer.concat(pieces)));
      },
    ),
    { numRuns: 60 },
  );
});

test('the header comes first, as it was written', async () => {
  let found: Header | undefined;
  await readArchive(inPieces(await archiveOf([]), 64), {
    header(header) {
      found = header;
    },
    entry: () => undefined,
  });
  expect(found).toEqual(HEADER);
});

test('an entry larger than a record is cut and put together again', async () => {
  const large = new Uint8Array(2 * RECORD_BYTES_MAX + 5).map((_, index) => index % 251);
  const [found] = await contents(inPieces(await archiveOf([[large]]), 100_000));
  expect(found?.equals(large)).toBe(true);
});

test('an archive that is cut off anywhere is refused', async () => {
  const archive = await archiveOf([[new Uint8Array(50)], [new Uint8Array(20)]]);
  for (let length = 0; length < archive.length; length += 1) {
    await expect(contents(inPieces(archive.subarray(0, length), 64))).rejects.toMatchObject({
      code: length < 8 ? 'not-a-backup' : 'truncated',
    });
  }
});

test('an archive with any bit turned is refused', async () => {
  const archive = await archiveOf([[new Uint8Array(50)], [new Uint8Array(20)]]);
  for (let at = 0; at < archive.length; at += 1) {
    const altered = Buffer.from(archive);
    altered[at] = (altered[at] ?? 0) ^ (1 << (at % 8));
    await expect(contents(inPieces(altered, 64)), `byte ${at}`).rejects.toMatchObject({
      name: 'ArchiveError',
    });
  }
});

test('something behind the end is refused, and so is a format that is not known yet', async () => {
  const archive = await archiveOf([]);
  const longer = Buffer.concat([archive, Buffer.of(0)]);
  await expect(contents(inPieces(longer, 64))).rejects.toMatchObject({ code: 'altered' });
  const newer = Buffer.from(archive);
  newer.write('2', 7);
  await expect(contents(inPieces(newer, 64))).rejects.toMatchObject({ code: 'newer-format' });
});

test('an entry that broke off says so to who reads it, and the next one is read', async () => {
  const pieces: Uint8Array[] = [];
  const archive = await writeArchive(async (bytes) => void pieces.push(bytes), HEADER);
  async function* breaking() {
    yield Buffer.from('half');
    throw new Error('the store is gone');
  }
  const entry: Entry = { kind: 'blob', key: KEY };
  await expect(archive.entry(entry, breaking())).rejects.toThrow('the store is gone');
  await archive.entry(entry, inPieces(Buffer.from('whole'), 2));
  await archive.end(0);
  const found: string[] = [];
  await readArchive(inPieces(Buffer.concat(pieces), 7), {
    header: () => undefined,
    async entry(_, content) {
      await collect(content).then(
        (bytes) => found.push(bytes.toString()),
        (error) => found.push(error instanceof BrokenOff ? 'broken off' : 'failed'),
      );
    },
  });
  expect(found).toEqual(['broken off', 'whole']);
});

test('a disk that failed once gets nothing more, and whoever is read from is let go', async () => {
  let calls = 0;
  const archive = await writeArchive(async () => {
    calls += 1;
    // What the magic, the header and the entry take is written: then the disk is full for a moment.
    if (calls === 6) throw new Error('the disk is full');
  }, HEADER);
  let isLetGo = false;
  async function* endless() {
    try {
      for (;;) yield Buffer.from('more');
    } finally {
      isLetGo = true;
    }
  }
  const entry: Entry = { kind: 'blob', key: KEY };
  await expect(archive.entry(entry, endless())).rejects.toThrow('the disk is full');
  expect(isLetGo).toBe(true);
  await expect(archive.entry(entry, each([]))).rejects.toThrow('the disk is full');
  await expect(archive.end(0)).rejects.toThrow('the disk is full');
});

test('a file has its name once it is whole, is for its owner alone, and replaces none', async () => {
  const path = join(directory, 'backup');
  const file = await createArchiveFile(path, undefined);
  await writeInto(file.sink);
  expect(() => statSync(path)).toThrow();
  await file.keep();
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(() => statSync(`${path}.partial`)).toThrow();
  await expect(createArchiveFile(path, undefined)).rejects.toThrow('is there already');
  const abandoned = await createArchiveFile(`${path}2`, undefined);
  await abandoned.discard();
  expect(() => statSync(`${path}2.partial`)).toThrow();
});

test('a file that the disk has altered is not kept', async () => {
  const path = join(directory, 'backup');
  const file = await createArchiveFile(path, undefined);
  const archive = await writeArchive(file.sink, HEADER);
  await archive.entry({ kind: 'blob', key: KEY }, each([Buffer.alloc(3 * RECORD_BYTES_MAX)]));
  await archive.end(0);
  const disk = openSync(`${path}.partial`, 'r+');
  expect(writeSync(disk, Buffer.of(1), 0, 1, 1_000)).toBe(1);
  closeSync(disk);
  await expect(file.keep()).rejects.toMatchObject({ code: 'altered' });
  expect(existsSync(path)).toBe(false);
  await file.discard();
  expect(existsSync(`${path}.partial`)).toBe(false);
});

test('a sealed file opens with its passphrase, and with no other', async () => {
  const path = join(directory, 'backup');
  const file = await createArchiveFile(path, 'correct horse battery');
  await writeInto(file.sink);
  await file.keep();
  expect(readFileSync(path).includes('takenAt')).toBe(false);
  expect(await contents(readArchiveFile(path, 'correct horse battery'))).toHaveLength(1);
  const wrong = { code: 'wrong-passphrase' };
  await expect(contents(readArchiveFile(path, 'correct horse batterY'))).rejects.toMatchObject(
    wrong,
  );
  await expect(contents(readArchiveFile(path, undefined))).rejects.toMatchObject({
    code: 'sealed',
  });
  writeFileSync(path, readFileSync(path).subarray(0, -1));
  await expect(contents(readArchiveFile(path, 'correct horse battery'))).rejects.toMatchObject({
    name: 'ArchiveError',
  });
}, 60_000);

async function archiveOf(entries: readonly (readonly Uint8Array[])[]): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  const archive = await writeArchive(async (bytes) => void pieces.push(bytes), HEADER);
  for (const entry of entries) await archive.entry({ kind: 'blob', key: KEY }, each(entry));
  await archive.end(0);
  return Buffer.concat(pieces);
}

async function writeInto(sink: (bytes: Uint8Array) => Promise<void>): Promise<void> {
  const archive = await writeArchive(sink, HEADER);
  await archive.entry({ kind: 'blob', key: KEY }, each([Buffer.alloc(100_000)]));
  await archive.end(0);
}

async function contents(archive: AsyncIterable<Uint8Array>): Promise<Buffer[]> {
  const found: Buffer[] = [];
  await readArchive(archive, {
    header: () => undefined,
    entry: async (_, content) => void found.push(await collect(content)),
  });
  return found;
}

async function collect(content: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of content) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function* each(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces;
}

async function* inPieces(bytes: Uint8Array, length: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}
