/** Groups whose log cannot be judged now: nothing else waits for them, and nothing of them is lost. */
import { ApiError, type ConversationId } from '@sotto/api';
import {
  type MembershipAction,
  makeIdentity,
  makeSigningKeyPair,
  signMembershipEntry,
} from '@sotto/crypto';
import { nodeProvider } from '@sotto/crypto/node';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { append } from '../platform/platform-groups.fixture.ts';
import { lastOf, type Room } from '../platform/platform-rooms.fixture.ts';
import {
  type Party,
  pair,
  say,
  startWorld,
  textsOf,
  until,
  type World,
} from '../repair/repair.fixture.ts';
import { keys } from '../store/key-space.ts';
import { loadLocalParty } from '../trust/sessions.ts';

const WITNESS = makeSigningKeyPair<'witness'>(nodeProvider);

let world: World;
beforeEach(async () => {
  world = await startWorld();
});
afterEach(() => world.close());

test('an entry by an identity of an account that is gone holds up nothing but its group', async () => {
  const { alice, bob, conversation } = await pair(world);
  const carol = await world.enter('carol');
  const { id } = await bob.client.groups.create({ members: [world.device('alice').user] });
  await until(async () => (await alice.client.history(id)).length === 1);
  await alice.client.close();
  await say(bob, carol, { conversation: await openDirect(bob, 'carol'), text: 'farewell' });
  const group = roomOf(id);
  const renewed = makeIdentity(nodeProvider);
  world.platform.log.append(world.device('bob').user, renewed.publicKey);
  const author = { user: world.device('bob').user, identity: renewed };
  const action = { type: 'add', users: [world.device('carol').user] } as const;
  const { membership } = group.group!;
  const step = signMembershipEntry(nodeProvider, { author, membership }, { action, time: 0 });
  append(world.platform, group, { entry: step.encoded, membership: step.membership });
  world.platform.failCall = (operation) =>
    operation === 'getIdentity' ? new ApiError('key.identity-unknown') : undefined;

  const again = await world.reopened(alice);
  const down = hearDowns(again);
  await until(async () => (await brokenAt(again, id)) === 'identity.changed');
  await say(bob, again, { conversation, text: 'still here' });
  expect(down).not.toHaveBeenCalled();
});

test.each([
  ['key-log.unwitnessed', 'what this device says goes out', silenceWitness],
  ['key-log.broken', 'this device says nothing until a person decides', hideLeafOfCarol],
] as const)(
  'a group of strangers is read once %s has passed; meanwhile what others say comes in, and %s',
  async (code, _, begin) => {
    const mallory = await world.enter('mallory');
    await world.enter('carol');
    trustWitness();
    const alice = await world.enter('alice');
    world.witnesses = [];
    const bob = await world.enter('bob');
    const conversation = await openDirect(bob, 'alice');
    await say(bob, alice, { conversation, text: 'hello' });
    await say(alice, bob, { conversation, text: 'hello yourself' });
    const down = hearDowns(alice);
    const trouble = hearTrouble(alice);

    const end = begin();
    const { id } = await mallory.client.groups.create({ members: [world.device('alice').user] });
    await mallory.client.whenStored((await mallory.client.sendText(id, 'early')).id);
    await untilAcknowledged('alice', id);
    await say(bob, alice, { conversation, text: 'nobody waits' });
    expect(down).not.toHaveBeenCalled();
    expect(trouble()).toContain(code);
    const mayAnswer = code === 'key-log.unwitnessed';
    await alice.client.sendText(conversation, 'nor do I');
    const isAnswered = async () => (await textsOf(bob, conversation)).includes('nor do I');
    if (mayAnswer) await until(isAnswered);

    end();
    world.platform.cutAll();
    await until(async () => (await textsOf(alice, id)).includes('early'));
    const types = (await alice.client.history(id)).map(({ type }) => type);
    expect(types).toEqual(['membership', 'message']);
    expect(await isAnswered()).toBe(mayAnswer);
  },
);

test('a group of strangers that was left before it could be judged is read up to there', async () => {
  const mallory = await world.enter('mallory');
  trustWitness();
  const alice = await world.enter('alice');
  const end = silenceWitness();
  const { user } = world.device('alice');
  const { id } = await mallory.client.groups.create({ members: [user] });
  await mallory.client.whenStored((await mallory.client.sendText(id, 'early')).id);
  await mallory.client.groups.remove(id, [user]);
  await mallory.client.whenStored((await mallory.client.sendText(id, 'among us')).id);
  await until(() => world.device('alice').cursors.get(id) === lastOf(roomOf(id)) - 1);
  end();
  world.platform.cutAll();
  await until(async () => (await alice.client.history(id)).length === 3);
  const types = (await alice.client.history(id)).map(({ type }) => type);
  expect(types).toEqual(['membership', 'message', 'membership']);
  expect(await textsOf(alice, id)).toEqual(['early']);
});

