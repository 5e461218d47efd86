/** A platform that is older than its key log. */
import { randomBytes, randomUUID } from 'node:crypto';
import { nodeProvider } from '@sotto/crypto/node';
import { blindAccount, decodeKeyLogLeaf, digestKey, verifyingKey } from '@sotto/crypto/verify';
import { migrate, openDatabase } from '@sotto/runtime';
import { testDatabase } from '@sotto/runtime/testing';
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { migrations } from '../migrations/index.ts';
import type { KeyTables } from '../schema.ts';
import { findBlindingKey } from './leaves.ts';

test('identities that were there before the log get their first leaf with it', async () => {
  await using opened = new AsyncDisposableStack();
  const testing = await testDatabase();
  opened.defer(() => testing.close());
  const database = openDatabase<KeyTables>(testing.options('key'));
  opened.defer(() => database.close());
  const [first, ...rest] = Object.entries(migrations);
  if (first === undefined || rest.length === 0) throw new Error('there is nothing to migrate');
  await migrate(database, 'key', Object.fromEntries([first]));
  const identities = Array.from({ length: 1_500 }, () => [randomUUID(), randomBytes(32)] as const);
  await sql`insert into identity_keys (user_id, public_key, published_at) select *, now()
    from unnest(${identities.map(([user]) => user)}::uuid[],
      ${identities.map(([, key]) => key)}::bytea[])`.execute(database.query);
  await migrate(database, 'key', migrations);
  const blindingKey = await findBlindingKey(database.query);
  const rows = await database.query.selectFrom('key_log_pending').select('leaf').execute();
  const digests = rows.map(({ leaf }) => {
    const decoded = decodeKeyLogLeaf(leaf);
    if (decoded.type !== 'account' || decoded.version !== 1) throw new Error('not a first leaf');
    return [decoded.account, decoded.keyDigest].map(hex).join();
  });
  const expected = identities.map(([user, key]) => {
    const identityKey = verifyingKey<'identity'>(key);
    const digest = digestKey(nodeProvider, blindingKey, { user, identityKey });
    return [blindAccount(nodeProvider, blindingKey, user), digest].map(hex).join();
  });
  expect(digests.toSorted()).toEqual(expected.toSorted());
});

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
