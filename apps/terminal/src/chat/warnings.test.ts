import type { Alarms, ClientEvents } from '@sotto/client';
import { expect, test } from 'vitest';
import { BOB, CAROL, deskWith, WITH_BOB, WITH_CAROL } from './desk.fixture.ts';
import { followWarnings, forgetNotes, forgetUser, warningWords } from './warnings.ts';

const QUIET: Alarms = { identityChanged: [], logBroken: [] };

function followed(first: Alarms) {
  let alarms = first;
  const heard = new Map<string, ((event: never) => void)[]>();
  const on = (name: string, listener: (event: never) => void) => {
    heard.set(name, [...(heard.get(name) ?? []), listener]);
    return () => {};
  };
  const { desk } = deskWith({ on, alarms: async () => alarms, conversations: async () => [] });
  followWarnings(desk);
  return {
    desk,
    seen: (view: typeof WITH_BOB) =>
      warningWords(desk.state.get().warnings, view, (user) => user).join(' '),
    change: (next: Alarms) => {
      alarms = next;
    },
    tell: <E extends keyof ClientEvents>(name: E, event: ClientEvents[E]) => {
      for (const listener of heard.get(name) ?? []) listener(event as never);
    },
  };
}

test('what was found before this start is shown, where it concerns', async () => {
  const { seen } = followed({ ...QUIET, identityChanged: [BOB] });
  await expect.poll(() => seen(WITH_BOB)).toContain('/trust');
  expect(seen(WITH_CAROL)).toBe('');
});

test('what others find and decide is seen with the next connection', async () => {
  const { seen, change, tell } = followed(QUIET);
  change({ ...QUIET, general: 'key-log.broken', logBroken: [CAROL] });
  tell('connected', { incarnation: 1 });
  await expect.poll(() => seen(WITH_CAROL)).toContain('/trust');
  expect(seen(WITH_BOB)).toContain('operator');
  change(QUIET);
  tell('connected', { incarnation: 1 });
  await expect.poll(() => seen(WITH_CAROL)).toBe('');
});

test('reading a warning puts it away, but not one that waits for a decision', async () => {
  const { desk, seen, change, tell } = followed({ ...QUIET, identityChanged: [BOB] });
  await expect.poll(() => seen(WITH_BOB)).toContain('/trust');
  tell('store-behind', { messages: 1 });
  tell('device-list-warning', { user: BOB, warning: 'stale' });
  expect(seen(WITH_BOB)).toContain('two weeks');
  forgetNotes(desk, WITH_CAROL);
  expect(seen(WITH_BOB)).toContain('two weeks');
  forgetNotes(desk, WITH_BOB);
  expect(seen(WITH_BOB)).toMatch(/^The keys of bob have changed/);
  await forgetUser(desk, BOB);
  expect(seen(WITH_BOB)).toContain('/trust');
  change(QUIET);
  await forgetUser(desk, BOB);
  expect(seen(WITH_BOB)).toBe('');
});

test('what fails by itself is told, and takes the place of nothing else', () => {
  const { desk, tell } = followed(QUIET);
  tell('trouble', { error: new Error('the disk is full') });
  expect(desk.state.get().notice?.text).toContain('the disk is full');
  desk.change({ notice: { text: 'Saved', isTrouble: false } });
  tell('trouble', { error: new Error('again') });
  expect(desk.state.get().notice?.text).toBe('Saved');
});
