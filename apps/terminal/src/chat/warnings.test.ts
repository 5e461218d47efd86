import type { Alarms, ClientEvents } from '@sotto/client';
import { alarmsOf } from '@sotto/hooks';
import { expect, test } from 'vitest';
import { BOB, CAROL, deskWith, GROUP, WITH_BOB, WITH_CAROL } from './desk.fixture.ts';
import { followTrouble, forgetNotes, warningWords } from './warnings.ts';

const QUIET: Alarms = { identityChanged: [], logBroken: [], notices: [] };

/** A desk whose client has found something, and tells what the test wants. */
function openWith(alarms: Alarms) {
  const heard = new Map<string, ((event: never) => void)[]>();
  const on = (name: string, listener: (event: never) => void) => {
    heard.set(name, [...(heard.get(name) ?? []), listener]);
    return () => {};
  };
  const { desk } = deskWith({ on, alarms: async () => alarms, conversations: async () => [] });
  const book = alarmsOf(desk.client);
  return {
    desk,
    seen: (view: typeof WITH_BOB | undefined) =>
      warningWords(book.get(), view, (user) => user).join(' '),
    tell: <E extends keyof ClientEvents>(name: E, event: ClientEvents[E]) => {
      for (const listener of heard.get(name) ?? []) listener(event as never);
    },
  };
}

test('what waits is shown where it concerns, with what can be typed about it', async () => {
  const { seen } = openWith({
    ...QUIET,
    general: 'key-log.broken',
    identityChanged: [BOB],
    logBroken: [CAROL],
  });
  await expect.poll(() => seen(WITH_BOB)).toContain('The keys of bob have changed');
  expect(seen(WITH_BOB)).not.toContain('carol');
  expect(seen(WITH_CAROL)).toContain('different keys of carol');
  expect(seen(GROUP)).toMatch(/bob.*carol/);
  for (const view of [WITH_BOB, undefined]) expect(seen(view)).toContain('/trust-log');
});

test('reading a warning puts it away where it was read, but not one that waits for a decision', async () => {
  const { desk, seen, tell } = openWith({ ...QUIET, identityChanged: [BOB] });
  await expect.poll(() => seen(WITH_BOB)).toContain('/trust');
  tell('store-behind', { messages: 1 });
  tell('device-list-warning', { user: BOB, warning: 'stale' });
  expect(seen(WITH_BOB)).toContain('two weeks');
  forgetNotes(desk, WITH_CAROL);
  expect(seen(WITH_BOB)).toContain('two weeks');
  expect(seen(WITH_BOB)).not.toContain('another copy');
  forgetNotes(desk, WITH_BOB);
  expect(seen(WITH_BOB)).toMatch(/^The keys of bob have changed[^(]*$/);
});

test('what fails by itself is told, and takes the place of nothing else', () => {
  const { desk, tell } = openWith(QUIET);
  followTrouble(desk);
  tell('trouble', { error: new Error('the disk is full') });
  expect(desk.state.get().notice?.text).toContain('the disk is full');
  desk.change({ notice: { text: 'Saved', isTrouble: false } });
  tell('trouble', { error: new Error('again') });
  expect(desk.state.get().notice?.text).toBe('Saved');
});

test('that another program holds everything up is told until it goes on', () => {
  const { desk, tell } = openWith(QUIET);
  followTrouble(desk);
  tell('silent', { isSilent: true });
  expect(desk.state.get().notice).toMatchObject({ isTrouble: true });
  tell('silent', { isSilent: false });
  expect(desk.state.get().notice).toBeUndefined();
});
