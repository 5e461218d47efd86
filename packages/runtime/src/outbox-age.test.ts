import { sql } from 'kysely';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { meterDatabase } from './database-levels.ts';
import { createLogger } from './log.ts';
import { createMetrics } from './metrics.ts';
import { migrate } from './migrate.ts';
import { createOutboxTable, type OutboxTables } from './outbox.ts';
import { meterOutboxes } from './outbox-age.ts';
import { type Database, openDatabase } from './postgres.ts';
import { type TestDatabase, testDatabase } from './testing.ts';

let server: TestDatabase;
beforeAll(async () => {
  server = await testDatabase();
});
afterAll(() => server.close());

function setup(schema: string) {
  const database = openDatabase<OutboxTables>({ ...server.options(schema), poolMax: 1 });
  onTestFinished(() => database.close());
  const metrics = createMetrics('test');
  const number = async (name: string): Promise<number> => {
    const line = new RegExp(`^sotto_${name}\\{.*\\} (\\S+)$`, 'm');
    return Number(line.exec(await metrics.text())?.[1]);
  };
  return { database, metrics, number };
}

async function withOutbox(schema: string) {
  const made = setup(schema);
  await migrate(made.database, schema, { '0001-outbox': createOutboxTable });
  const log = createLogger({ service: 'test', level: 'silent' });
  const { database, metrics } = made;
  const outboxes = { events: 'outbox' };
  const meter = meterOutboxes({ database, metrics, log, outboxes, everyMs: 5 });
  onTestFinished(() => meter.close());
  return { ...made, age: () => made.number('outbox_age_seconds') };
}

const enqueueAgo = ({ query }: Database<OutboxTables>, seconds: number) =>
  sql`insert into outbox (subject, payload, created_at)
      values ('events.a', '', now() - ${seconds} * interval '1 second')`.execute(query);

test('the age is that of the oldest row, and nothing when there is none', async () => {
  const { database, age } = await withOutbox('ages');
  await vi.waitFor(async () => expect(await age()).toBe(0), 20_000);
  await enqueueAgo(database, 90);
  await enqueueAgo(database, 10);
  await vi.waitFor(async () => expect(await age()).toBeGreaterThan(89), 20_000);
  await sql`delete from outbox`.execute(database.query);
  await vi.waitFor(async () => expect(await age()).toBe(0), 20_000);
});

test('there is no age while the database gives none', async () => {
  const { database, age } = await withOutbox('gone');
  await vi.waitFor(async () => expect(await age()).toBe(0), 20_000);
  await sql`drop table outbox`.execute(database.query);
  await vi.waitFor(async () => expect(await age()).toBeNaN(), 20_000);
});

test('queries that wait for a connection are counted, and those that are busy', async () => {
  const { database, metrics, number } = setup('pool');
  meterDatabase(database, metrics);
  expect(await number('database_connections_max')).toBe(1);
  const held = await database.pool.connect();
  const waiting = [database.ping(), database.ping()];
  expect(await number('database_connections_busy')).toBe(1);
  expect(await number('database_queries_waiting')).toBe(2);
  held.release();
  await Promise.all(waiting);
  expect(await number('database_queries_waiting')).toBe(0);
  expect(await number('database_connections_busy')).toBe(0);
});
