/** Where files come from and go to on this machine. */
import { closeSync, existsSync, openAsBlob, openSync, rmSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, extname, join, resolve } from 'node:path';
import type { FileInput } from '@sotto/client';
import { savedName } from '@sotto/hooks';
import { CommandError, EXIT } from './exit-code.ts';

/** By the ending of a name; the rest is sent as bytes of any kind. */
const TYPES: ReadonlyMap<string, string> = new Map([
  ['.txt', 'text/plain'],
  ['.md', 'text/markdown'],
  ['.csv', 'text/csv'],
  ['.json', 'application/json'],
  ['.pdf', 'application/pdf'],
  ['.zip', 'application/zip'],
  ['.png', 'image/png'],
  ['.jpg', 'image/jpeg'],
  ['.jpeg', 'image/jpeg'],
  ['.gif', 'image/gif'],
  ['.webp', 'image/webp'],
  ['.svg', 'image/svg+xml'],
  ['.mp3', 'audio/mpeg'],
  ['.ogg', 'audio/ogg'],
  ['.wav', 'audio/wav'],
  ['.mp4', 'video/mp4'],
  ['.webm', 'video/webm'],
]);

/** A path as people type, or drag, it where no shell reads it: in quotes, with blanks behind backslashes, below their home. */
export function pathTyped(folder: string, typed: string): string {
  const plain = typed.replace(/^(["'])(.*)\1$/u, '$2').replaceAll('\\ ', ' ');
  return resolve(folder, plain.replace(/^~(?=\/|$)/u, homedir()));
}

/** A file to be sent, which is read as it is sent. Throws a `CommandError` for what is no readable file. */
export async function fileToSend(path: string): Promise<FileInput> {
  const name = basename(path);
  const type = TYPES.get(extname(name).toLowerCase()) ?? 'application/octet-stream';
  try {
    if (statSync(path).isFile()) return { name, type, data: await openAsBlob(path) };
  } catch (cause) {
    throw new CommandError(`${path} cannot be read`, EXIT.input, { cause });
  }
  throw new CommandError(`${path} is no file`, EXIT.input);
}

/** Where a file is to be saved. */
export interface SavePlace {
  /** The folder, or the one against which a wish is read. */
  readonly folder: string;
  /** A path, or a folder. */
  readonly wish?: string | undefined;
}

/**
 * Saves a file of somebody else by `write`, and gives back where. Their name of it is taken for a name at most: nothing of it
 * leads into another folder, is hidden, or is an option of some program. Without a wish nothing that is there is written over,
 * nor what comes there meanwhile: the name is taken before the first byte is fetched, and given back when that fails.
 */
export async function saveAs(
  name: string,
  { folder, wish }: SavePlace,
  write: (path: string) => Promise<void>,
): Promise<string> {
  const wished = resolve(folder, wish ?? '.');
  if (!isFolder(wished) && wish !== undefined) {
    await write(wished);
    return wished;
  }
  const path = takeName(wished, tameName(name));
  try {
    await write(path);
    return path;
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  }
}

/** The name alone: what stands before it would be a folder where it comes from. */
export function tameName(name: string): string {
  return savedName(name.split(/[/\\]/u).at(-1) ?? '');
}

/** Makes an empty file of a name that nothing there has. */
function takeName(folder: string, name: string): string {
  const ending = extname(name);
  const stem = name.slice(0, name.length - ending.length);
  for (let count = 1; ; count += 1) {
    const path = join(folder, count === 1 ? name : `${stem} (${count})${ending}`);
    try {
      closeSync(openSync(path, 'wx'));
      return path;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
  }
}

function isFolder(path: string): boolean {
  return existsSync(path) && statSync(path).isDirectory();
}
