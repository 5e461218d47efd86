import { ConversationId, DeviceId, MessageId, UserId } from '@sotto/api';
import { expect, test } from 'vitest';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { openMemoryStore } from '../store/store-memory.ts';
import { putRecord } from '../store/stored-record.ts';
import { HistoryItem } from './history-item.ts';
import { itemsBefore } from './history-pages.ts';

const idOf = (number: number) => `0193f000-0000-7000-8000-${String(number).padStart(12, '0')}`;
const CONVERSATION = ConversationId.parse(idOf(1));
const SENDER = { user: UserId.parse(idOf(2)), device: DeviceId.parse(idOf(3)) };

// As after a restore, which brings messages and no place from which to read on.
test.each([
  ['none', []],
  ['one', [1]],
  ['one far away', [1_048_577]],
  ['one at the end of all numbers', [1, Number.MAX_SAFE_INTEGER]],
  ['many', places(1, 3_000)],
  ['many with a hole', [...places(1, 1_000), ...places(1_048_576, 1_000)]],
])('the end of a history is found from its beginning, of %s', async (_, seqs) => {
  const store = openMemoryStore();
  await store.transaction((transaction) => fill(transaction, seqs));
  await store.transaction(async (transaction) => {
    const { counting, count } = counted(transaction);
    const { value: newest } = await itemsBefore(counting, CONVERSATION, undefined).next();
    expect(newest?.seq).toBe(seqs.at(-1));
    expect(count()).toBeLessThan(60);
  });
});

function places(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => first + index);
}

async function fill(transaction: StoreTransaction, seqs: readonly number[]): Promise<void> {
  for (const seq of seqs) {
    const item: HistoryItem = {
      type: 'message',
      id: MessageId.parse(idOf(seq % 1_000_000_000)),
      conversation: CONVERSATION,
      seq,
      sender: SENDER,
      sentAt: '2026-11-21T12:00:00.000Z',
      time: 1,
      content: { type: 'text', text: `number ${seq}` },
      own: false,
      order: 'next',
    };
    await putRecord(transaction, keys.message(CONVERSATION, seq), [HistoryItem, item]);
  }
}

function counted(transaction: StoreTransaction) {
  let lists = 0;
  const counting: StoreTransaction = {
    ...transaction,
    list(range) {
      lists += 1;
      return transaction.list(range);
    },
  };
  return { counting, count: () => lists };
}