test('a group that was left, and whose log is refused, is looked at again and told no more', async () => {
  const { alice, bob } = await pair(world);
  const { user } = world.device('alice');
  const broken = vi.fn();
  alice.client.on('group-broken', broken);
  await bob.client.renewIdentity();
  const { id } = await bob.client.groups.create({ members: [user] });
  await until(() => broken.mock.calls.length > 0);
  await bob.client.groups.remove(id, [user]);
  await until(() => world.device('alice').cursors.get(id) === lastOf(roomOf(id)));
  world.platform.failCall = (operation) =>
    operation === 'listMembership' ? new ApiError('internal') : undefined;
  const again = await world.reopened(alice);
  const told = vi.fn();
  again.client.on('group-broken', told);
  const trouble = hearTrouble(again);
  await until(() => trouble().length > 0);
  world.platform.failCall = () => undefined;
  const looks = () => world.platform.calls.filter((call) => call === 'listMembership').length;
  const before = looks();
  world.platform.cutAll();
  await until(() => looks() > before);
  const carol = await world.enter('carol');
  await say(carol, again, { conversation: await openDirect(carol, 'alice'), text: 'settled' });
  expect(told).not.toHaveBeenCalled();
});

test('a group that cannot be judged keeps no other from being read when an identity is accepted', async () => {
  const { alice, bob, mallory, ids } = await twoBroken();
  const [unjudged, other] = ids;
  const end = silenceWitness();
  await sign(mallory, unjudged, { type: 'remove', users: [world.device('carol').user] });
  await untilAcknowledged('alice', unjudged);
  await alice.client.acceptIdentity(world.device('bob').user);
  await until(async () => (await brokenAt(alice, other)) === undefined);
  expect(await brokenAt(alice, unjudged)).toBe('identity.changed');
  end();
  // No other connection is needed for what waited there.
  await until(async () => (await textsOf(bob, other)).includes('waiting'), 30_000);
  world.platform.cutAll();
  await until(async () => (await textsOf(bob, unjudged)).includes('waiting'), 30_000);
}, 60_000);

test('groups that are out of reach when an identity is accepted are read with the next connection', async () => {
  const { alice, bob, ids } = await twoBroken();
  world.platform.failCall = (operation) =>
    operation === 'listMembership' ? new ApiError('internal') : undefined;
  const trouble = hearTrouble(alice);
  await alice.client.acceptIdentity(world.device('bob').user);
  await until(() => trouble().filter((code) => code === 'internal').length === 2);
  world.platform.failCall = () => undefined;
  world.platform.cutAll();
  for (const id of ids) {
    await until(async () => (await textsOf(bob, id)).includes('waiting'), 30_000);
  }
}, 60_000);

test('a group of strangers is read from its beginning, wherever the platform says that this device has come to', async () => {
  const mallory = await world.enter('mallory');
  trustWitness();
  const alice = await world.enter('alice');
  const bob = await world.enter('bob');
  await say(bob, alice, { conversation: await openDirect(bob, 'alice'), text: 'hello' });
  await alice.client.close();
  const end = silenceWitness();
  const { id } = await mallory.client.groups.create({ members: [world.device('alice').user] });
  for (const text of ['early', 'later']) {
    await mallory.client.whenStored((await mallory.client.sendText(id, text)).id);
  }
  world.device('alice').cursors.set(id, lastOf(roomOf(id)) - 1);
  const again = await world.reopened(alice);
  await untilAcknowledged('alice', id);
  end();
  world.platform.cutAll();
  await until(async () => (await textsOf(again, id)).includes('later'));
  expect(await textsOf(again, id)).toEqual(['early', 'later']);
});

test('a known group goes on where an admin whom nobody vouches for began, with the next connection', async () => {
  const mallory = await world.enter('mallory');
  const carol = await world.enter('carol');
  const bob = await world.enter('bob');
  trustWitness();
  const alice = await world.enter('alice');
  const conversation = await openDirect(bob, 'alice');
  const [user, other] = [world.device('alice').user, world.device('mallory').user];
  const { id } = await bob.client.groups.create({ members: [user, other] });
  await say(bob, alice, { conversation: id, text: 'welcome' });
  const down = hearDowns(alice);

  const end = silenceWitness();
  await bob.client.groups.setRole(id, other, 'admin');
  await until(async () => isAdmin(mallory, id));
  await mallory.client.groups.add(id, [world.device('carol').user]);
  await say(mallory, carol, { conversation: id, text: 'all are here' });
  await untilAcknowledged('alice', id);
  await say(bob, alice, { conversation, text: 'nobody waits' });
  expect(await textsOf(alice, id)).toEqual(['welcome']);
  expect(down).not.toHaveBeenCalled();

  end();
  world.platform.cutAll();
  await until(async () => (await textsOf(alice, id)).includes('all are here'));
  const passed = () => alice.store.transaction((it) => it.get(keys.passedOver(id)));
  world.platform.cutAll();
  await until(async () => (await passed()) === undefined);
  await say(mallory, alice, { conversation: id, text: 'and on' });
});

