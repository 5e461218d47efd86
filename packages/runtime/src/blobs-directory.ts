/**
 * Blobs in a directory, for a platform on one machine.
 *
 * A blob is written under a temporary name, flushed to disk, then renamed: it is there whole or not at all, also after
 * a power failure. Two levels of folders, named by the key's first four digits, keep each folder small.
 */
import { randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import type { ReadableStream as NodeReadableStream } from 'node:stream/web';
import { assertBlobKey } from './blob-key.ts';
import { type Blobs, type ByteRange, clipRange } from './blobs.ts';

export interface DirectoryBlobsOptions {
  /** Made when absent. One process at a time may use it. */
  directory: string;
}

/** Opens the directory and removes what crashed uploads left in it. */
export async function openDirectoryBlobs({ directory }: DirectoryBlobsOptions): Promise<Blobs> {
  const unfinished = join(directory, 'unfinished');
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { recursive: true, mode: 0o700 });

  return {
    async put(key, body) {
      const path = pathOf(directory, key);
      const temporary = join(unfinished, `${key}.${randomUUID()}`);
      try {
        const size = await writeDurably(temporary, body);
        await makeFolders(directory, path);
        await rename(temporary, path);
        await syncFolder(dirname(path));
        return size;
      } catch (error) {
        await rm(temporary, { force: true });
        throw error;
      }
    },

    async get(key, range) {
      const file = await openIfThere(pathOf(directory, key));
      if (file === undefined) return undefined;
      try {
        const { size } = await file.stat();
        return { size, body: read(file, range && clipRange(range, size)) };
      } catch (error) {
        await file.close();
        throw error;
      }
    },

    async delete(key) {
      await rm(pathOf(directory, key), { force: true });
    },

    async ping() {
      await stat(unfinished);
    },

    async close() {},
  };
}

function pathOf(directory: string, key: string): string {
  assertBlobKey(key);
  return join(directory, key.slice(0, 2), key.slice(2, 4), key);
}

async function writeDurably(path: string, body: ReadableStream<Uint8Array>): Promise<number> {
  const file = await open(path, 'wx', 0o600);
  try {
    let size = 0;
    for await (const chunk of body) {
      await file.writeFile(chunk);
      size += chunk.byteLength;
    }
    await file.sync();
    return size;
  } finally {
    await file.close();
  }
}

/** A rename survives a power failure once the folders on the way to it have been flushed too. */
async function makeFolders(directory: string, path: string): Promise<void> {
  const inner = dirname(path);
  const made = await mkdir(inner, { recursive: true, mode: 0o700 });
  if (made === undefined) return;
  await syncFolder(dirname(inner));
  await syncFolder(directory);
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Closes the file when the last byte is read or the reader goes away. */
function read(file: FileHandle, range: ByteRange | undefined): ReadableStream<Uint8Array> {
  const web: NodeReadableStream<Uint8Array> = Readable.toWeb(file.createReadStream(range ?? {}));
  return web as ReadableStream<Uint8Array>;
}
