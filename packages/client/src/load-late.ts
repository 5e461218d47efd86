/** The ways to what is not loaded with the rest of the SDK. They throw `connection.failed` when the code cannot be had, as on a page that has gone offline. */
import { ConnectionError } from './errors.ts';

/** Linking and the transfer of files. */
export function loadLatePart(): Promise<typeof import('./late-part.ts')> {
  return import('./late-part.ts').catch(refuse);
}

/** Backups, which bring a list of 2048 words with them. */
export function loadBackups(): Promise<typeof import('./backup/backup.ts')> {
  return import('./backup/backup.ts').catch(refuse);
}

function refuse(cause: unknown): never {
  throw new ConnectionError('a part of the program could not be loaded', { cause });
}
