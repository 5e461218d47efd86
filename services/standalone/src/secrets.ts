/**
 * Secrets of a platform that nobody gave any: made at first start, kept in files that only their owner reads.
 *
 * They are never printed. Losing one ends sessions (`jwt-*`), locks the database (`postgres`) or
 * what is encrypted in it (`field`), or ends clients' trust in the key log (`key-log`), so the folder belongs
 * into every backup of the data directory.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makeDirectory } from './directories.ts';

/** Each secret's file. */
export type SecretName =
  | 'jwt-access'
  | 'jwt-refresh'
  | 'internal'
  | 'field'
  | 'key-log'
  | 'postgres'
  | `database-${'auth' | 'key' | 'message' | 'file'}`;

/** 256 bits: none can be guessed, whatever it is used for. */
const SECRET_BYTES = 32;
const SECRET_TEXT = /^[A-Za-z0-9_-]{43}$/;

/**
 * The secret of this name below a directory, made when it is not there. Throws when the file cannot be read or holds
 * something else: a secret that was replaced silently would lock the platform out of its own data.
 */
export function secret(directory: string, name: SecretName): string {
  const path = join(directory, name);
  // Others may pass the data directory, as an unprivileged PostgreSQL must, but not enter this one.
  makeDirectory(dirname(directory), 0o711);
  makeDirectory(directory, 0o700);
  const text = read(path) ?? create(path);
  if (!SECRET_TEXT.test(text)) throw new Error(`${path} does not hold a secret of this platform`);
  return text;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trimEnd();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT') return undefined;
    throw new Error(
      `${path} cannot be read (${code}): start as the user who started the platform first`,
    );
  }
}

/** Whole or absent, and never over one that another process made in the meantime: a link refuses to replace. */
function create(path: string): string {
  const text = randomBytes(SECRET_BYTES).toString('base64url');
  const draft = `${path}.${process.pid}.new`;
  const file = openSync(draft, 'w', 0o600);
  try {
    writeSync(file, `${text}\n`);
    fsyncSync(file);
    linkSync(draft, path);
    return text;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST')
      return read(path) ?? '';
    throw error;
  } finally {
    closeSync(file);
    rmSync(draft, { force: true });
  }
}
