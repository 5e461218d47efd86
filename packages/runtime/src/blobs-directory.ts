/**
 * Blobs in a directory, for a platform on one machine.
 *
 * A blob is written under a temporary name, flushed to disk, then renamed: it is there whole or not at all, also after
 * a power failure. Two levels of folders, named by the key's first four digits, keep each folder small.
 */
import { randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import type { ReadableStream as NodeReadableStream } from 'node:stream/web';
import { assertBlobKey, isBlobKey } from './blob-key.ts';
import { type Blobs, type ByteRange, clipRange } from './blobs.ts';
import { directoryParts } from './blobs-directory-parts.ts';
import { ifThere, syncFolder } from './durable-files.ts';
import { codeOf, misconfigured } from './start-faults.ts';

export interface DirectoryBlobsOptions {
  /** Made when absent. One process at a time may use it. */
  directory: string;
}

/** Opens the directory and removes what crashed uploads left in it. Rejects with a ConfigError when it cannot be had. */
export async function openDirectoryBlobs({ directory }: DirectoryBlobsOptions): Promise<Blobs> {
  const unfinished = join(directory, 'unfinished');
  const parts = join(directory, 'parts');
  try {
    await rm(unfinished, { recursive: true, force: true });
    for (const folder of [unfinished, parts]) await mkdir(folder, { recursive: true, mode: 0o700 });
    await syncFolder(directory);
  } catch (error) {
    const problem = `the directory cannot be made or written to (${codeOf(error)})`;
    throw misconfigured('file.directory', 'FILE_DIRECTORY or DATA_DIR', problem);
  }

  /** The blob's path, with the folders on the way to it made. */
  const makeRoom = async (key: string): Promise<string> => {
    const path = pathOf(directory, key);
    await makeFolders(directory, path);
    return path;
  };

  return {
    ...directoryParts({ folder: parts, makeRoom }),

    async put(key, body) {
      assertBlobKey(key);
      const temporary = join(unfinished, `${key}.${randomUUID()}`);
      try {
        const size = await writeDurably(temporary, body instanceof Uint8Array ? [body] : body);
        const path = await makeRoom(key);
        await rename(temporary, path);
        await syncFolder(dirname(path));
        return size;
      } catch (error) {
        await rm(temporary, { force: true });
        throw error;
      }
    },

    ...readDirectoryBlobs({ directory }),

    async delete(key) {
      await rm(pathOf(directory, key), { force: true });
    },

    list: (after) => listBlobs(directory, after),

    async ping() {
      await stat(unfinished);
    },

    async close() {},
  };
}

/** Reads a directory that another process may have open: what is in it is whole. Nothing has to be closed. */
export function readDirectoryBlobs({ directory }: DirectoryBlobsOptions): Pick<Blobs, 'get'> {
  return {
    async get(key, range) {
      const file = await ifThere(open(pathOf(directory, key), 'r'));
      if (file === undefined) return undefined;
      try {
        const { size } = await file.stat();
        return { size, body: read(file, range && clipRange(range, size)) };
      } catch (error) {
        await file.close();
        throw error;
      }
    },
  };
}

function pathOf(directory: string, key: string): string {
  assertBlobKey(key);
  return join(directory, key.slice(0, 2), key.slice(2, 4), key);
}

async function writeDurably(
  path: string,
  body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<number> {
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

const FOLDER = /^[0-9a-f]{2}$/;

/** Folder by folder: each is small, no blob is in two, and their names are in the order of the keys. */
async function* listBlobs(
  directory: string,
  after = '',
): AsyncGenerator<{ key: string; modifiedAt: Date }> {
  for (const outer of await foldersOf(directory)) {
    if (outer < after.slice(0, 2)) continue;
    for (const inner of await foldersOf(join(directory, outer))) {
      if (`${outer}${inner}` < after.slice(0, 4)) continue;
      const folder = join(directory, outer, inner);
      for (const key of ((await ifThere(readdir(folder))) ?? []).sort()) {
        if (key <= after) continue;
        const found = isBlobKey(key) ? await ifThere(stat(join(folder, key))) : undefined;
        if (found?.isFile()) yield { key, modifiedAt: found.mtime };
      }
    }
  }
}

async function foldersOf(path: string): Promise<string[]> {
  return (await readdir(path)).filter((name) => FOLDER.test(name)).sort();
}

/** Closes the file when the last byte is read or the reader goes away. */
function read(file: FileHandle, range: ByteRange | undefined): ReadableStream<Uint8Array> {
  const web: NodeReadableStream<Uint8Array> = Readable.toWeb(file.createReadStream(range ?? {}));
  return web as ReadableStream<Uint8Array>;
}
