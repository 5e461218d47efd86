/** Messages to groups that cannot be read when they come. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { encodeContent } from '../messages/content.ts';
import { keys } from '../store/key-space.ts';
import {
  countUnreadable,
  noBundles,
  say,
  startWorld,
  type Trio,
  textsOf,
  trio,
  until,
  type World,
} from './repair.fixture.ts';

let world: World;

beforeEach(async () => {
  world = await startWorld();
});
afterEach(() => world.close());

test('a sender key that was lost comes again, with all that was said meanwhile', async () => {
  const { bob, carol, conversation } = await group();
  const key = keys.senderKey(conversation, world.device('bob'));
  await carol.store.transaction((transaction) => transaction.delete(key));
  const texts = ['one', 'two', 'three'];
  for (const text of texts) await bob.client.sendText(conversation, text);
  await until(async () => (await textsOf(carol, conversation)).length === 5);
  expect(await textsOf(carol, conversation)).toEqual(['from alice', 'from bob', ...texts]);
  const before = world.toldBy('carol');
  await say(bob, carol, { conversation, text: 'by the key itself' });
  expect(world.toldBy('carol')).toBe(before);
  expect(await countUnreadable(carol, conversation)).toBe(0);
});

test('what could not be read is asked for in the session that there is when the platform hands out no more bundles', async () => {
  const { bob, carol, conversation } = await group();
  world.platform.failCall = noBundles;
  world.damageNext({ of: 'carol', as: 'direct' });
  await bob.client.sendText(conversation, 'lost');
  await until(async () => (await textsOf(carol, conversation)).includes('lost'));
  // Meanwhile Bob is one whom nobody tries to meet again.
  world.damageNext({ of: 'carol', as: 'direct' });
  await bob.client.sendText(conversation, 'lost again');
  await until(async () => (await textsOf(carol, conversation)).includes('lost again'));
});

test('a sender key that cannot be read in the store is as good as lost', async () => {
  const { bob, carol, conversation } = await group();
  const key = keys.senderKey(conversation, world.device('bob'));
  await carol.store.transaction((transaction) => transaction.put(key, Uint8Array.of(1, 2)));
  for (const text of ['one', 'two']) await say(bob, carol, { conversation, text });
  expect(await countUnreadable(carol, conversation)).toBe(0);
});

test('what was damaged for one member alone is sent again to that one alone', async () => {
  const { alice, bob, carol, conversation } = await group();
  world.damageNext({ of: 'carol' });
  for (const text of ['one', 'two']) await say(bob, carol, { conversation, text });
  expect(await textsOf(carol, conversation)).toEqual(['from alice', 'from bob', 'one', 'two']);
  expect(await textsOf(alice, conversation)).toEqual(['from bob', 'from carol', 'one', 'two']);
  expect(world.toldBy('alice')).toBe(1);
});

test('sessions that are lost together with the keys that went through them do no harm', async () => {
  const { alice, bob, carol, conversation } = await group();
  for (const { store } of [bob, carol]) {
    await store.transaction(async (transaction) => {
      for (const prefix of [keys.sessions(), keys.senderKeys]) {
        for (const { key } of await transaction.list({ prefix, limit: 100 })) {
          await transaction.put(key, Uint8Array.of(9));
        }
      }
    });
  }
  for (const [index, party] of [alice, bob, carol].entries()) {
    await party.client.sendText(conversation, `after ${index}`);
  }
  for (const party of [alice, bob, carol]) {
    await until(async () => (await textsOf(party, conversation)).length === 4);
    expect(await countUnreadable(party, conversation)).toBe(0);
  }
});

test('who came in later gets nothing of what was said before', async () => {
  const { alice, bob, conversation } = await group();
  const early = await alice.client.sendText(conversation, 'before dora');
  await alice.client.whenStored(early.id);
  const dora = await world.enter('dora');
  await alice.client.groups.add(conversation, [world.device('dora').user]);
  const late = await alice.client.sendText(conversation, 'with dora');
  await until(async () => (await textsOf(dora, conversation)).length === 1);
  const before = world.toldBy('alice');
  const of = world.device('alice').device;
  const control = { type: 'resend' as const, of, ids: [early.id, late.id] };
  await world.tell(dora, alice, { conversation, control });
  await say(dora, bob, { conversation, text: 'what did I miss?' });
  await until(() => world.toldBy('alice') > before);
  await say(alice, dora, { conversation, text: 'nothing' });
  expect(world.toldBy('alice')).toBe(before + 1);
  expect(await textsOf(dora, conversation)).toEqual(['with dora', 'nothing']);
});

test('nobody says again what somebody else has said', async () => {
  const { alice, bob, carol, conversation } = await group();
  world.damageNext({ of: 'carol' });
  await bob.client.close();
  const back = await world.reopened(bob);
  const { id } = await back.client.sendText(conversation, 'what bob said');
  await back.client.whenStored(id);
  await back.client.close();
  await until(async () => (await countUnreadable(carol, conversation)) === 1);
  const content = encodeContent({ type: 'text', text: 'what alice says that bob said' });
  const facts = { of: world.device('bob').device, id, counter: 2, time: 1, offset: 0 };
  const control = { type: 'again' as const, ...facts, size: content.length, content };
  await world.tell(alice, carol, { conversation, control });
  await say(alice, carol, { conversation, text: 'believe me' });
  expect(await countUnreadable(carol, conversation)).toBe(1);
  await world.reopened(back);
  await until(async () => (await textsOf(carol, conversation)).includes('what bob said'));
  expect(await textsOf(carol, conversation)).toEqual([
    ...['from alice', 'from bob', 'what bob said', 'believe me'],
  ]);
});

/** A group of three that have all written, and read what the others wrote. */
async function group(): Promise<Trio> {
  const { alice, bob, carol, conversation } = await trio(world);
  await say(alice, carol, { conversation, text: 'from alice' });
  await say(bob, carol, { conversation, text: 'from bob' });
  await say(carol, alice, { conversation, text: 'from carol' });
  for (const party of [alice, bob, carol]) {
    await until(async () => (await textsOf(party, conversation)).length === 2);
  }
  return { alice, bob, carol, conversation };
}
