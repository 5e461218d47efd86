import type { Alarms, ClientEvents } from '@sotto/client';
import { alarmsOf } from '@sotto/hooks';
import { expect, test } from 'vitest';
import {
  BOB,
  CAROL,
  deskWith,
  enter,
  GROUP,
  open,
  sent,
  WITH_BOB,
  WITH_CAROL,
} from './desk.fixture.ts';
import { followTrouble, warningsOf } from './warnings.ts';

const QUIET: Alarms = { identityChanged: [], logBroken: [], notices: [] };

/** A desk whose client has found something, and tells what the test wants. */
function openWith(alarms: Alarms) {
  const heard = new Map<string, ((event: never) => void)[]>();
  const on = (name: string, listener: (event: never) => void) => {
    heard.set(name, [...(heard.get(name) ?? []), listener]);
    return () => {};
  };
  const first = Promise.withResolvers<void>();
  const { desk, asked } = deskWith({
    on,
    alarms: async () => alarms,
    conversations: async () => [],
    dismissNotice: async () => {},
    sendText: async (conversation) => {
      await first.promise;
      return sent(conversation, 'first');
    },
  });
  const book = alarmsOf(desk.client);
  return {
    desk,
    /** Lets the first text go. */
    goOn: first.resolve,
    dismissed: () => asked.filter(([name]) => name === 'dismissNotice').map(([, notice]) => notice),
    seen: (view: typeof WITH_BOB | undefined) => {
      const warnings = warningsOf(book.get(), view, (user) => user);
      return warnings.map(({ text }) => text).join(' ');
    },
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

const STALE = { kind: 'device-list-warning', user: BOB, warning: 'stale' } as const;
const BEHIND = { kind: 'store-behind' } as const;

test('what has happened is told where it concerns, and everywhere when it concerns the account', async () => {
  const { seen } = openWith({ ...QUIET, identityChanged: [BOB], notices: [STALE, BEHIND] });
  await expect.poll(() => seen(WITH_BOB)).toMatch(/keys of bob.*two weeks.*another copy/);
  expect(seen(WITH_CAROL)).toMatch(/^This store is older[^.]*$/);
  expect(seen(undefined)).toBe(seen(WITH_CAROL));
});

test('/ok puts away what was on the screen when it was entered, and nothing that came later', async () => {
  const { desk, dismissed, goOn } = openWith({ ...QUIET, notices: [STALE, BEHIND] });
  open(desk, WITH_BOB);
  enter(desk, 'this takes long');
  desk.shown = { ...desk.shown, notices: [STALE] };
  enter(desk, '/ok');
  desk.shown = { ...desk.shown, notices: [{ ...STALE, warning: 'refused' }, BEHIND] };
  goOn();
  await expect.poll(dismissed).toEqual([STALE]);
  expect(desk.turns).toEqual([]);
});

test('/ok says so when no warning was on the screen that it could put away', async () => {
  const { desk, dismissed } = openWith({ ...QUIET, notices: [BEHIND] });
  desk.shown = { ...desk.shown, notices: [BEHIND] };
  open(desk, WITH_BOB); // Nothing of it is drawn yet.
  enter(desk, '/ok');
  await expect.poll(() => desk.state.get().notice?.text).toContain('No warning is on the screen');
  expect(dismissed()).toEqual([]);
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
