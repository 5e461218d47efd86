/** The way to what is not loaded with the rest of the SDK. */
import { ConnectionError } from './errors.ts';

/**
 * Linking and the transfer of files. Throws `connection.failed` when the code cannot be had, as on a page that has gone
 * offline.
 */
export async function loadLatePart(): Promise<typeof import('./late-part.ts')> {
  try {
    return await import('./late-part.ts');
  } catch (cause) {
    throw new ConnectionError('a part of the program could not be loaded', { cause });
  }
}
