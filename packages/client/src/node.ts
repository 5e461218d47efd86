/** What Node has and browsers have not: files on a disk, requests without copies. Sub-path `@sotto/client/node`. */
import { randomBytes } from 'node:crypto';
import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { TransferProgress } from './files/file-upload-job.ts';
import type { OpenedFile } from './files/files.ts';

export { nodeFetch } from './node-fetch.ts';

/** What a process that was killed has left is removed after this: a save that is alive writes more often. */
const LEFTOVER_MS = 3_600_000;

/** Waits for the disk at most, in memory. */
const WRITTEN_BYTES = 1024 * 1024;

const LEFTOVER = /^\.sotto-[0-9a-f]{16}\.part$/;

/**
 * Writes an opened file to `path`, in place of what is there, and resolves when it is on the disk. Until all of it is
 * known to be right there is only a hidden file beside it, which goes when the transfer fails; that of a process that was
 * killed goes with a later save into the same directory. Throws as reading `file.stream` does, and what the disk says.
 *
 * The name that the sender gave a file may be `../.profile`: make no path of it as it stands.
 */
export async function saveFile(
  file: Pick<OpenedFile, 'stream' | 'size'>,
  path: string,
  { onProgress }: { readonly onProgress?: (progress: TransferProgress) => void } = {},
): Promise<void> {
  const directory = dirname(path);
  // Somebody else's may not be ours to remove, nor the directory ours to read: the file is saved all the same.
  await removeLeftovers(directory).catch(() => {});
  const partial = join(directory, `.sotto-${randomBytes(8).toString('hex')}.part`);
  try {
    await write(partial, told(file, onProgress));
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
  await flush(directory);
}

async function write(path: string, content: AsyncIterable<Uint8Array>): Promise<void> {
  const handle = await open(path, 'wx');
  // What comes while the disk is written to is written in one go: a call for each piece costs more than its bytes.
  const options = { flush: true, highWaterMark: WRITTEN_BYTES };
  await pipeline(content, handle.createWriteStream(options));
}

async function* told(
  { stream, size: total }: Pick<OpenedFile, 'stream' | 'size'>,
  onProgress?: (progress: TransferProgress) => void,
): AsyncGenerator<Uint8Array> {
  let done = 0;
  onProgress?.({ done, total });
  for await (const piece of stream) {
    yield piece;
    done += piece.length;
    onProgress?.({ done, total });
  }
}

/** Makes the new name last. Windows does so by itself, and lets no directory be opened. */
async function flush(directory: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function removeLeftovers(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (!LEFTOVER.test(name)) continue;
    const path = join(directory, name);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
    if (mtimeMs + LEFTOVER_MS < Date.now()) await rm(path).catch(() => {}); // The next may be ours.
  }
}