test('a device that is linked meanwhile is no stale copy, and reads the group from where it was linked', async () => {
  const alice = await world.enter('alice');
  const bob = await world.enter('bob');
  const { id } = await bob.client.groups.create({ members: [world.device('alice').user] });
  await say(bob, alice, { conversation: id, text: 'before' });
  const room = roomOf(id);
  // As the platform does, which begins the cursors of a device that is new at the last places that there are.
  world.platform.failCall = (operation) => {
    const { cursors } = world.platform.devices.at(-1)!;
    if (operation === 'openSocketTicket' && !cursors.has(id)) cursors.set(id, lastOf(room));
    return undefined;
  };
  trustWitness();
  const end = silenceWitness();
  const linked = await world.joined(alice, 'linked');
  const behind = vi.fn();
  linked.client.on('store-behind', behind);
  await until(() =>
    linked.store.transaction(async (it) => (await it.get(keys.conversationsListed)) !== undefined),
  );
  // What the greeting of the next connection says of the group is judged before anything of it is acknowledged.
  world.platform.cutAll();
  await bob.client.whenStored((await bob.client.sendText(id, 'meanwhile')).id);
  const { cursors } = world.platform.devices.at(-1)!;
  await until(() => cursors.get(id) === lastOf(room));
  end();
  world.platform.cutAll();
  await until(async () => (await textsOf(linked, id)).includes('meanwhile'));
  expect((await linked.client.history(id)).map(({ type }) => type)).toEqual(['message']);
  expect(behind).not.toHaveBeenCalled();
});

/** Two groups of Alice's in which she waits to say something: Bob has another identity. Mallory is an admin of the first. */
async function twoBroken() {
  const mallory = await world.enter('mallory');
  await world.enter('carol');
  trustWitness();
  const alice = await world.enter('alice');
  world.witnesses = [];
  const bob = await world.enter('bob');
  const [user, admin] = [world.device('alice').user, world.device('mallory').user];
  const { id: first } = await bob.client.groups.create({ members: [user, admin] });
  const { id: second } = await bob.client.groups.create({ members: [user] });
  await bob.client.groups.setRole(first, admin, 'admin');
  const ids = [first, second] as const;
  for (const id of ids) await say(bob, alice, { conversation: id, text: 'welcome' });
  await bob.client.renewIdentity();
  const trouble = hearTrouble(alice);
  for (const id of ids) {
    await sign(bob, id, { type: 'add', users: [world.device('carol').user] });
    await until(async () => (await brokenAt(alice, id)) === 'identity.changed');
    await alice.client.sendText(id, 'waiting');
  }
  await until(() => trouble().filter((code) => code === 'group.broken').length >= 2);
  return { alice, bob, mallory, ids };
}

/** Writes an entry into a group's log, which its author's own client has no part in. */
async function sign(by: Party, id: ConversationId, action: MembershipAction): Promise<void> {
  const { identity } = await loadLocalParty(by.store, nodeProvider);
  const author = { user: world.device(by.name).user, identity };
  const group = roomOf(id);
  const { membership } = group.group!;
  const step = signMembershipEntry(nodeProvider, { author, membership }, { action, time: 0 });
  append(world.platform, group, { entry: step.encoded, membership: step.membership });
}

/** Clients that are opened from now on want a witness, and it signs. */
function trustWitness(): void {
  world.witnesses = [WITNESS.publicKey];
  world.platform.log.witnesses.push(WITNESS);
}

/** Until what is given is called. */
function silenceWitness(): () => void {
  world.platform.log.witnesses.length = 0;
  return () => world.platform.log.witnesses.push(WITNESS);
}

/** The same for a log that is shorter than it was. */
function hideLeafOfCarol(): () => void {
  const { leaves } = world.platform.log;
  const index = leaves.findIndex(({ user }) => user === world.device('carol').user);
  const hidden = leaves.splice(index, 1);
  return () => leaves.splice(index, 0, ...hidden);
}

async function openDirect({ client }: Party, name: string): Promise<ConversationId> {
  return (await client.openDirect(world.device(name).user)).id;
}

function roomOf(id: ConversationId): Room {
  return world.platform.rooms.find((room) => room.id === id)!;
}

async function brokenAt({ client }: Party, id: ConversationId): Promise<string | undefined> {
  const known = (await client.conversations()).find((each) => each.id === id);
  return known?.kind === 'group' ? known.broken : undefined;
}

async function isAdmin({ name, client }: Party, id: ConversationId): Promise<boolean> {
  const known = (await client.conversations()).find((each) => each.id === id);
  return known?.kind === 'group' && known.admins.includes(world.device(name).user);
}

function hearDowns({ client }: Party) {
  const down = vi.fn();
  client.on('disconnected', down);
  return down;
}

/** The codes of what troubles a client from now on. */
function hearTrouble({ client }: Party): () => unknown[] {
  const codes: unknown[] = [];
  client.on('trouble', ({ error }) => codes.push((error as { code?: unknown }).code));
  return () => codes;
}

async function untilAcknowledged(name: string, id: ConversationId): Promise<void> {
  await until(() => world.device(name).cursors.get(id) === lastOf(roomOf(id)));
}
