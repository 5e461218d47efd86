/** How much the outbox takes, and what of it may still be changed where it waits. */
import { ConversationId, DeviceId, MessageId, Seq, UserId } from '@sotto/api';
import { makeIdentity } from '@sotto/crypto';
import { nodeProvider } from '@sotto/crypto/node';
import { expect, test } from 'vitest';
import { OUTBOX_PER_CONVERSATION_MAX } from '../limits.ts';
import { keys } from '../store/key-space.ts';
import type { Store, StoreTransaction } from '../store/store.ts';
import { openMemoryStore } from '../store/store-memory.ts';
import { Counter, decodeRecord, putRecord } from '../store/stored-record.ts';
import { encodeControl } from './control.ts';
import { enqueue, isUntouched, setAside, unseal } from './outbox.ts';
import { keyOf, OutboxEntry, putEntry } from './outbox-entry.ts';
import { countUnanswered } from './sent-log.ts';
import { unsealFor } from './unseal-for.ts';

const entry: OutboxEntry = {
  id: MessageId.parse('018f0000-0000-7000-8000-000000000001'),
  conversation: ConversationId.parse('018f0000-0000-7000-8000-000000000002'),
  counter: 1,
  time: 1,
  content: Uint8Array.of(1),
  recipients: [],
  sealed: false,
};

/** Of a lane that has not ended. */
const { signal } = new AbortController();

test('what was refused as stale has left, so it says what it says, though nothing of it is encrypted now', async () => {
  expect(isUntouched(entry)).toBe(true);
  const group = { ciphertext: new Uint8Array(9), version: 1, lists: new Uint8Array(32) };
  const store = openMemoryStore();
  const kept = await store.transaction(async (transaction) => {
    const sealed = { ...entry, group, sealed: true };
    await putEntry(transaction, sealed);
    await unseal(transaction, { entries: [sealed], signal });
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
    await unseal(transaction, { entries: [sealed], signal });
    const isSetAside = await setAside(transaction, sealed, { change: undefined });
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
    const refused = { ...entry, recipients: [recipient(2)], sealed: true };
    await unseal(transaction, { entries: [refused], signal });
    return decodeRecord(OutboxEntry, (await transaction.get(keyOf(entry)))!);
  });
  expect(kept).toMatchObject({ recipients, sealed: false });
  await store.close();
});

test('what is encrypted for an account is forgotten with its identity, and a refusal does not bring it back', async () => {
  const ofBob = { user: userOf(5), device: deviceOf(6), ciphertext: Uint8Array.of(1) };
  const ofCarol = { user: userOf(7), device: deviceOf(8), ciphertext: Uint8Array.of(2) };
  const sealed = { ...entry, recipients: [ofBob, ofCarol], sealed: true };
  const resent = { ...sealed, counter: 2, resent: { number: 1, seq: Seq.parse(1) } };
  const forCarol = { ...sealed, counter: 3, recipients: [ofCarol] };
  const begun = { ...sealed, counter: 4, recipients: [ofBob], sealed: false };
  const left = { ...sealed, counter: 5, recipients: [ofBob] };
  const store = openMemoryStore();
  const all = [sealed, resent, forCarol, begun, left];
  const kept = await keptAfter(store, all, async (transaction) => {
    await unsealFor(transaction, ofBob.user);
    await unsealFor(transaction, ofBob.user);
    await unseal(transaction, { entries: [sealed], signal });
  });
  expect(kept.map(({ recipients, sealed: isSealed }) => [recipients, isSealed])).toEqual([
    [[ofCarol], false],
    [[ofBob, ofCarol], true],
    [[ofCarol], true],
    [[], false],
    [[], false],
  ]);
  expect(kept.map(isUntouched)).toEqual([false, false, false, true, false]);
  const unanswered = await store.transaction((transaction) => countUnanswered(transaction));
  expect(unanswered).toBe(4);
  await store.close();
});

test('what was begun when one identity was accepted, and sent to it, is unanswered for the next one, too', async () => {
  const ofBob = { user: userOf(5), device: deviceOf(6), ciphertext: Uint8Array.of(1) };
  const begun = { ...entry, recipients: [ofBob] };
  const store = openMemoryStore();
  const [kept] = await keptAfter(store, [begun], async (transaction) => {
    await unsealFor(transaction, ofBob.user);
    const [open] = await transaction.list({ prefix: keys.outbox(), limit: 1 });
    const resealed = { ...decodeRecord(OutboxEntry, open!.value), recipients: [ofBob] };
    await putEntry(transaction, { ...resealed, sealed: true });
    await unsealFor(transaction, ofBob.user);
  });
  expect(kept).toMatchObject({ recipients: [], sealed: false });
  expect(isUntouched(kept!)).toBe(false);
  expect(await store.transaction((transaction) => countUnanswered(transaction))).toBe(1);
  await store.close();
});

test('what an account has asked for again is not for its next identity, and what else is said to it is', async () => {
  const [bob, carol] = [
    { user: userOf(5), device: deviceOf(6) },
    { user: userOf(7), device: deviceOf(8) },
  ];
  const { id, time } = entry;
  const to = [bob, carol];
  const piece = { time, offset: 0, size: 1, content: Uint8Array.of(1) };
  const again = encodeControl({ type: 'again', of: deviceOf(4), id, ...piece });
  const read = encodeControl({ type: 'read', upTo: { device: deviceOf(4), id }, time });
  const recipients = to.map((address) => ({ ...address, ciphertext: Uint8Array.of(3) }));
  const controls: OutboxEntry[] = [
    { ...entry, step: 1, content: again, to, recipients, sealed: true },
    { ...entry, step: 2, content: again, to },
    { ...entry, step: 3, content: read, to, recipients, sealed: true },
    { ...entry, step: 4, content: read, to },
  ];
  const store = openMemoryStore();
  const kept = await keptAfter(store, controls, (transaction) => unsealFor(transaction, bob.user));
  expect(kept.map((control) => control.to)).toEqual([[carol], [carol], to, to]);
  // What may be stored stays as it was: it is counted once, by the platform and here.
  expect(kept.map((control) => control.recipients.length)).toEqual([2, 0, 2, 0]);
  expect(kept.map((control) => control.sealed)).toEqual([true, false, true, false]);
  await store.close();
});

test('nothing more is taken while the first of as many as may wait does, unless that is only sent again', async () => {
  const { conversation } = entry;
  const address = {
    user: userOf(3),
    device: deviceOf(4),
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
  return { user: userOf(3), device: deviceOf(4), ciphertext: Uint8Array.of(byte) };
}

async function keptAfter(
  store: Store,
  entries: readonly OutboxEntry[],
  work: (transaction: StoreTransaction) => Promise<void>,
): Promise<OutboxEntry[]> {
  return store.transaction(async (transaction) => {
    for (const one of entries) await putEntry(transaction, one);
    await work(transaction);
    const kept = await transaction.list({ prefix: keys.outbox(), limit: 100 });
    return kept.map(({ value }) => decodeRecord(OutboxEntry, value));
  });
}

function userOf(number: number): UserId {
  return UserId.parse(`018f0000-0000-7000-8000-00000000000${number}`);
}

function deviceOf(number: number): DeviceId {
  return DeviceId.parse(userOf(number));
}
