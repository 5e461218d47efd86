/** Making the folders of a data directory. */
import { mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { CommandError, EXIT_CONFIG } from '@sotto/runtime';

/**
 * Makes a directory, and with the same mode those above it that are not there; does nothing when it is there. Throws an
 * error of one line that names DATA_DIR when that cannot be.
 */
export function makeDirectory(path: string, mode: number): void {
  try {
    makeFrom(resolve(path), mode);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : 'no code';
    const why = code === 'EEXIST' || code === 'ENOTDIR' ? 'a file is in the way' : String(code);
    throw new CommandError(
      `cannot make the directory ${path} (${why}): set DATA_DIR to one that this user may write to`,
      EXIT_CONFIG,
    );
  }
}

/** Step by step, as Node's own recursion never ends where a parent is there and takes no directories, as in /proc. */
function makeFrom(path: string, mode: number): void {
  if (makeOne(path, mode)) return;
  const above = dirname(path);
  if (above !== path) makeFrom(above, mode);
  mkdirUnlessThere(path, mode);
}

/** False when what is above it is not there, as far as the system tells. */
function makeOne(path: string, mode: number): boolean {
  try {
    mkdirUnlessThere(path, mode);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
}

function mkdirUnlessThere(path: string, mode: number): void {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    // Not by its code alone: some systems say that the disk is read-only, or that this is forbidden, before that it is there.
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw error;
  }
}
