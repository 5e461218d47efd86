import { UserId } from '@sotto/api';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import type { Bus } from './bus.ts';
import { createMemoryBus } from './bus-memory.ts';
import { consumeEvent, enqueueEvent, publishEvent } from './events.ts';
import { BUS_MESSAGE_BYTES_MAX } from './limits.ts';
import { createLogger } from './log.ts';
import { migrate } from './migrate.ts';
import { createOutboxTable, enqueue, type OutboxTables, startOutbox } from './outbox.ts';
import { type Database, openDatabase } from './postgres.ts';
import { type TestDatabase, testDatabase } from './testing.ts';

const log = createLogger({ service: 'test', level: 'silent' });

let server: TestDatabase;
let number = 0;
beforeAll(async () => {
  server = await testDatabase();
});
afterAll(() => server.close());

async function setup(): Promise<Database<OutboxTables>> {
  const schema = `outbox_${number++}`;
  const database = openDatabase<OutboxTables>(server.options(schema));
  onTestFinished(() => database.close());
  await migrate(database, schema, { '0001-outbox': createOutboxTable });
  return database;
}

/** A bus that keeps what was published, and can be told to refuse. */
function recordingBus() {
  const published: { text: string; id: string }[] = [];
  const state = { up: true, refused: '' };
  const bus: Bus = {
    ...createMemoryBus(),
    async publish(subject, data, id) {
      await new Promise((resolve) => setImmediate(resolve));
      if (!state.up || subject === state.refused) throw new Error('the bus is down');
      published.push({ text: Buffer.from(data).toString(), id });
    },
  };
  return { bus, published, state, texts: () => published.map(({ text }) => text) };
}

function start(database: Database<OutboxTables>, bus: Bus) {
  const outbox = startOutbox({ database, bus, log });
  onTestFinished(() => outbox.close());
  return outbox;
}

const add = (database: Database<OutboxTables>, text: string, subject = 'events.a') =>
  database.query
    .transaction()
    .execute((transaction) => enqueue(transaction, subject, Buffer.from(text)));

const rows = async (database: Database<OutboxTables>) =>
  (await database.query.selectFrom('outbox').selectAll().execute()).length;

test('what was committed is published in order, then its rows are gone', async () => {
  const database = await setup();
  const { bus, texts } = recordingBus();
  const outbox = start(database, bus);
  const expected = Array.from({ length: 250 }, (_, index) => String(index));
  for (const text of expected) await add(database, text);
  outbox.nudge();
  await vi.waitFor(() => expect(texts()).toEqual(expected), 20_000);
  await vi.waitFor(async () => expect(await rows(database)).toBe(0), 20_000);
});

test('what was rolled back is never published', async () => {
  const database = await setup();
  const { bus, texts } = recordingBus();
  const outbox = start(database, bus);
  const failing = database.query.transaction().execute(async (transaction) => {
    await enqueue(transaction, 'events.a', Buffer.from('never'));
    throw new Error('changed my mind');
  });
  await expect(failing).rejects.toThrow();
  await add(database, 'after');
  outbox.nudge();
  await vi.waitFor(() => expect(texts()).toEqual(['after']), 20_000);
});

test('while the bus is down rows stay, and the sweeper publishes them under the same ids', async () => {
  const database = await setup();
  const { bus, published, state, texts } = recordingBus();
  state.up = false;
  const outbox = start(database, bus);
  await add(database, '1');
  await add(database, '2');
  outbox.nudge();
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(await rows(database)).toBe(2);
  const stored = await database.query
    .selectFrom('outbox')
    .select('event_id')
    .orderBy('id')
    .execute();
  state.up = true;
  await vi.waitFor(() => expect(texts()).toEqual(['1', '2']), 20_000);
  expect(published.map(({ id }) => id)).toEqual(stored.map((row) => row.event_id));
});

test('a log that refuses keeps back its own rows, however many, and no others', async () => {
  const database = await setup();
  const { bus, state, texts } = recordingBus();
  state.refused = 'events.audit.noted';
  const lines = Array.from({ length: 120 }, (_, index) => `line ${index}`);
  for (const line of lines) await add(database, line, 'events.audit.noted');
  await add(database, 'a fact');
  const outbox = start(database, bus);
  await vi.waitFor(() => expect(texts()).toEqual(['a fact']), 20_000);
  await add(database, 'another');
  outbox.nudge();
  await vi.waitFor(() => expect(texts()).toEqual(['a fact', 'another']), 20_000);
  state.refused = '';
  await vi.waitFor(() => expect(texts().slice(2)).toEqual(lines), 10_000);
  await vi.waitFor(async () => expect(await rows(database)).toBe(0), 20_000);
});

test('rows of a process that died are published by the next one', async () => {
  const database = await setup();
  await add(database, 'left behind');
  const { bus, texts } = recordingBus();
  start(database, bus);
  await vi.waitFor(() => expect(texts()).toEqual(['left behind']), 20_000);
});

test('several processes publish each row once while the bus is up', async () => {
  const database = await setup();
  const { bus, texts } = recordingBus();
  const outboxes = [start(database, bus), start(database, bus), start(database, bus)];
  const expected = Array.from({ length: 300 }, (_, index) => String(index));
  for (const text of expected) {
    await add(database, text);
    for (const outbox of outboxes) outbox.nudge();
  }
  await vi.waitFor(() => expect(texts().length).toBe(300), 10_000);
  expect(new Set(texts()).size).toBe(300);
});

test('closing waits for the publication under way and leaves the rest', async () => {
  const database = await setup();
  const { bus, texts } = recordingBus();
  const outbox = startOutbox({ database, bus, log });
  await add(database, '1');
  outbox.nudge();
  await outbox.close();
  const left = await rows(database);
  expect(left + texts().length).toBe(1);
  outbox.nudge();
});

test('what no bus would take is refused before it is stored', async () => {
  const database = await setup();
  const tooLarge = new Uint8Array(BUS_MESSAGE_BYTES_MAX + 1);
  const failing = database.query
    .transaction()
    .execute((transaction) => enqueue(transaction, 'events.a', tooLarge));
  await expect(failing).rejects.toThrow(RangeError);
});

test('an event goes through the outbox to its consumers, whole', async () => {
  const database = await setup();
  const bus = createMemoryBus();
  onTestFinished(() => bus.close());
  const event = { user: UserId.parse('00000000-0000-4000-8000-000000000001'), username: 'ünï' };
  const handler = vi.fn(async () => undefined);
  await consumeEvent(bus, 'test', 'events.account.created', handler);
  const outbox = start(database, bus);
  await database.query
    .transaction()
    .execute((transaction) => enqueueEvent(transaction, 'events.account.created', event));
  outbox.nudge();
  await vi.waitFor(() => expect(handler).toHaveBeenCalledWith(event), 20_000);
  await publishEvent(bus, 'events.account.created', { ...event, username: 'two' }, 'an id');
  await vi.waitFor(() => expect(handler).toHaveBeenCalledTimes(2), 20_000);
});
