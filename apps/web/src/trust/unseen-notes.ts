/**
 * What a person has been told and has not dealt with yet, noted in this browser: a warning that a reload takes away was none.
 * All tabs of an account share the notes.
 */
import {
  type AlarmNotice,
  createSettable,
  type ListWarning,
  type Unseen,
  type UnseenNotes,
  type UserId,
} from '@sotto/hooks';

/** Where notes are kept, as `localStorage` does. */
export type NoteStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

/** What tells of notes that another tab has changed, as a window does. */
export interface OtherTabs {
  addEventListener(
    name: 'storage',
    listener: (event: { readonly key: string | null }) => void,
  ): void;
}

/** Opens the notes of an account, for as long as the page lives. */
export function openUnseenNotes(
  user: UserId,
  storage: NoteStorage = localStorage,
  others: OtherTabs = globalThis,
): UnseenNotes {
  const key = `sotto/alarms/${user}`;
  const unseen = createSettable(parse(storage.getItem(key)));
  others.addEventListener('storage', (event) => {
    if (event.key === key) unseen.set(parse(storage.getItem(key)));
  });
  return {
    get: unseen.get,
    subscribe: unseen.subscribe,
    change(change) {
      // Another tab may have changed them a moment ago.
      const before = parse(storage.getItem(key));
      const after = { ...before, ...change(before) };
      unseen.set(after);
      const { notices, listWarnings } = after;
      const isEmpty = notices.length === 0 && listWarnings.size === 0;
      if (isEmpty) storage.removeItem(key);
      else storage.setItem(key, JSON.stringify({ notices, listWarnings: [...listWarnings] }));
    },
  };
}

const KINDS: readonly unknown[] = [
  'store-behind',
  'history-lost',
  'key-log-restored',
] satisfies AlarmNotice['kind'][];
const WARNINGS: readonly unknown[] = ['stale', 'ahead', 'refused'] satisfies ListWarning[];

/** What this release knows how to tell; nothing of what somebody else has put there. */
function parse(text: string | null): Unseen {
  const noted = readJson(text);
  const notices = listOf(noted, 'notices').filter(isNotice);
  return { notices, listWarnings: new Map(listOf(noted, 'listWarnings').filter(isWarned)) };
}

function readJson(text: string | null): unknown {
  try {
    return JSON.parse(text ?? 'null');
  } catch {
    return null;
  }
}

function listOf(noted: unknown, name: string): readonly unknown[] {
  const list: unknown = noted instanceof Object ? Reflect.get(noted, name) : undefined;
  return Array.isArray(list) ? list : [];
}

function isNotice(value: unknown): value is AlarmNotice {
  return value instanceof Object && KINDS.includes(Reflect.get(value, 'kind'));
}

function isWarned(value: unknown): value is [UserId, ListWarning] {
  return Array.isArray(value) && typeof value[0] === 'string' && WARNINGS.includes(value[1]);
}
