/** Where files come from and go to on this machine. */
import { existsSync, openAsBlob, statSync } from 'node:fs';
import { basename, extname, join, resolve } from 'node:path';
import type { FileInput } from '@sotto/client';
import { CommandError, EXIT } from './exit-code.ts';
import { safeLine } from './safe-text.ts';

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

const NAME_LENGTH_MAX = 120;

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

/**
 * Where a file of somebody else is saved. Their name of it is taken for a name at most: nothing of it leads into another
 * folder, is hidden, or is an option of some program. Without a wish nothing that is there is written over.
 */
export function pathToSave(
  name: string,
  { folder, wish }: { readonly folder: string; readonly wish?: string | undefined },
): string {
  if (wish === undefined) return freePath(folder, tameName(name));
  const path = resolve(folder, wish);
  return isFolder(path) ? freePath(path, tameName(name)) : path;
}

/** A name that is only a name, on every system. */
export function tameName(name: string): string {
  const plain = safeLine(name.split(/[/\\]/u).at(-1) ?? '')
    .replace(/[\u2400-\u2421<>:"|?*\ufffd⟨⟩]/gu, '_')
    .replace(/^[-.\s]+/u, '')
    .replace(/[.\s]+$/u, '');
  const ending = extname(plain).slice(0, NAME_LENGTH_MAX / 2);
  const stem = [...plain.slice(0, plain.length - ending.length)];
  const short = stem.slice(0, NAME_LENGTH_MAX - ending.length).join('') + ending;
  return short === '' ? 'file' : short;
}

function freePath(folder: string, name: string): string {
  const ending = extname(name);
  const stem = name.slice(0, name.length - ending.length);
  for (let count = 1; ; count += 1) {
    const path = join(folder, count === 1 ? name : `${stem} (${count})${ending}`);
    if (!existsSync(path)) return path;
  }
}

function isFolder(path: string): boolean {
  return existsSync(path) && statSync(path).isDirectory();
}
