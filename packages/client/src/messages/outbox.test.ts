/** What of the outbox may still be changed where it waits. */
import { ConversationId, MessageId } from '@sotto/api';
import { expect, test } from 'vitest';
import { openMemoryStore } from '../store/store-memory.ts';
import { decodeRecord } from '../store/stored-record.ts';
import { isUntouched, unseal } from './outbox.ts';
import { keyOf, OutboxEntry } from './outbox-entry.ts';

const entry: OutboxEntry = {
  id: MessageId.parse('018f0000-0000-7000-8000-000000000001'),
  conversation: ConversationId.parse('018f0000-0000-7000-8000-000000000002'),
  counter: 1,
  time: 1,
  content: Uint8Array.of(1),
  recipients: [],
  sealed: false,
};

test('what was refused as stale has left, so it says what it says, though nothing of it is encrypted now', async () => {
  expect(isUntouched(entry)).toBe(true);
  const group = { ciphertext: new Uint8Array(9), version: 1, lists: new Uint8Array(32) };
  const store = openMemoryStore();
  const kept = await store.transaction(async (transaction) => {
    await unseal(transaction, [{ ...entry, group, sealed: true }]);
    return decodeRecord(OutboxEntry, (await transaction.get(keyOf(entry)))!);
  });
  expect(kept).toMatchObject({ sealed: false, recipients: [] });
  expect(kept.group).toBeUndefined();
  expect(isUntouched(kept)).toBe(false);
  await store.close();
});
