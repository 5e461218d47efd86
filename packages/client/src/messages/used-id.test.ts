import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Store } from '../store/store.ts';
import { openMemoryStore } from '../store/store-memory.ts';
import { lineOf, openPair, type Pair, type Person, texts, until } from './content.fixture.ts';
import { unsealFor } from './unseal-for.ts';

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
  for (const person of [again, bob]) {
    const { body } = await lineOf(person, conversation, 'what was meant');
    expect(body).toMatchObject({ isEdited: true });
  }
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

test('what was changed before it left, and is stored so, is not shown as edited', async () => {
  const { alice, bob, conversation, platform } = pair;
  await alice.client.close();
  const first = pair.open(alice.store);
  const sent = await first.client.sendText(conversation, 'a slip');
  await first.client.edit(sent, 'what was meant');
  const cut = vi.fn(() => 'cut' as const);
  platform.judge = cut;
  await first.client.connect();
  await until(() => expect(cut).toHaveBeenCalled());
  await first.client.close();
  platform.judge = () => undefined;
  const { user } = platform.devices.find(({ username }) => username === 'bob')!;
  // As when another identity of his was accepted.
  await alice.store.transaction((transaction) => unsealFor(transaction, user));
  const again = await pair.reopen(alice);
  await again.client.whenStored(sent.id);
  await until(async () => expect(await again.client.unsent(conversation)).toEqual([]));
  await again.client.whenStored((await again.client.sendText(conversation, 'after')).id);
  const all = ['hello', 'what was meant', 'after'];
  for (const person of [again, bob]) {
    await until(async () => expect(await texts(person, conversation)).toEqual(all));
    const { body } = await lineOf(person, conversation, 'what was meant');
    expect(body).toMatchObject({ isEdited: false });
  }
  expect(platform.rooms[0]!.messages.filter(({ stored: { id } }) => id === sent.id)).toHaveLength(
    1,
  );
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
