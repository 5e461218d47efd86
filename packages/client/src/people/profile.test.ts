/** Names and pictures: who gets them, and how often. What is refused is in `profile-refusals.test.ts`. */
import { ApiError, type UserId } from '@sotto/api';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { PROFILE_LOOK_MS } from '../limits.ts';
import type { ConversationRecord } from '../messages/conversation-record.ts';
import { NOW } from '../platform/platform-operations.fixture.ts';
import { blocksOf } from '../platform/platform-people.fixture.ts';
import type { Store } from '../store/store.ts';
import { getSpread } from './own-profile.ts';
import {
  controlsSent,
  isShown,
  openScene,
  type Person,
  png,
  type Scene,
  sayIn,
  shows,
  until,
  WAIT_MS,
} from './profile.fixture.ts';

let scene: Scene;
let alice: Person;
let bob: Person;
let conversation: ConversationRecord;

beforeEach(async () => {
  scene = await openScene();
  alice = await scene.enter('alice');
  bob = await scene.enter('bob');
  conversation = await alice.client.openDirect(bob.user);
});
afterEach(() => scene.close());

test('a name and a picture come with the first message, once', async () => {
  const picture = png(100_000);
  await alice.client.people.setProfile({ name: 'Alice Ångström', picture });
  const heard: UserId[] = [];
  bob.client.on('profile', ({ user }) => heard.push(user));
  for (const text of ['one', 'two', 'three']) await say(alice, text);
  await shows(bob, alice, 'Alice Ångström');
  for (const text of ['four', 'five']) await say(alice, text);
  await until(async () => (await bob.client.history(conversation.id)).length === 5);
  await settled();
  expect(controlsSent(scene.platform)).toBe(1);
  expect(heard).toEqual([alice.user]);
  expect(await bob.client.people.openPicture(alice.user)).toEqual(picture);
  scene.platform.calls.length = 0;
  expect(await bob.client.people.openPicture(alice.user)).toEqual(picture);
  expect(scene.platform.calls).toEqual([]);
  const files = [...scene.platform.files.stored.values()];
  expect(files).toHaveLength(1);
  expect(Buffer.from(files[0]!).includes(Buffer.from(picture.bytes.subarray(0, 32)))).toBe(false);
});

test('a change reaches everybody who was written to, and nobody else', async () => {
  const carol = await scene.enter('carol');
  await carol.client.openDirect(alice.user);
  await say(alice, 'hello');
  await alice.client.people.setProfile({ name: 'Alice', picture: png(500) });
  await shows(bob, alice, 'Alice');
  await alice.client.people.setProfile({ name: 'Alicia' });
  await shows(bob, alice, 'Alicia');
  expect(await bob.client.people.openPicture(alice.user)).toEqual(png(500));
  await alice.client.people.setProfile({ name: null, picture: null });
  await until(async () => (await bob.client.people.profile(alice.user))?.name === undefined);
  expect(await bob.client.people.openPicture(alice.user)).toBeUndefined();
  // What nobody is told of any more is deleted.
  await until(() => scene.platform.files.stored.size === 0);
  expect(await carol.client.people.profile(alice.user)).toBeUndefined();
  expect(controlsSent(scene.platform)).toBe(3);
});

test('who was written to by somebody shows them nothing before answering or accepting', async () => {
  await bob.client.people.setProfile({ name: 'Bob' });
  await alice.client.people.setProfile({ name: 'Alice' });
  await say(alice, 'you do not know me');
  // A person must know who asks.
  await shows(bob, alice, 'Alice');
  await bob.client.people.setProfile({ name: 'Robert' });
  await spreadOf(bob);
  expect(await alice.client.people.profile(bob.user)).toBeUndefined();
  await bob.client.people.accept(conversation.id);
  await shows(alice, bob, 'Robert');
});

test('the members of a group get it once, however much is said, and so does who comes later', async () => {
  const [carol, dave] = [await scene.enter('carol'), await scene.enter('dave')];
  conversation = await alice.client.groups.create({ members: [bob.user, carol.user] });
  await alice.client.people.setProfile({ name: 'Alice', picture: png(3_000) });
  await say(alice, 'hello, all of you');
  for (const member of [bob, carol]) await shows(member, alice, 'Alice');
  const before = controlsSent(scene.platform);
  for (const text of ['one', 'two', 'three']) await say(alice, text);
  // Bob is known from here: what is said to him elsewhere carries nothing again.
  const group = conversation;
  conversation = await alice.client.openDirect(bob.user);
  await say(alice, 'and to you');
  await settled();
  expect(controlsSent(scene.platform)).toBe(before);
  conversation = group;
  await alice.client.groups.add(group.id, [dave.user]);
  await say(alice, 'hello, Dave');
  await shows(dave, alice, 'Alice');
  expect(await dave.client.people.openPicture(alice.user)).toEqual(png(3_000));
  expect(await bob.client.people.profile(carol.user)).toBeUndefined();
  expect(scene.platform.files.stored.size).toBe(1);
});

