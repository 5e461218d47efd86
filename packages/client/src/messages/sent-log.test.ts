import { nodeProvider } from '@sotto/crypto/node';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { keys } from '../store/key-space.ts';
import { decodeRecord } from '../store/stored-record.ts';
import { loadLocalParty } from '../trust/sessions.ts';
import { openPair, type Pair, texts, until } from './content.fixture.ts';
import { decodeContent } from './content.ts';
import { OutboxEntry } from './outbox-entry.ts';
import { sendAgain } from './sent-log.ts';

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
  await sendAgain(store, local, { count: 0, now: Date.now() });
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
