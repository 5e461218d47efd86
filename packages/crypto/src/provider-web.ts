/** The primitives in browsers: noble, and beside it the browser's own curves, whose code is fetched when they are wanted. */
import type { Elsewhere, Provider } from './provider.ts';
import { nobleProvider } from './provider-noble.ts';

let found: Promise<Elsewhere | undefined> | undefined;

/** noble's primitives, with the curves of the browser for whoever can wait for them. */
export const webProvider: Provider = {
  ...nobleProvider,
  name: 'web',
  elsewhere() {
    found ??= load();
    return found;
  },
};

/** Where their code cannot be had, as on a page that has gone offline, noble computes until the next time. */
async function load(): Promise<Elsewhere | undefined> {
  try {
    const { findElsewhere } = await import('./web-curves.ts');
    return await findElsewhere(globalThis.crypto?.subtle);
  } catch {
    found = undefined;
    return undefined;
  }
}