test('of who is blocked nothing is shown, they are told nothing, and neither is lost', async () => {
  await say(alice, 'hello');
  await say(bob, 'hello');
  await bob.client.people.setProfile({ name: 'Bob' });
  await shows(alice, bob, 'Bob');
  await alice.client.people.block(bob.user);
  expect(await alice.client.people.profile(bob.user)).toBeUndefined();
  const heard: UserId[] = [];
  alice.client.on('profile', ({ user }) => user === bob.user && heard.push(user));
  await bob.client.people.setProfile({ name: 'Rude', picture: png(300) });
  await alice.client.people.setProfile({ name: 'Alice' });
  for (const person of [alice, bob]) await spreadOf(person);
  await say(bob, 'this one passes here, which the real platform would not let it');
  await until(async () => (await alice.client.history(conversation.id)).length === 3);
  expect(heard).toEqual([]);
  expect(await alice.client.people.openPicture(bob.user)).toBeUndefined();
  expect(await bob.client.people.profile(alice.user)).toBeUndefined();
  await alice.client.people.unblock(bob.user);
  expect(await alice.client.people.profile(bob.user)).toMatchObject({ name: 'Rude' });
  await say(alice, 'hello again');
  await shows(bob, alice, 'Alice');
});

test('a block that was made on another device counts here from the next start on', async () => {
  await say(bob, 'hello');
  await bob.client.people.setProfile({ name: 'Bob' });
  await shows(alice, bob, 'Bob');
  blocksOf(scene.platform, alice.user).add(bob.user);
  alice = await scene.comeBack(alice);
  await until(async () => (await alice.client.people.profile(bob.user)) === undefined);
  blocksOf(scene.platform, alice.user).clear();
  expect(await alice.client.people.blocks()).toEqual([]);
  expect(await alice.client.people.profile(bob.user)).toMatchObject({ name: 'Bob' });
});

test('a clock that ran ahead for a while keeps nothing of later from counting', async () => {
  await say(alice, 'hello');
  const right = scene.now;
  scene.now = Date.parse('2090-01-01T00:00:00Z');
  await alice.client.people.setProfile({ name: 'From the future' });
  await shows(bob, alice, 'From the future');
  expect((await bob.client.people.profile(alice.user))?.time).toBe(Date.parse(NOW));
  scene.now = right;
  // The platform of this test stores everything at one moment, unless it is told.
  const sentAt = '2026-01-01T00:00:00.001Z';
  scene.platform.show = (slot) => [slot.type === 'message' ? { ...slot, sentAt } : slot];
  await alice.client.people.setProfile({ name: 'Of today' });
  await shows(bob, alice, 'Of today');
});

test('an older profile does not come back, whenever the platform says that it got the newer one', async () => {
  await say(alice, 'hello');
  const told: number[] = [];
  scene.platform.show = (slot, to) => {
    if (slot.type !== 'message' || slot.kind !== 'targeted' || to.user !== bob.user) return [slot];
    if (!told.includes(slot.seq)) told.push(slot.seq);
    if (slot.seq === told[0]) return [{ type: 'none', from: slot.seq, to: slot.seq }];
    return [{ ...slot, sentAt: '1970-01-01T00:00:01.000Z' }];
  };
  await alice.client.people.setProfile({ name: 'Before' });
  await until(() => told.length === 1);
  await alice.client.people.setProfile({ name: 'After' });
  await shows(bob, alice, 'After');
  scene.platform.show = (slot) => [slot];
  const [room = expect.fail()] = scene.platform.rooms;
  scene.platform.deliver(room, told[0]!);
  await say(alice, 'hello again');
  await until(async () => (await bob.client.history(conversation.id)).length === 2);
  expect(await bob.client.people.profile(alice.user)).toMatchObject({ name: 'After' });
});

test('a picture that no more conversations may share is uploaded again', async () => {
  const carol = await scene.enter('carol');
  const other = await alice.client.openDirect(carol.user);
  await alice.client.people.setProfile({ picture: png(2_000) });
  await say(alice, 'hello');
  await until(async () => (await bob.client.people.profile(alice.user))?.hasPicture === true);
  let isFull = true;
  scene.platform.failCall = (operation) => {
    if (operation !== 'grantFile' || !isFull) return undefined;
    isFull = false;
    return new ApiError('file.grant-limit');
  };
  await alice.client.sendText(other.id, 'hello');
  await until(async () => (await carol.client.people.profile(alice.user))?.hasPicture === true);
  expect(scene.platform.files.stored.size).toBe(2);
  for (const { client } of [bob, carol]) {
    expect(await client.people.openPicture(alice.user)).toEqual(png(2_000));
  }
});

