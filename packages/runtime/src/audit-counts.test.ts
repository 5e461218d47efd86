import { ApiError, DeviceId, UserId } from '@sotto/api';
import type { AuditNoted } from '@sotto/api/internal';
import { expect, onTestFinished, test } from 'vitest';
import { createAuditCounts } from './audit-counts.ts';
import { createMemoryBus } from './bus-memory.ts';
import { consumeEvent } from './events.ts';
import { AUDIT_ENTRIES_MAX } from './limits.ts';
import { createLogger } from './log.ts';

const NOW = Date.parse('2026-11-21T08:00:00Z');
const who = (number: number) => ({
  user: UserId.parse('00000000-0000-4000-8000-000000000001'),
  device: DeviceId.parse(`00000000-0000-4000-8000-${String(number).padStart(12, '0')}`),
});

/** Counts over a bus that can be out of reach, and what arrives. */
async function start() {
  const memory = createMemoryBus();
  onTestFinished(() => memory.close());
  const heard: AuditNoted[] = [];
  await consumeEvent(memory, 'test', 'events.audit.noted', async (event) => {
    heard.push(event);
  });
  const state = { isDown: false, acknowledges: true };
  const bus: typeof memory = {
    ...memory,
    async publish(subject, data, id) {
      if (state.isDown) throw new ApiError('service.unavailable');
      await memory.publish(subject, data, id);
      if (!state.acknowledges) throw new ApiError('service.unavailable');
    },
  };
  const log = createLogger({ service: 'test', level: 'silent' });
  const counts = createAuditCounts({ bus, clock: () => NOW, log });
  onTestFinished(() => counts.close());
  const entries = () => heard.flatMap((event) => event.entries);
  return { counts, heard, entries, state };
}

test('what a device does is counted by kind, and told as one entry', async () => {
  const { counts, entries } = await start();
  counts.note('messages.sent', who(1));
  counts.note('messages.sent', who(1), 4);
  counts.note('messages.fetched', who(1));
  counts.note('messages.sent', who(2));
  await counts.flush();
  const at = '2026-11-21T08:00:00.000Z';
  await expect.poll(entries).toEqual([
    { at, action: 'messages.sent', ...who(1), count: 5 },
    { at, action: 'messages.fetched', ...who(1), count: 1 },
    { at, action: 'messages.sent', ...who(2), count: 1 },
  ]);
});

test('nothing is told when nothing happened, and each count once', async () => {
  const { counts, heard, entries } = await start();
  await counts.flush();
  counts.note('files.uploaded', who(1));
  await counts.flush();
  await counts.flush();
  counts.note('files.uploaded', who(1));
  await counts.close();
  await expect.poll(() => entries().map(({ count }) => count)).toEqual([1, 1]);
  expect(heard).toHaveLength(2);
});

test('counts wait for a bus that is gone, and go on meanwhile', async () => {
  const { counts, entries, state } = await start();
  state.isDown = true;
  counts.note('messages.sent', who(1));
  await counts.flush();
  counts.note('messages.sent', who(1), 2);
  await counts.flush();
  state.isDown = false;
  await counts.flush();
  await counts.flush();
  await expect.poll(() => entries().map(({ count }) => count)).toEqual([1, 2]);
});

test('an event whose acknowledgement was lost is sent again as the same one', async () => {
  const { counts, heard, state } = await start();
  state.acknowledges = false;
  counts.note('messages.sent', who(1));
  await counts.flush();
  counts.note('messages.sent', who(1));
  state.acknowledges = true;
  await counts.flush();
  await counts.flush();
  await expect.poll(() => heard.length).toBe(2);
  expect(new Set(heard.map(({ id }) => id)).size).toBe(2);
});

test('many devices are told in as many events as it takes', async () => {
  const { counts, heard, entries } = await start();
  for (let number = 0; number <= AUDIT_ENTRIES_MAX; number++)
    counts.note('messages.sent', who(number));
  await counts.flush();
  await expect.poll(() => heard.length).toBe(2);
  expect(entries()).toHaveLength(AUDIT_ENTRIES_MAX + 1);
});
