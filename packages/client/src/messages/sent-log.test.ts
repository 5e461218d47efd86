import { DeviceId } from '@sotto/api';
import { nodeProvider } from '@sotto/crypto/node';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { confirmRun } from '../account/confirmed-time.ts';
import { keys } from '../store/key-space.ts';
import { decodeRecord } from '../store/stored-record.ts';
import { loadLocalParty } from '../trust/sessions.ts';
import { openPair, type Pair, texts, until } from './content.fixture.ts';
import { decodeContent } from './content.ts';
import { OutboxEntry } from './outbox-entry.ts';
import { forgetSent, sendAgain } from './sent-log.ts';

const DAY_MS = 24 * 3_600_000;

let pair: Pair;

beforeEach(async () => {
  pair = await openPair();
});
afterEach(() => pair.close());

test('what is sent again says what the history says by now, and nothing that was taken back', async () => {
  const { alice, bob, conversation } = pair;
  const { store, client } = alice;
  const gone = await client.sendText(conversation, 'gone');
  const kept = await client.sendText(conversation, 'kept');
  await until(async () => expect(await texts(bob, conversation)).toContain('kept'));
  await client.edit(kept, 'edited');
  await client.deleteMessage(gone);
  await until(async () => expect(await client.unsent(conversation)).toEqual([]));
  await client.close();
  const local = await loadLocalParty(store, nodeProvider);
  await sendAgain(store, local, 0);
  const page = await store.transaction((it) =>
    it.list({ prefix: keys.outbox(conversation), limit: 100 }),
  );
  const entries = page.map(({ value }) => decodeRecord(OutboxEntry, value));
  expect(entries.map(({ content }) => decodeContent(content))).toEqual([
    { type: 'text', text: 'hello' },
    { type: 'delete', of: gone.reference },
    { type: 'text', text: 'edited' },
    { type: 'edit', of: kept.reference, text: 'edited' },
    { type: 'delete', of: gone.reference },
  ]);
  expect(entries.every(({ sealed, recipients }) => sealed && recipients.length > 0)).toBe(true);
});

test('what was stored is forgotten two days later, by a time that has passed for certain', async () => {
  const { store, client } = pair.alice;
  await client.close();
  const local = await loadLocalParty(store, nodeProvider);
  const now = Date.now();
  const afterDays = async (days: number) => {
    const then = now + days * DAY_MS;
    await store.transaction((it) => confirmRun(it, then));
    await forgetSent(store, local, then);
    const kept = await store.transaction((it) =>
      it.list({ prefix: keys.allSent(DeviceId.parse(local.address.device)), limit: 10 }),
    );
    return kept.length;
  };
  expect(await afterDays(3)).toBe(1);
  expect(await afterDays(1.9)).toBe(1);
  expect(await afterDays(2.5)).toBe(1);
  expect(await afterDays(3)).toBe(1);
  expect(await afterDays(4.2)).toBe(0);
});

test('what was stored by a clock that was ahead grows old all the same', async () => {
  const { alice, conversation, clock } = pair;
  clock.offset = 1000 * DAY_MS;
  const { id } = await alice.client.sendText(conversation, 'of the future');
  await alice.client.whenStored(id);
  await alice.client.close();
  const local = await loadLocalParty(alice.store, nodeProvider);
  for (const days of [0, 1.1, 2.2, 3.3, 4.4]) {
    const then = Date.now() + days * DAY_MS;
    await alice.store.transaction((it) => confirmRun(it, then));
    await forgetSent(alice.store, local, then);
  }
  const prefix = keys.allSent(DeviceId.parse(local.address.device));
  expect(await alice.store.transaction((it) => it.list({ prefix, limit: 10 }))).toEqual([]);
});
