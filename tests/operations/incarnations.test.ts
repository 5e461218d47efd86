/** Restores of one backup, one right after the other, are another platform each time (DESIGN 2.9). */
import { migrateWithin } from '@sotto/runtime';
import { testDatabase } from '@sotto/runtime/testing';
import pg from 'pg';
import { expect, test } from 'vitest';
import { makeSafeWithin } from '../../scripts/backup/make-safe.ts';
import { SCHEMAS } from '../../scripts/backup/records.ts';
import { MIGRATIONS } from '../../scripts/backup/release.ts';
import { clearSchema, inSchema } from '../../scripts/backup/schemas.ts';

test('restores of one backup that know nothing of each other differ, and rise', async () => {
  const testing = await testDatabase();
  const { schema: _, ssl: __, poolMax: ___, ...options } = testing.options('message');
  const client = new pg.Client(options);
  await client.connect();
  try {
    await client.query('begin');
    for (const schema of SCHEMAS) {
      await clearSchema(client, schema);
      await inSchema(client, schema, () => migrateWithin(client, MIGRATIONS[schema]));
    }
    await client.query('savepoint backup');
    const incarnations: number[] = [];
    for (let time = 1; time <= 4; time += 1) {
      incarnations.push((await makeSafeWithin(client, { above: 0 })).incarnation);
      await client.query('rollback to backup');
    }
    const [first = 0] = incarnations;
    expect(first).toBeGreaterThan(1);
    expect(new Set(incarnations).size).toBe(4);
    expect(incarnations).toEqual(incarnations.toSorted((a, b) => a - b));
  } finally {
    await client.end();
    await testing.close();
  }
});
