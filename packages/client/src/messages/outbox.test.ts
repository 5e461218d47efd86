/** How much the outbox takes, and what of it may still be changed where it waits. */
import { ConversationId, DeviceId, MessageId, UserId } from '@sotto/api';
import { makeIdentity } from '@sotto/crypto';
import { nodeProvider } from '@sotto/crypto/node';
import { expect, test } from 'vitest';
import { OUTBOX_PER_CONVERSATION_MAX } from '../limits.ts';
import { keys } from '../store/key-space.ts';
import { openMemoryStore } from '../store/store-memory.ts';
import { Counter, decodeRecord, putRecord } from '../store/stored-record.ts';
import { enqueue, isUntouched, setAside, unseal } from './outbox.ts';
import { keyOf, OutboxEntry, putEntry } from './outbox-entry.ts';

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
    const sealed = { ...entry, group, sealed: true };
    await putEntry(transaction, sealed);
    await unseal(transaction, [sealed]);
    return decodeRecord(OutboxEntry, (await transaction.get(keyOf(entry)))!);
  });
  expect(kept).toMatchObject({ sealed: false, recipients: [] });
  expect(kept.group).toBeUndefined();
  expect(isUntouched(kept)).toBe(false);
  await store.close();
});

test('what has left the outbox since it was refused is neither put back nor set aside', async () => {
  const store = openMemoryStore();
  const sealed = { ...entry, sealed: true };
  const [hasFailed, left] = await store.transaction(async (transaction) => {
    await unseal(transaction, [sealed]);
    const isSetAside = await setAside(transaction, sealed);
    return [isSetAside, await transaction.list({ prefix: '', limit: 1 })];
  });
  expect(hasFailed).toBe(false);
  expect(left).toEqual([]);
  await store.close();
});

test('what was encrypted anew since it was refused keeps that', async () => {
  const store = openMemoryStore();
  const recipients = [recipient(1)];
  const kept = await store.transaction(async (transaction) => {
    await putEntry(transaction, { ...entry, recipients, sealed: true });
    await unseal(transaction, [{ ...entry, recipients: [recipient(2)], sealed: true }]);
    return decodeRecord(OutboxEntry, (await transaction.get(keyOf(entry)))!);
  });
  expect(kept).toMatchObject({ recipients, sealed: false });
  await store.close();
});

test('nothing more is taken while the first of as many as may wait does, unless that is only sent again', async () => {
  const { conversation } = entry;
  const address = {
    user: UserId.parse('018f0000-0000-7000-8000-000000000003'),
    device: DeviceId.parse('018f0000-0000-7000-8000-000000000004'),
  };
  const local = { identity: makeIdentity(nodeProvider), address, registrationId: 1 };
  const deps = { provider: nodeProvider, local, clock: Date.now };
  const store = openMemoryStore();
  const write = () =>
    store.transaction((transaction) =>
      enqueue(deps, transaction, { conversation, content: { type: 'text', text: 'hello' } }),
    );
  await store.transaction(async (transaction) => {
    await putEntry(transaction, entry);
    const counter = { next: OUTBOX_PER_CONVERSATION_MAX };
    await putRecord(transaction, keys.sendCounter(conversation), [Counter, counter]);
  });
  await write();
  await expect(write()).rejects.toMatchObject({ code: 'outbox.full' });
  const again = { next: entry.counter + 1 };
  await store.transaction((transaction) =>
    putRecord(transaction, keys.sentAgain(conversation), [Counter, again]),
  );
  await write();
  await store.close();
});

function recipient(byte: number) {
  const user = UserId.parse('018f0000-0000-7000-8000-000000000003');
  const device = DeviceId.parse('018f0000-0000-7000-8000-000000000004');
  return { user, device, ciphertext: Uint8Array.of(byte) };
}
