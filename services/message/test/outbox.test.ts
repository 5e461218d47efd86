/** The outbox of the fan-out: nothing leaves it that the other nodes have not been told of. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Bus,
  createLogger,
  createMemoryBus,
  createMetrics,
  type Database,
  migrate,
  openDatabase,
} from '@sotto/runtime';
import { type TestDatabase, testDatabase } from '@sotto/runtime/testing';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { createEvents } from '../src/events.ts';
import { Fanout } from '../src/fanout.ts';
import { migrations } from '../src/migrations/index.ts';
import { collapseRows } from '../src/outbox-store.ts';
import type { Tables } from '../src/schema.ts';

let testing: TestDatabase;
let database: Database<Tables>;

beforeAll(async () => {
  testing = await testDatabase();
  database = openDatabase<Tables>(testing.options('message'));
  await migrate(database, database.schema, migrations);
});

beforeEach(async () => {
  await database.pool.query('truncate fanout_outbox');
});

afterAll(async () => {
  await database.close();
  await testing.close();
});

const INSERT_ROW = `insert into fanout_outbox (conversations, firsts, lasts, created_at)
  values ('{}', '{}', '{}', now() - interval '1 minute') returning id`;

async function addRows(count: number): Promise<void> {
  await database.pool.query(
    `insert into fanout_outbox (conversations, firsts, lasts, created_at)
     select '{}', '{}', '{}', now() - interval '1 minute' from generate_series(1, $1::int)`,
    [count],
  );
}

async function rowIds(): Promise<number[]> {
  const rows = await database.query.selectFrom('fanout_outbox').select('id').execute();
  return rows.map(({ id }) => id);
}

test('a batch that is committed behind the mark of a collapse keeps its row', async () => {
  await addRows(100_001);
  const slow = await database.pool.connect();
  await slow.query('begin');
  const { rows } = await slow.query<{ id: number }>(INSERT_ROW);
  await addRows(1);
  const collapsed = await collapseRows(database, async () => {
    await slow.query('commit');
  });
  slow.release();
  expect(collapsed).toBe(true);
  expect(await rowIds()).toEqual(rows.map(({ id }) => id));
});

test('a bus that takes its time empties the outbox turn by turn', async () => {
  await addRows(300);
  const memory = createMemoryBus();
  let delayMs = 1_500;
  const bus: Bus = { ...memory, publish: () => sleep(delayMs) };
  const log = createLogger({ service: 'test', level: 'silent' });
  const events = createEvents(createMetrics('test'), log);
  const fanout = new Fanout({ database, bus, node: 'this', events });
  onTestFinished(() => memory.close());
  onTestFinished(() => fanout.close());
  const rows = async () => (await rowIds()).length;
  await vi.waitFor(async () => expect(await rows()).toBeLessThan(300), { timeout: 12_000 });
  delayMs = 0;
  await vi.waitFor(async () => expect(await rows()).toBe(0), { timeout: 12_000 });
});

test('a collapse whose mark does not leave deletes nothing', async () => {
  await addRows(100_001);
  const failed = collapseRows(database, () => Promise.reject(new Error('the bus is down')));
  await expect(failed).rejects.toThrow('the bus is down');
  expect(await rowIds()).toHaveLength(100_001);
});
