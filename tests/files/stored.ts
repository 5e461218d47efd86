/** What lies in the store of a platform, past all code of ours: in its bucket, or in its directory. */
import { readdir } from 'node:fs/promises';
import { relative, sep } from 'node:path';
import { MARKER_KEY } from '../../services/file/src/store-marker.ts';
import { bucketOf, listObjects, listUnfinished } from './bucket.ts';

export interface Stored {
  /** The keys of all objects, but for the mark that says whose store it is. */
  keys: string[];
  /** Multipart uploads that nobody ended; of a directory, files of blobs that are not whole. */
  unfinished: number;
}

/** Everything that is there now, in the store that the environment of a platform names. */
export async function findStored(environment: Readonly<Record<string, string>>): Promise<Stored> {
  if (!environment.S3_ENDPOINT) return findFiles(environment.FILE_DIRECTORY ?? '');
  const place = bucketOf(environment);
  const [keys, unfinished] = await Promise.all([listObjects(place), listUnfinished(place)]);
  return { keys, unfinished: unfinished.length };
}

/** Where blobs grow: what a stream brings, and what comes in parts. Anything else in the directory counts as an object. */
const GROWING = /^(unfinished|parts)$/;

async function findFiles(directory: string): Promise<Stored> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => !entry.isDirectory());
  const isGrowing = ({ parentPath }: { parentPath: string }): boolean => {
    return GROWING.test(relative(directory, parentPath).split(sep)[0] ?? '');
  };
  const keys = files.filter((file) => !isGrowing(file)).map(({ name }) => name);
  return {
    keys: keys.filter((key) => key !== MARKER_KEY),
    unfinished: files.filter(isGrowing).length,
  };
}
