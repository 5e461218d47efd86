import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Store } from '../store/store.ts';
import { openMemoryStore } from '../store/store-memory.ts';
import { openPair, type Pair, type Person, texts, until } from './content.fixture.ts';

let pair: Pair;

beforeEach(async () => {
  pair = await openPair();
});
afterEach(() => pair.close());

test('what a forgotten life has sent is stored, and is not said a second time', async () => {
  const { bob, conversation, platform } = pair;
  const { again, sent } = await putBackAfterSending('a slip');
  await again.client.connect();
  const place = await again.client.whenStored(sent.id);
  expect(place).toMatchObject({ conversation, seq: 2 });
  expect(await texts(again, conversation)).toEqual(['hello', 'a slip']);
  expect(await texts(bob, conversation)).toEqual(['hello', 'a slip']);
  expect(platform.rooms[0]!.messages).toHaveLength(2);
});

test('what was corrected since in the copy that was put back is corrected for everybody', async () => {
  const { bob, conversation } = pair;
  const { again, sent } = await putBackAfterSending('a slip');
  await again.client.edit(sent, 'what was meant');
  await again.client.connect();
  const corrected = ['hello', 'what was meant'];
  await until(async () => expect(await texts(bob, conversation)).toEqual(corrected));
  await until(async () => expect(await again.client.unsent(conversation)).toEqual([]));
  expect(await texts(again, conversation)).toEqual(corrected);
});

test('what was taken back since in the copy that was put back is taken back for everybody', async () => {
  const { bob, conversation } = pair;
  const { again, sent } = await putBackAfterSending('never mind');
  await again.client.deleteMessage(sent);
  await again.client.connect();
  await until(async () => expect(await texts(bob, conversation)).toEqual(['hello', 'deleted']));
  await until(async () => expect(await again.client.unsent(conversation)).toEqual([]));
  expect(await texts(again, conversation)).not.toContain('never mind');
});

/** Alice has written a text that waits; a copy of her store was made then and is put back, when the text was sent. */
async function putBackAfterSending(text: string) {
  const { alice, bob, conversation } = pair;
  await alice.client.close();
  const first = pair.open(alice.store);
  const sent = await first.client.sendText(conversation, text);
  const copy = await copyOf(first);
  await first.client.connect();
  await first.client.whenStored(sent.id);
  await until(async () => expect(await texts(bob, conversation)).toEqual(['hello', text]));
  await first.client.close();
  return { again: pair.open(copy), sent };
}

async function copyOf({ store }: Person): Promise<Store> {
  const all = await store.transaction((it) => it.list({ prefix: '', limit: 10_000 }));
  const copy = openMemoryStore();
  await copy.transaction(async (it) => {
    for (const { key, value } of all) await it.put(key, value);
  });
  return copy;
}
