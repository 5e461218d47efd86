import { setTimeout as sleep } from 'node:timers/promises';
import { type Generated, sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { DATABASE_URGENT_SILENCE_MS } from './limits.ts';
import { type Migrations, migrate } from './migrate.ts';
import { type Database, databaseOptions, openDatabase, openUrgentPool } from './postgres.ts';
import { openPipeline } from './postgres-pipeline.ts';
import { toApiError } from './problem-response.ts';
import { databaseSection } from './sections.ts';
import { cuttableWire, type TestDatabase, testDatabase } from './testing.ts';

interface Tables {
  things: { id: Generated<number>; name: string; data: Uint8Array };
}

const migrations: Migrations = {
  '0001-things': async (transaction) => {
    await transaction.schema
      .createTable('things')
      .addColumn('id', 'bigint', (column) => column.generatedAlwaysAsIdentity().primaryKey())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('data', 'bytea', (column) => column.notNull())
      .execute();
  },
};

let server: TestDatabase;
beforeAll(async () => {
  server = await testDatabase();
});
afterAll(() => server.close());

function open<T = Tables>(
  schema: string,
  options: { host?: string; port?: number; statementMs?: number } = {},
): Database<T> {
  const database = openDatabase<T>({ ...server.options(schema), ...options });
  onTestFinished(() => database.close());
  return database;
}

describe('a database', () => {
  test('sees its own schema only, with numbers, bytes and text as they went in', async () => {
    const [one, two] = [open('one'), open('two')];
    await Promise.all([migrate(one, 'one', migrations), migrate(two, 'two', migrations)]);
    const data = Buffer.from([0, 255, 10]);
    const row = await one.query
      .insertInto('things')
      .values({ name: 'ü', data })
      .returningAll()
      .executeTakeFirstOrThrow();
    expect(row).toEqual({ id: 1, name: 'ü', data });
    expect(await two.query.selectFrom('things').selectAll().execute()).toEqual([]);
  });

  test('reads integers of any width as numbers, and throws for those that are none', async () => {
    const { pool } = open('types');
    const sql = `select 9007199254740991::bigint as big, count(*) as count, sum(x) as sum,
      array[1, null, 3]::bigint[] as list, array[]::bigint[] as empty, 1.5::numeric as half
      from (values (1::bigint), (2)) as t (x)`;
    const { rows } = await pool.query(sql);
    const big = Number.MAX_SAFE_INTEGER;
    expect(rows).toEqual([{ big, count: 2, sum: 3, list: [1, null, 3], empty: [], half: 1.5 }]);
    await expect(pool.query('select 9007199254740992::bigint')).rejects.toThrow(RangeError);
    expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  });

  test('survives the loss of its connections, idle and busy, and says what they mean', async () => {
    const { host, port } = server.options('lost');
    const wire = await cuttableWire(`postgres://${host}:${port}`);
    onTestFinished(() => wire.close());
    const address = new URL(wire.url);
    const database = open('lost', { host: address.hostname, port: Number(address.port) });
    await database.ping();
    const busy = database.pool.query('select pg_sleep(5)');
    const held = await database.pool.connect();
    onTestFinished(() => held.release(true));
    wire.cut();
    const code = (error: unknown) => toApiError(error).code;
    expect(await busy.catch(code)).toBe('service.unavailable');
    expect(await held.query('select 1').catch(code)).toBe('service.unavailable');
    expect(await database.ping().catch(code)).toBe('service.unavailable');
    wire.restore();
    await vi.waitFor(() => database.ping(), 20_000);
  });

  test('gives up connections that have gone silent, and what waited on them', async () => {
    const { host, port } = server.options('silent');
    const wire = await cuttableWire(`postgres://${host}:${port}`);
    onTestFinished(() => wire.close());
    const address = new URL(wire.url);
    const place = { host: address.hostname, port: Number(address.port) };
    const database = open('silent', { ...place, statementMs: 500 });
    const pipeline = await openPipeline(database);
    await Promise.all([database.ping(), database.ping()]);
    wire.silence();
    const pooled = [
      database.pool.query('select 1'),
      database.query.transaction().execute((transaction) => sql`select 1`.execute(transaction)),
    ];
    const pipelined = Promise.allSettled(
      [1, 2].map((one) => pipeline.send({ text: `select ${one}` })),
    );
    const code = (error: unknown) => toApiError(error).code;
    const codes = await Promise.all(pooled.map((answer) => answer.catch(code)));
    expect(codes).toEqual(['service.unavailable', 'service.unavailable']);
    for (const { status } of await pipelined) expect(status).toBe('rejected');
    await vi.waitFor(() => expect(pipeline.isOpen()).toBe(false), 20_000);
    expect(database.pool.totalCount).toBe(0);
    await database.ping();
  });

  test('has an urgent side, which waits neither for locks nor for silence, but keeps idle connections', async () => {
    const { host, port } = server.options('urgent');
    const wire = await cuttableWire(`postgres://${host}:${port}`);
    onTestFinished(() => wire.close());
    const address = new URL(wire.url);
    const database = open('urgent', { host: address.hostname, port: Number(address.port) });
    const urgent = openUrgentPool(database, 2);
    onTestFinished(() => urgent.end());
    const holder = await database.pool.connect();
    onTestFinished(() => holder.release(true));
    await holder.query('begin');
    await holder.query('select pg_advisory_xact_lock(1)');
    const wait = urgent.query('select pg_advisory_xact_lock(1)');
    await expect(wait).rejects.toMatchObject({ code: '55P03' });
    await urgent.query('select 1');
    await sleep(DATABASE_URGENT_SILENCE_MS + 200);
    expect(urgent.totalCount).toBe(1);
    await urgent.query('select 1');
    wire.silence();
    const start = performance.now();
    const code = (error: unknown) => toApiError(error).code;
    expect(await urgent.query('select 1').catch(code)).toBe('service.unavailable');
    expect(performance.now() - start).toBeLessThan(5_000);
  });

  test('that is full makes nobody wait for long', async () => {
    const database = openDatabase({ ...server.options('full'), poolMax: 1 });
    onTestFinished(() => database.close());
    const held = await database.pool.connect();
    const started = performance.now();
    const error = await database.ping().catch(toApiError);
    expect(error).toMatchObject({ code: 'service.unavailable' });
    expect(performance.now() - started).toBeLessThan(4_000);
    held.release();
  });

  test('refuses a schema name that is more than a name', () => {
    expect(() => openDatabase(server.options('a; drop table x'))).toThrow(TypeError);
  });
});

describe('migrations', () => {
  test('run once however many processes start together', async () => {
    const databases = Array.from({ length: 4 }, () => open('together'));
    const ran = vi.fn();
    const counted: Migrations = {
      ...migrations,
      '0002-count': async () => ran(),
    };
    await Promise.all(databases.map((database) => migrate(database, 'together', counted)));
    expect(ran).toHaveBeenCalledTimes(1);
    await migrate(databases[0]!, 'together', counted);
    expect(ran).toHaveBeenCalledTimes(1);
  });

  test('that fail undo their step, keep the ones before, and run again later', async () => {
    const database = open('failing');
    let fails = true;
    const steps: Migrations = {
      ...migrations,
      '0002-more': async (transaction) => {
        await transaction.schema.alterTable('things').addColumn('more', 'text').execute();
        if (fails) throw new Error('half way');
      },
    };
    await expect(migrate(database, 'failing', steps)).rejects.toThrow('half way');
    const before = await database.query.selectFrom('things').selectAll().execute();
    expect(before).toEqual([]);
    fails = false;
    await migrate(database, 'failing', steps);
  });

  test('wait for a database that is not up yet', async () => {
    const { host, port } = server.options('late');
    const wire = await cuttableWire(`postgres://${host}:${port}`);
    onTestFinished(() => wire.close());
    wire.cut();
    const address = new URL(wire.url);
    const database = open('late', { host: address.hostname, port: Number(address.port) });
    const migrated = migrate(database, 'late', migrations);
    await new Promise((resolve) => setTimeout(resolve, 600));
    wire.restore();
    await migrated;
    expect(await database.query.selectFrom('things').selectAll().execute()).toEqual([]);
  });

  test('leave the connection as they found it', async () => {
    const database = openDatabase({ ...server.options('settings'), poolMax: 1 });
    onTestFinished(() => database.close());
    await migrate(database, 'settings', migrations);
    const { rows } = await database.pool.query('show statement_timeout');
    expect(rows).toEqual([{ statement_timeout: '10s' }]);
  });
});

test('a URL stands for all the parts of a database section', () => {
  const section = databaseSection.parse({
    host: 'ignored',
    password: 'used when the URL has none',
  });
  const url = 'postgres://us%40er:p%2Fw@db.example:6000/na%20me?sslmode=require';
  expect(databaseOptions({ ...section, url }, 'auth')).toEqual({
    host: 'db.example',
    port: 6000,
    user: 'us@er',
    password: 'p/w',
    database: 'na me',
    schema: 'auth',
    ssl: true,
  });
  const short = databaseOptions({ ...section, url: 'postgresql://[::1]/x' }, 'auth');
  expect(short).toMatchObject({ host: '::1', port: 5432, user: 'sotto', ssl: false });
  expect(short.password).toBe('used when the URL has none');
  expect(databaseOptions(section, 'auth')).toMatchObject({ host: 'ignored', port: 5432 });
});