test('messages do not wait for a picture that cannot be shared, which is shared later', async () => {
  await alice.client.people.setProfile({ name: 'Alice', picture: png(2_000) });
  scene.platform.failCall = (operation) =>
    operation === 'uploadFile' ? new ApiError('file.quota') : undefined;
  const trouble = new Promise((resolve) => alice.client.on('trouble', resolve));
  await say(alice, 'hello');
  expect(await trouble).toMatchObject({ error: { code: 'file.quota' } });
  await until(async () => (await bob.client.history(conversation.id)).length === 1);
  scene.platform.failCall = () => undefined;
  scene.platform.cutAll();
  await shows(bob, alice, 'Alice');
});

test('where a profile cannot be shared keeps nobody else from it', async () => {
  const carol = await scene.enter('carol');
  const other = await alice.client.openDirect(carol.user);
  for (const { id } of [conversation, other]) await sayIn(id, alice, 'hello');
  let failing = 1;
  scene.platform.failCall = (operation) =>
    operation === 'uploadFile' && failing-- > 0 ? new ApiError('file.quota') : undefined;
  const trouble = new Promise((resolve) => alice.client.on('trouble', resolve));
  await alice.client.people.setProfile({ name: 'Alice', picture: png(2_000) });
  await shows(carol, alice, 'Alice'); // Hers comes behind bob's.
  expect(await trouble).toMatchObject({ error: { code: 'file.quota' } });
});

test('what could not be told around is told with the next message, to everybody', async () => {
  const carol = await scene.enter('carol');
  const other = await alice.client.openDirect(carol.user);
  for (const { id } of [conversation, other]) await sayIn(id, alice, 'hello');
  scene.platform.failCall = (operation) =>
    operation === 'uploadFile' ? new ApiError('file.quota') : undefined;
  const trouble = new Promise((resolve) => alice.client.on('trouble', resolve));
  await alice.client.people.setProfile({ name: 'Alice', picture: png(2_000) });
  expect(await trouble).toMatchObject({ error: { code: 'file.quota' } });
  scene.platform.failCall = () => undefined;
  await say(alice, 'hello again');
  for (const person of [bob, carol]) await shows(person, alice, 'Alice');
});

test('wherever the process dies, a profile that was set gets there', async () => {
  await say(alice, 'hello');
  for (let left = 0, isDead = true; isDead; left++) {
    const [name, picture] = [`Alice ${left}`, png(1_000 + left)];
    await alice.client.close();
    const mortal = openMortalStore(alice.store);
    const doomed = scene.open(mortal.store);
    await doomed.connect();
    mortal.dieAfter(left);
    const isSet = await doomed.people.setProfile({ name, picture }).then(
      () => true,
      () => false,
    );
    await until(async () => mortal.isDead() || (await isShown(bob, alice, name)));
    isDead = mortal.isDead();
    await doomed.close();
    alice = await scene.comeBack(alice);
    if (!isSet) continue;
    await shows(bob, alice, name);
    expect(await bob.client.people.openPicture(alice.user)).toEqual(picture);
    await spreadOf(alice);
  }
}, 120_000);

test('a profile that was set without a connection is told at the next one', async () => {
  await say(alice, 'hello');
  await alice.client.close();
  const offline = scene.open(alice.store);
  await offline.people.setProfile({ name: 'Alice', picture: png(700) });
  await offline.close();
  alice = await scene.comeBack(alice);
  await shows(bob, alice, 'Alice');
  expect(await bob.client.people.openPicture(alice.user)).toEqual(png(700));
});

function say(person: Person, text: string): Promise<void> {
  return sayIn(conversation.id, person, text);
}

/** Waits until somebody's newest profile was told around. */
function spreadOf({ client, user, store }: Person): Promise<void> {
  return until(async () => {
    const { time } = await store.transaction(getSpread);
    return time === (await client.people.profile(user))?.time;
  });
}

/** As long as it takes to look through a conversation in which something was said. */
function settled(): Promise<void> {
  const until = performance.now() + 2 * PROFILE_LOOK_MS;
  return vi.waitFor(() => expect(performance.now()).toBeGreaterThan(until), WAIT_MS);
}

/** The store of a process that dies, behind as many transactions as it is told. */
function openMortalStore(store: Store) {
  let left = Number.POSITIVE_INFINITY;
  return {
    store: {
      transaction: (work) =>
        left-- > 0 ? store.transaction(work) : Promise.reject(new Error('killed')),
      close: async () => {},
    } satisfies Store,
    dieAfter(transactions: number) {
      left = transactions;
    },
    isDead: () => left < 0,
  };
}
