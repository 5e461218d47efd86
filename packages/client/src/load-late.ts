/**
 * The way to what is not loaded with the rest of the SDK. It throws `connection.failed` when the code cannot be had, as on
 * a page that has gone offline: so it comes before whatever is not to be left half done.
 */
import { ConnectionError } from './errors.ts';

/** What `late-part.ts` exports. */
export function loadLatePart(): Promise<typeof import('./late-part.ts')> {
  return import('./late-part.ts').catch(refuse);
}

function refuse(cause: unknown): never {
  throw new ConnectionError('a part of the program could not be loaded', { cause });
}
