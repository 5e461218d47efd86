/** What only the platform knows, asked for once each and one after another, for as long as a page runs. */
import { type Client, ConnectionError, type Observable } from '@sotto/client';

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
  /** Asked for again with the next connection: one of them keeps no other from being asked for. */
  const failed = new Set<Key>();
  let known: ReadonlyMap<Key, Value> = new Map();
  let isAsking = false;
  /** Is being answered: there is no need to ask for it twice. */
  let asked: Key | undefined;

  async function askAll(): Promise<void> {
    if (isAsking) return;
    isAsking = true;
    try {
      for (const key of wanted) {
        // Before it is answered: what is to be renewed by then is asked for once more.
        wanted.delete(key);
        asked = key;
        if (!(await answered(key))) break;
      }
    } finally {
      isAsking = false;
      asked = undefined;
    }
  }

  /** False where nothing can be had now. */
  async function answered(key: Key): Promise<boolean> {
    try {
      const value = await ask(key);
      if (value === undefined) return true;
      known = new Map(known).set(key, value);
      for (const listener of [...listeners]) listener();
      return true;
    } catch (error) {
      failed.add(key);
      return !(error instanceof ConnectionError);
    }
  }

  on('connected', () => {
    for (const key of failed) wanted.add(key);
    failed.clear();
    void askAll();
  });
  return {
    get: () => known,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    want(keys) {
      const isNew = (key: Key) => key !== asked && !known.has(key) && !failed.has(key);
      for (const key of keys.filter(isNew)) wanted.add(key);
      if (wanted.size > 0) void askAll();
    },
    renew(key) {
      failed.delete(key);
      wanted.add(key);
      void askAll();
    },
  };
}
