/**
 * What a store has committed, as far as it was read lately. The records that every message goes by (who the other one is,
 * how far the session has got) are then read from the disk once. Only what is committed is ever in it.
 */
import { STORE_CACHE_BYTES } from '../limits.ts';
import type { StoreEntry, StoreRange } from './store.ts';
import { familyOf, type StoreChanges } from './store-changes.ts';
import type { CommittedEntries } from './store-overlay.ts';

export interface CommittedCache extends CommittedEntries {
  /** To be called as soon as they are committed, and before anything else is read. */
  note(changes: StoreChanges): void;
}

/** What an entry takes besides its characters and bytes, about. */
const ENTRY_BYTES = 128;

/** A cache in front of an engine that nobody else writes to. That there is no such entry is kept too. */
export function cacheCommitted(engine: CommittedEntries): CommittedCache {
  const recent = createRecent();
  /** First parts of keys that were looked at, and whether there is any such key: of much that is listed there is nothing. */
  const families = new Map<string, 'some' | 'none'>();
  /** How often something was committed: what was asked for before may not be what is there now. */
  let commits = 0;

  async function keepWhenRead(key: string, reading: Promise<Uint8Array | undefined>) {
    const asked = commits;
    const value = await reading;
    if (asked === commits) recent.keep(key, value);
    return value;
  }

  function noteFamily(family: string, found: readonly StoreEntry[]): void {
    families.set(family, found.length === 0 ? 'none' : 'some');
  }

  async function lookAtWhenRead(family: string, reading: Promise<StoreEntry[]>): Promise<void> {
    const asked = commits;
    const found = await reading;
    if (asked === commits) noteFamily(family, found);
  }

  /** Once for each family: whether there is anything in it at all. */
  function lookAt(family: string): void | Promise<void> {
    const found = engine.list({ prefix: family, limit: 1 });
    if (found instanceof Promise) return lookAtWhenRead(family, found);
    noteFamily(family, found);
  }

  function list(range: StoreRange): StoreEntry[] | Promise<StoreEntry[]> {
    const family = familyOf(range.prefix);
    if (family === '' || families.get(family) === 'some') return engine.list(range);
    if (families.get(family) === 'none') return [];
    const looking = lookAt(family);
    return looking === undefined ? list(range) : looking.then(() => engine.list(range));
  }

  return {
    get(key) {
      const { isYoung, isKnown, value: known } = recent.find(key);
      if (isYoung) return known;
      const value = isKnown ? known : engine.get(key);
      if (value instanceof Promise) return keepWhenRead(key, value);
      recent.keep(key, value);
      return value;
    },
    list,
    note(changes) {
      commits += 1;
      for (const [key, value] of changes.under('')) {
        // What was looked for in vain and is written now, such as a message, is seldom read again.
        if (recent.forget(key) !== undefined) recent.keep(key, value);
        if (value !== undefined) families.delete(familyOf(key));
      }
    },
  };
}

/** Two halves: what is read is in the young one; what was not read since that was full the last time is given up. */
function createRecent() {
  let young = new Map<string, Uint8Array | undefined>();
  let old: typeof young = new Map();
  let youngBytes = 0;
  return {
    find(key: string) {
      const isYoung = young.has(key);
      const isKnown = isYoung || old.has(key);
      return { isYoung, isKnown, value: isYoung ? young.get(key) : old.get(key) };
    },
    keep(key: string, value: Uint8Array | undefined): void {
      const bytes = sizeOf(key, value);
      if (youngBytes + bytes > STORE_CACHE_BYTES / 2) {
        old = young;
        young = new Map();
        youngBytes = 0;
      }
      young.set(key, value);
      youngBytes += bytes;
    },
    /** Gives what the young half held. */
    forget(key: string): Uint8Array | undefined {
      const before = young.get(key);
      if (young.delete(key)) youngBytes -= sizeOf(key, before);
      old.delete(key);
      return before;
    },
  };
}

function sizeOf(key: string, value: Uint8Array | undefined): number {
  return ENTRY_BYTES + key.length + (value?.length ?? 0);
}
