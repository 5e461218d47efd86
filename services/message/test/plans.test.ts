/** Every query finds its rows by an index, whatever the planner knows of them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Database, migrate, openDatabase } from '@sotto/runtime';
import { type TestDatabase, testDatabase } from '@sotto/runtime/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { migrations } from '../src/migrations/index.ts';
import { makePartitions } from '../src/partitions.ts';
import type { Tables } from '../src/schema.ts';
import { fill, type Sample, SMALL_TABLES } from './big-database.ts';
import { queriesOf } from './plan-rows.ts';
import { type PlanWatch, TELL_PLANS, watchPlans } from './plan-watch.ts';
import { makeWorld } from './plan-world.ts';

/** What may be read to its end, and why. */
const READ_WHOLE = new Map([
  ['erasure-store findLeaving', ['erased_users_waiting']], // It holds those alone that are wanted.
  ['connection-store sweepNodes', ['erased_users_pkey']], // For the thousands who were on a dead node.
]);

const FILL_MS = 120_000;

let testing: TestDatabase;
let sample: Sample;

beforeAll(async () => {
  testing = await testDatabase();
  const database = openDatabase<Tables>(testing.options('message'));
  await migrate(database, database.schema, migrations);
  await makePartitions(database);
  sample = await fill(database);
  await database.close();
  await setForAll(TELL_PLANS);
}, FILL_MS);

afterAll(() => testing.close());

/** Settings of the connections that are opened from now on. */
async function setForAll(settings: Readonly<Record<string, string>>): Promise<void> {
  const database = openDatabase<Tables>(testing.options('message'));
  const name = testing.options('message').database;
  for (const [setting, value] of Object.entries(settings)) {
    await database.pool.query(`alter database ${name} set ${setting} = '${value}'`);
  }
  await database.close();
}

/** As the planner is by itself, and with plans that know no values, as it makes them of what is prepared. */
describe.each(['auto', 'force_generic_plan'])('with plan_cache_mode %s', (mode) => {
  let database: Database<Tables>;
  let watch: PlanWatch;

  beforeAll(async () => {
    await setForAll({ plan_cache_mode: mode });
    database = openDatabase<Tables>(testing.options('message'));
    watch = watchPlans(database);
  });

  afterAll(() => database.close());

  test.each(names())('%s reads what it needs, by its indexes', async (name) => {
    const [module = '', query = ''] = name.split(' ');
    const [indexes, run] = queriesOf(makeWorld(database, sample))[module]?.[query] ?? [];
    watch.take();
    await run?.();
    const plans = watch.take().filter(({ statement }) => !/pg_inherits/.test(statement));
    const allowed = [...SMALL_TABLES, ...(READ_WHOLE.get(name) ?? [])];
    const scans = plans.filter(({ scanned }) => scanned.some((it) => !allowed.includes(it)));
    expect(scans).toEqual([]);
    const used = plans.flatMap((plan) => plan.indexes);
    const unnamed = used.filter((index) => !`${indexes}`.split(' ').includes(index));
    expect(unnamed.filter((index) => !isSmall(index))).toEqual([]);
  });
});

function names(): string[] {
  const queries = Object.entries(queriesOf(makeWorld(Object.create(null), Object.create(null))));
  return queries.flatMap(([module, rows]) => Object.keys(rows).map((row) => `${module} ${row}`));
}

function isSmall(index: string): boolean {
  return SMALL_TABLES.has(index.replace(/_pkey$/, ''));
}

describe('no query is left out', () => {
  const sources = join(import.meta.dirname, '../src');
  const files = readdirSync(sources).filter((file) => /(?<!\.test)\.ts$/.test(file));
  const rows = queriesOf(makeWorld(Object.create(null), Object.create(null)));

  /** Parts of statements, statements in a row, and what has no plan. */
  const NOT_QUERIES = ['interval', 'coarse', 'sendTransaction', 'dropWeek'];

  const stores = files.filter((file) => file.endsWith('-store.ts'));
  test.each(stores)('of %s', async (file) => {
    const module: Record<string, unknown> = await import(join(sources, file));
    const functions = Object.keys(module).filter((name) => typeof module[name] === 'function');
    const known = [...Object.keys(rows[file.replace('.ts', '')] ?? {}), ...NOT_QUERIES];
    expect(functions.filter((name) => !known.includes(name))).toEqual([]);
  });

  test('in other modules', () => {
    const asking = files.filter((file) => {
      if (stores.includes(file)) return false;
      const text = readFileSync(join(sources, file), 'utf8');
      return /\bsql[`<]|\b(selectFrom|insertInto|updateTable|deleteFrom)\(|\bpool\.query/.test(
        text,
      );
    });
    // Partitions are made by what has no plan; a restore rewrites everything while nothing else runs.
    const known = [...Object.keys(rows), 'partitions', 'restored'];
    expect(asking.filter((file) => !known.includes(file.replace('.ts', '')))).toEqual([]);
  });
});
