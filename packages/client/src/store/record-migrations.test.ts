import { ConversationId, MessageId } from '@sotto/api';
import { nodeProvider } from '@sotto/crypto/node';
import { expect, test } from 'vitest';
import { OutboxEntry } from '../messages/outbox-entry.ts';
import { getRefused, wasRefused } from '../messages/refused-message.ts';
import { keys } from './key-space.ts';
import { withMigrations } from './record-migrations.ts';
import type { Store } from './store.ts';
import { openMemoryStore } from './store-memory.ts';
import { sealStore } from './store-sealed.ts';
import { putRecord } from './stored-record.ts';

const idOf = (number: number) => `0193f000-0000-7000-8000-${String(number).padStart(12, '0')}`;
const CONVERSATIONS = [1, 2].map((number) => ConversationId.parse(idOf(number)));
const REFUSED = Array.from({ length: 250 }, (_, index) => MessageId.parse(idOf(1_000 + index)));

test.each([
  ['in the clear', async () => openMemoryStore()],
  ['encrypted', () => sealStore(openMemoryStore(), SEALING)],
])(
  'a store %s of an older release has its refused messages by conversation, and no old budgets',
  async (_, open) => {
    const store = await open();
    await writeAsBefore(store);
    const migrated = withMigrations(store);
    await migrated.transaction(async (transaction) => {
      for (const [index, id] of REFUSED.entries()) {
        const conversation = CONVERSATIONS[index % 2]!;
        expect(await getRefused(transaction, conversation, id)).toMatchObject({
          id,
          counter: index,
        });
        expect(await wasRefused(transaction, id)).toBe(true);
      }
      const left = await transaction.list({ prefix: keys.allFailed, limit: 1_000 });
      expect(left).toHaveLength(REFUSED.length);
      expect(await transaction.list({ prefix: 'again-budget/', limit: 1 })).toEqual([]);
    });
    await migrated.close();
  },
);

test('a damaged refused message costs itself alone, and what waits for a loop goes on waiting', async () => {
  const store = openMemoryStore();
  await writeAsBefore(store);
  await store.transaction(async (transaction) => {
    await transaction.put(`failed/${REFUSED[0]}`, new TextEncoder().encode('{'));
    await transaction.put(keys.arrivalIds, Uint8Array.of(1));
  });
  const migrated = withMigrations(store);
  await migrated.transaction(async (transaction) => {
    expect(await wasRefused(transaction, REFUSED[0]!)).toBe(false);
    expect(await wasRefused(transaction, REFUSED[1]!)).toBe(true);
    expect(await transaction.get(keys.arrivalLoop)).toBeDefined();
  });
});

test('a store whose records a newer release has written is refused, and stays as it is', async () => {
  const store = openMemoryStore();
  const newer = new TextEncoder().encode('{"version":99}');
  await store.transaction((transaction) => transaction.put(keys.recordVersion, newer));
  const migrated = withMigrations(store);
  const reading = migrated.transaction((transaction) => transaction.get('account'));
  await expect(reading).rejects.toMatchObject({ code: 'store.newer' });
  const there = await store.transaction((it) => it.list({ prefix: '', limit: 10 }));
  expect(there).toEqual([{ key: keys.recordVersion, value: newer }]);
});

test('what is asked for first is done first, and what cannot be migrated now is tried again', async () => {
  const store = openMemoryStore();
  let failures = 1;
  const failing: Store = {
    ...store,
    transaction: (work) =>
      failures-- > 0 ? Promise.reject(new Error('the disk is full')) : store.transaction(work),
  };
  const migrated = withMigrations(failing);
  await expect(migrated.transaction(async () => 'done')).rejects.toThrow('the disk is full');
  const order: number[] = [];
  const works = [1, 2, 3].map((number) => migrated.transaction(async () => order.push(number)));
  await migrated.close();
  await Promise.all(works);
  expect(order).toEqual([1, 2, 3]);
});

const SEALING = { secret: { key: new Uint8Array(32).fill(7) }, provider: nodeProvider };

async function writeAsBefore(store: Store): Promise<void> {
  await store.transaction(async (transaction) => {
    for (const [counter, id] of REFUSED.entries()) {
      const conversation = CONVERSATIONS[counter % 2]!;
      const entry: OutboxEntry = {
        ...{ id, conversation, counter, time: 1 },
        ...{ content: Uint8Array.of(1), recipients: [], sealed: false },
      };
      await putRecord(transaction, `failed/${id}`, [OutboxEntry, entry]);
    }
    await transaction.put(`again-budget/${idOf(3)}/${idOf(4)}`, Uint8Array.of(1));
  });
}
