/**
 * Blobs that come in parts, in a directory: one file for each attempt, every part at its place in it.
 *
 * A part is flushed to disk before it counts, and the file gets the blob's name when it is complete. Parts outlive a
 * restart, other than what a stream left unfinished.
 */
import { randomUUID } from 'node:crypto';
import { open, opendir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { assertBlobKey, isBlobKey } from './blob-key.ts';
import { type Blobs, type PartsAttempt, PartsGoneError } from './blobs.ts';
import { ifThere, syncFolder } from './durable-files.ts';
import { BLOB_PART_BYTES } from './limits.ts';

type PartsOfBlobs = Pick<
  Blobs,
  'beginParts' | 'putPart' | 'completeParts' | 'abortParts' | 'listUnfinished'
>;

export interface DirectoryPartsOptions {
  /** Is there. */
  folder: string;
  /** Where a blob lies, once its folder has been made. */
  makeRoom(key: string): Promise<string>;
}

/** The parts of the blobs of a directory. */
export function directoryParts({ folder, makeRoom }: DirectoryPartsOptions): PartsOfBlobs {
  const pathOf = ({ key, attempt }: PartsAttempt): string => {
    assertBlobKey(key);
    assertBlobKey(attempt);
    return join(folder, `${key}.${attempt}`);
  };
  return {
    async beginParts(key) {
      const attempt = randomUUID();
      const file = await open(pathOf({ key, attempt }), 'wx', 0o600);
      await file.close();
      await syncFolder(folder);
      return attempt;
    },

    async putPart(attempt, { number, body }) {
      const file = await ifThere(open(pathOf(attempt), 'r+'));
      if (file === undefined) throw new PartsGoneError();
      try {
        const at = (number - 1) * BLOB_PART_BYTES;
        for (let done = 0; done < body.byteLength; ) {
          done += (await file.write(body, done, body.byteLength - done, at + done)).bytesWritten;
        }
        await file.datasync();
      } finally {
        await file.close();
      }
      return String(body.byteLength);
    },

    async completeParts(attempt, tags) {
      const path = pathOf(attempt);
      const place = await makeRoom(attempt.key);
      if (await closeUp(path, sizeOf(tags))) await rename(path, place);
      else if ((await ifThere(stat(place))) === undefined) throw new PartsGoneError();
      await syncFolder(join(place, '..'));
    },

    async abortParts(attempt) {
      await rm(pathOf(attempt), { force: true });
    },

    async *listUnfinished() {
      for await (const { name } of await opendir(folder)) {
        const [key = '', attempt = ''] = name.split('.');
        if (!isBlobKey(key) || !isBlobKey(attempt)) continue;
        const found = await ifThere(stat(join(folder, name)));
        if (found !== undefined) yield { key, attempt, begunAt: found.birthtime };
      }
    },
  };
}

/** Of a blob of these parts. */
function sizeOf(tags: readonly string[]): number {
  const sizes = tags.map(Number);
  const isWhole = sizes.every((size, at) => size === BLOB_PART_BYTES || at === sizes.length - 1);
  if (sizes.length === 0 || !isWhole) throw new TypeError('these are not the parts of a blob');
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** Gives the file its size: a last part may have been put again, and be shorter. False when there is no such file. */
async function closeUp(path: string, size: number): Promise<boolean> {
  const file = await ifThere(open(path, 'r+'));
  if (file === undefined) return false;
  try {
    if ((await file.stat()).size < size) throw new Error('a part is missing');
    await file.truncate(size);
    await file.sync();
  } finally {
    await file.close();
  }
  return true;
}
