import type { UserId } from '@sotto/hooks';
import { expect, test, vi } from 'vitest';
import { openUnseenNotes } from './unseen-notes.ts';

const ALICE = '00000000-0000-4000-8000-00000000000a' as UserId;
const BOB = '00000000-0000-4000-8000-000000000001' as UserId;
const KEY = `sotto/alarms/${ALICE}`;

test('what was not dealt with stands after a reload, and what was does not', () => {
  const browser = openBrowser();
  const first = browser.openTab();
  first.change(({ listWarnings }) => ({ listWarnings: new Map(listWarnings).set(BOB, 'refused') }));
  first.change(() => ({ notices: [{ kind: 'key-log-restored', time: 1000 }] }));
  const second = browser.openTab();
  expect(second.get().listWarnings.get(BOB)).toBe('refused');
  expect(second.get().notices).toEqual([{ kind: 'key-log-restored', time: 1000 }]);
  second.change(() => ({ notices: [], listWarnings: new Map() }));
  expect(browser.kept.size).toBe(0);
});

test('what is dealt with in one tab is dealt with in all', () => {
  const browser = openBrowser();
  const [one, other] = [browser.openTab(), browser.openTab()];
  one.change(() => ({ notices: [{ kind: 'store-behind' }] }));
  const heard = vi.fn();
  other.subscribe(heard);
  browser.tellTabs(KEY);
  expect(other.get().notices).toEqual([{ kind: 'store-behind' }]);
  one.change(() => ({ notices: [] }));
  browser.tellTabs('another/key');
  expect(heard).toHaveBeenCalledOnce();
  // Nor is it brought back by a tab that has not heard of it yet.
  other.change(() => ({ listWarnings: new Map([[BOB, 'stale']]) }));
  expect(other.get().notices).toEqual([]);
});

test.each(['', '{', '[]', '7', '{"notices":[{"kind":"another"},null],"listWarnings":[[1,2],"x"]}'])(
  'what this release cannot read is not told: %s',
  (text) => {
    const browser = openBrowser();
    browser.kept.set(KEY, text);
    expect(browser.openTab().get()).toEqual({ notices: [], listWarnings: new Map() });
  },
);

/** What a browser keeps for all tabs of the page, and how they hear of each other. */
function openBrowser() {
  const kept = new Map<string, string>();
  const listeners: ((event: { key: string | null }) => void)[] = [];
  const storage = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
  };
  const tabs = {
    addEventListener: (_: 'storage', listener: (event: { key: string | null }) => void) =>
      void listeners.push(listener),
  };
  return {
    kept,
    openTab: () => openUnseenNotes(ALICE, storage, tabs),
    tellTabs: (key: string) => {
      for (const listener of listeners) listener({ key });
    },
  };
}
