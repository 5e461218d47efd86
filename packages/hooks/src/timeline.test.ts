import type { MessageView } from '@sotto/client';
import { expect, test, vi } from 'vitest';
import { ALICE, line, ROOM } from './line.fixture.ts';
import { archiveFor, Timeline, type TimelineDeps } from './timeline.ts';

/** Places of lines, from one to another. */
const range = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, at) => line(from + at));
const places = (lines: readonly MessageView[] | undefined) => lines?.map(({ seq }) => seq);

/** A client whose window shows the last lines, and grows as the SDK's does. */
function clientWith(all: MessageView[], { shownMax = 100, page = 50 } = {}) {
  let [limit, window] = [page, all.slice(-page)];
  const listeners = new Set<() => void>();
  const show = () => {
    window = all.slice(-limit);
    for (const listener of listeners) listener();
  };
  const messages = {
    get: () => window,
    subscribe(listener: () => void) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async older() {
      if (limit >= shownMax || window.length < limit) return false;
      limit += page;
      show();
      return true;
    },
  };
  const told = new Set<() => void>();
  const deps: TimelineDeps = {
    state: { messages: () => messages },
    on(name, listener) {
      const tell = () => listener({ conversation: ROOM } as never);
      if (name === 'lines-changed') told.add(tell);
      return () => told.delete(tell);
    },
    async lines(_, { before = Number.POSITIVE_INFINITY, limit: count = 50 } = {}) {
      return all.filter(({ seq = 0 }) => seq < before).slice(-count);
    },
  };
  const change = () => {
    for (const tell of told) tell();
  };
  return { deps, show, change };
}

test('going back leads to the first line, past what is kept up to date', async () => {
  const { deps } = clientWith(range(1, 230));
  const timeline = new Timeline(deps, ROOM);
  expect(timeline.get().lines).toHaveLength(50);
  while (timeline.get().hasOlder) await timeline.older();
  expect(places(timeline.get().lines)).toEqual(places(range(1, 230)));
});

test('what leaves the window when new lines come stays', async () => {
  const all = range(1, 150);
  const { deps, show } = clientWith(all);
  const timeline = new Timeline(deps, ROOM);
  timeline.subscribe(() => {});
  for (let at = 0; at < 2; at += 1) await timeline.older();
  expect(places(timeline.get().lines)).toEqual(places(range(1, 150)));
  all.push(...range(151, 160));
  show();
  expect(places(timeline.get().lines)).toEqual(places(range(1, 160)));
});

test('lines are asked for once, however often somebody asks', async () => {
  const { deps } = clientWith(range(1, 200), { shownMax: 50 });
  const timeline = new Timeline(deps, ROOM);
  await Promise.all([timeline.older(), timeline.older()]);
  expect(timeline.get().lines).toHaveLength(100);
});

test('a page that cannot be read stops nothing for good', async () => {
  const { deps } = clientWith(range(1, 120), { shownMax: 50 });
  let isBroken = true;
  const lines: TimelineDeps['lines'] = (...range) =>
    isBroken ? Promise.reject(new Error('the disk is gone')) : deps.lines(...range);
  const timeline = new Timeline({ ...deps, lines }, ROOM);
  const changed = vi.fn();
  timeline.subscribe(changed);
  await expect(timeline.older()).rejects.toThrow('the disk is gone');
  expect(timeline.get()).toMatchObject({ isStuck: true, hasOlder: true });
  expect(changed).toHaveBeenCalledTimes(1);
  isBroken = false;
  await timeline.older();
  expect(timeline.get().isStuck).toBe(false);
  expect(timeline.get().lines).toHaveLength(100);
});

test('a line of long ago is read again when something was done to it', async () => {
  const all = range(1, 80);
  const { deps } = clientWith(all, { shownMax: 50 });
  const timeline = new Timeline(deps, ROOM);
  await timeline.older();
  all[4] = line(5, { reactions: [{ emoji: '👍', users: [ALICE] }] });
  await timeline.refresh({ seq: 5 });
  expect(timeline.get().lines?.[4]?.reactions).toHaveLength(1);
  all.splice(5, 1);
  await timeline.refresh({ seq: 6 });
  expect(places(timeline.get().lines)?.slice(3, 7)).toEqual([4, 5, 7, 8]);
});

test('what was taken back or has run out goes from the screen, however far back it is', async () => {
  const all = range(1, 150);
  const { deps, change } = clientWith(all, { shownMax: 50 });
  const timeline = new Timeline(deps, ROOM);
  const end = timeline.subscribe(() => {});
  for (let at = 0; at < 2; at += 1) await timeline.older();
  expect(places(timeline.get().lines)).toEqual(places(range(1, 150)));
  all[9] = line(10, { body: { type: 'deleted' } });
  all.splice(19, 1);
  change();
  await vi.waitFor(() => expect(timeline.get().lines?.[9]?.body.type).toBe('deleted'));
  const left = [...range(1, 19), ...range(21, 150)];
  expect(places(timeline.get().lines)).toEqual(places(left));
  end();
});

test('nothing is kept from before a leap, nor what has gone away', () => {
  const before = { archive: range(1, 10), window: range(11, 20) };
  expect(archiveFor(range(15, 30), before)).toHaveLength(14);
  expect(archiveFor(range(21, 30), before)).toEqual([]);
  const gone = { archive: [], window: [line(11, { expiresAt: 1 }), line(12)] };
  expect(archiveFor(range(12, 20), gone)).toEqual([]);
});
