/** A backup as a file: whole under its name or not there, and for its owner alone. */

import { createReadStream } from 'node:fs';
import { access, type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { readArchive } from './archive-reader.ts';
import type { Sink } from './archive-writer.ts';
import { ArchiveError } from './records.ts';
import { isSealed, SEAL_BYTES, seal, unseal } from './sealed-archive.ts';

/** Pieces are small: the disk gets them together. */
const WRITE_BYTES = 1024 * 1024;

export interface ArchiveFile {
  sink: Sink;
  /** Flushes everything to disk, reads it back to its end and gives the file its name. Throws an ArchiveError. */
  keep(): Promise<void>;
  /** Removes what was written. Does nothing after `keep`. */
  discard(): Promise<void>;
}

/** Begins a file, under another name until it is kept. Throws when the name is taken. */
export async function createArchiveFile(
  path: string,
  passphrase: string | undefined,
): Promise<ArchiveFile> {
  await refuseTaken(path);
  const draft = `${path}.partial`;
  // What a backup left that was killed goes with this: whoever calls sees to it that there is one at a time.
  await rm(draft, { force: true });
  const file = await open(draft, 'wx', 0o600);
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  const flush = async (): Promise<void> => {
    const bytes = Buffer.concat(held);
    held = [];
    heldBytes = 0;
    await file.writeFile(bytes);
  };
  const write: Sink = async (bytes) => {
    held.push(bytes);
    heldBytes += bytes.length;
    if (heldBytes >= WRITE_BYTES) await flush();
  };
  const { sink, end } = passphrase === undefined ? plain(write) : await sealed(write, passphrase);
  let isOver = false;
  return {
    sink,
    async keep() {
      await end();
      await flush();
      await file.sync();
      await readBack(draft, passphrase);
      await refuseTaken(path);
      await rename(draft, path);
      isOver = true;
      await file.close();
      await syncFolder(dirname(path));
    },
    async discard() {
      if (isOver) return;
      isOver = true;
      await file.close();
      await rm(draft, { force: true });
    },
  };
}

async function refuseTaken(path: string): Promise<void> {
  const isTaken = await access(path).then(
    () => true,
    () => false,
  );
  if (isTaken) throw new Error(`${path} is there already: a backup never replaces another`);
}

/** What a disk or a memory has altered on the way is found now, and not by the restore that needs it. */
async function readBack(path: string, passphrase: string | undefined): Promise<void> {
  await readArchive(readArchiveFile(path, passphrase), {
    header: () => undefined,
    entry: () => undefined,
  });
}

function plain(sink: Sink): { sink: Sink; end(): Promise<void> } {
  return { sink, end: async () => undefined };
}

async function sealed(
  write: Sink,
  passphrase: string,
): Promise<{ sink: Sink; end(): Promise<void> }> {
  const { beginning, through } = await seal(passphrase);
  await write(beginning);
  const writer = through.writable.getWriter();
  const writing = (async () => {
    for await (const bytes of through.readable) await write(bytes);
  })();
  // A disk that is full ends the stream, and so the next write says so.
  writing.catch(() => undefined);
  return {
    sink: (bytes) => writer.write(bytes),
    async end() {
      await writer.close();
      await writing;
    },
  };
}

/** The archive in a file. Throws an ArchiveError for one that needs a passphrase. */
export async function* readArchiveFile(
  path: string,
  passphrase: string | undefined,
): AsyncGenerator<Uint8Array> {
  const beginning = await beginningOf(path);
  if (!isSealed(beginning)) {
    yield* createReadStream(path, { highWaterMark: WRITE_BYTES });
    return;
  }
  if (passphrase === undefined) throw new ArchiveError('sealed');
  if (beginning.length < SEAL_BYTES) throw new ArchiveError('truncated');
  const rest = createReadStream(path, { start: SEAL_BYTES, highWaterMark: WRITE_BYTES });
  yield* unseal(passphrase, beginning, rest);
}

/** True when the file is encrypted. */
export async function isSealedFile(path: string): Promise<boolean> {
  return isSealed(await beginningOf(path));
}

async function beginningOf(path: string): Promise<Buffer> {
  await using file: FileHandle = await open(path, 'r');
  const { buffer, bytesRead } = await file.read(Buffer.alloc(SEAL_BYTES), 0, SEAL_BYTES, 0);
  return buffer.subarray(0, bytesRead);
}

/** A name survives a power failure once its folder has been flushed. */
async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, 'r');
  await folder.sync();
}
