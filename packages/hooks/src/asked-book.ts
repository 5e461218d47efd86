/** What only the platform knows, asked for once each and one after another, for as long as a page runs. */
import type { Client, Observable } from '@sotto/client';

/** An observable map that grows. */
export interface AskedBook<Key, Value> extends Observable<ReadonlyMap<Key, Value>> {
  /** Asks for what is not known yet; what fails is asked for again with the next connection. */
  readonly want: (keys: readonly Key[]) => void;
  /** Asks anew for what may be other than it is known. */
  readonly renew: (key: Key) => void;
}

/** An empty book. `ask` gives undefined for what there is nothing to know of. */
export function openAskedBook<Key, Value>(
  on: Client['on'],
  ask: (key: Key) => Promise<Value | undefined>,
): AskedBook<Key, Value> {
  const listeners = new Set<() => void>();
  const wanted = new Set<Key>();
  let known: ReadonlyMap<Key, Value> = new Map();
  let isAsking = false;

  async function askAll(): Promise<void> {
    if (isAsking) return;
    isAsking = true;
    try {
      for (const key of wanted) {
        const value = await ask(key);
        wanted.delete(key);
        if (value === undefined) continue;
        known = new Map(known).set(key, value);
        for (const listener of [...listeners]) listener();
      }
    } catch {
      // Without a connection nothing can be had: the next one begins again.
    } finally {
      isAsking = false;
    }
  }

  on('connected', () => void askAll());
  return {
    get: () => known,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    want(keys) {
      for (const key of keys) if (!known.has(key)) wanted.add(key);
      if (wanted.size > 0) void askAll();
    },
    renew(key) {
      wanted.add(key);
      void askAll();
    },
  };
}
