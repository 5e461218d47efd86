/** Who gets what in a group: over two nodes and a real NATS, live, by catch-up, in the history and in the inbox. */
import {
  acceptConversation,
  blockUser,
  getConversation,
  inbox,
  listConversations,
  listMembership,
  listMessages,
  type Slot,
  sendMessage,
  unblockUser,
} from '@sotto/api';
import { findMembership } from '@sotto/api/internal';
import { type Bus, openNatsBus } from '@sotto/runtime';
import { testNats } from '@sotto/runtime/testing';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { findDeviceLists } from '../src/conversation-store.ts';
import { addPeople, Group } from './groups.ts';
import { messageFor, openConversation, textsOf } from './messages.ts';
import { type Node, type Platform, startPlatform } from './nodes.ts';
import type { Person } from './peers.ts';
import { assertGapless, connect, endOf, type SocketClient } from './socket-client.ts';

const nats = testNats();
const buses: Bus[] = [];
let platform: Platform;
let one: Node;
let two: Node;

beforeAll(async () => {
  for (let count = 0; count < 3; count += 1) buses.push(await openNatsBus(nats));
  const [first, second, third] = buses as [Bus, Bus, Bus];
  platform = await startPlatform(third);
  one = await platform.startNode(first);
  two = await platform.startNode(second);
});

afterAll(async () => {
  await platform.close();
  await Promise.all(buses.map((bus) => bus.close()));
  await nats.close();
});

type Three = [Person, Person, Person];

async function founded(): Promise<{ people: Three; group: Group }> {
  const people = (await invite(3)) as Three;
  const group = new Group(platform.peers, people[0], people.slice(1));
  await group.create(one, people[0]);
  return { people, group };
}

/** Resolves when the platform goes by lists that have these devices: where the key service is real, who publishes waits. */
async function copied(people: readonly Person[]): Promise<void> {
  await vi.waitFor(
    async () => {
      const users = people.map(({ user }) => user);
      const lists = await findDeviceLists(platform.database.query, users);
      for (const { user, device } of people) {
        expect(lists.get(user)?.devices.includes(device)).toBe(true);
      }
    },
    { timeout: 10_000 },
  );
}

async function invite(count: number): Promise<Person[]> {
  const people = await addPeople(platform.peers, count);
  await copied(people);
  return people;
}

async function addDevice(person: Person): Promise<Person> {
  const added = await platform.peers.addDevice(person);
  await copied([added]);
  return added;
}

const say = (node: Node, person: Person, group: Group, text: string) =>
  node.call(person, sendMessage, { body: group.message({ text }) });

const history = (node: Node, person: Person, group: Pick<Group, 'id'>) =>
  node.call(person, listMessages, { params: { id: group.id }, query: { limit: 100 } });

const unread = async (node: Node, person: Person) =>
  (await node.call(person, inbox, { query: { limit: 100 } })).messages;

const places = (slots: readonly Slot[]) =>
  slots.flatMap((slot) => (slot.type === 'none' ? [] : [slot.seq]));

const closeAll = (...clients: SocketClient[]) => Promise.all(clients.map((each) => each.close()));

describe('a group message', () => {
  test('reaches every device of every member but the sending one, on both nodes, in one order', async () => {
    const { people, group } = await founded();
    const [ann, bob, cat] = people;
    const tablet = await addDevice(ann);
    const annSays = await connect(one, ann);
    const bobSays = await connect(two, bob);
    const listeners = [await connect(two, tablet), await connect(one, cat)] as const;
    const texts = Array.from({ length: 20 }, (_, index) => String(index));
    await Promise.all(
      texts.flatMap((text) => [
        annSays.send(group.message({ text: `ann ${text}` })),
        bobSays.send(group.message({ text: `bob ${text}` })),
      ]),
    );
    const [heard, alike] = await Promise.all(
      listeners.map((client) => client.slotsUpTo(group.id, 41)),
    );
    // The tablet is not as old as the group: it need not walk what was before it.
    assertGapless(heard ?? [], 2);
    assertGapless(alike ?? [], 1);
    expect(textsOf(heard ?? [])).toHaveLength(40);
    expect(textsOf(alike ?? [])).toEqual(textsOf(heard ?? []));
    const fromAnn = textsOf(heard ?? []).filter((text) => text.startsWith('ann'));
    expect(fromAnn).toEqual(texts.map((text) => `ann ${text}`));
    const bobHeard = await bobSays.until('twenty messages', () => {
      const slots = bobSays.slots(group.id);
      return textsOf(slots).length === 20 ? slots : undefined;
    });
    expect(textsOf(bobHeard)).toEqual(fromAnn);
    await closeAll(annSays, bobSays, ...listeners);
  });

  test('waits for who is away, with the entries before it, and is in history and inbox', async () => {
    const { people, group } = await founded();
    const [ann, bob, cat] = people;
    await say(one, ann, group, 'first');
    await say(two, bob, group, 'second');
    const client = await connect(two, cat);
    const slots = await client.slotsUpTo(group.id, 3);
    assertGapless(slots, 1);
    expect(slots.map(({ type }) => type)).toEqual(['membership', 'message', 'message']);
    expect(textsOf(slots)).toEqual(['first', 'second']);
    expect((await history(one, cat, group)).slots).toEqual(slots);
    const messages = await unread(one, cat);
    expect(textsOf(messages)).toEqual(['first', 'second']);
    expect(messages.map(({ kind }) => kind)).toEqual(['group', 'group']);
    // The sender's device has its own place as an empty slot.
    expect(textsOf((await history(two, ann, group)).slots)).toEqual(['second']);
    await client.close();
  });

  test('that comes again is answered alike, also when the members have changed since', async () => {
    const { people, group } = await founded();
    const [ann, bob] = people;
    const body = group.message({ text: 'once' });
    const stored = await one.call(ann, sendMessage, { body });
    await group.change(two, ann, { type: 'remove', users: [bob.user] });
    expect(await one.call(ann, sendMessage, { body })).toEqual(stored);
    expect(await two.call(ann, sendMessage, { body })).toEqual(stored);
    const ciphertext = new Uint8Array([1]);
    for (const other of [{ ...body, ciphertext }, group.message({ id: body.id, text: 'other' })]) {
      await expect(one.call(ann, sendMessage, { body: other })).rejects.toMatchObject({
        code: 'message.id-conflict',
      });
    }
    expect((await history(one, ann, group)).last).toBe(3);
  });

  test('for members or devices of before is refused with those of now, and nothing is stored', async () => {
    const { people, group } = await founded();
    const [ann, bob, cat] = people;
    const before = group.message({ text: 'before' });
    await group.change(one, ann, { type: 'role', user: bob.user, role: 'admin' });
    const expected = () => ({
      version: group.version,
      lists: expect.arrayContaining(
        group.members.map((user) => ({ user, version: platform.peers.listVersion(user) })),
      ),
    });
    const refusal = await one.call(ann, sendMessage, { body: before }).catch((error) => error);
    expect(refusal).toMatchObject({ code: 'message.group-stale', status: 409 });
    expect(refusal.options.audience).toEqual(expected());
    expect(refusal.options.audience.lists).toHaveLength(3);
    const sooner = group.message({ text: 'sooner' });
    await addDevice(cat);
    const late = await one.call(ann, sendMessage, { body: sooner }).catch((error) => error);
    expect(late.options.audience).toEqual(expected());
    const wrong = { ...group.message(), version: group.version + 1 };
    await expect(one.call(ann, sendMessage, { body: wrong })).rejects.toMatchObject({
      code: 'message.group-stale',
    });
    expect((await history(one, ann, group)).last).toBe(2);
    expect(await say(one, ann, group, 'now')).toMatchObject({ seq: 3 });
  });

  test('is held against what the database has, whatever a node remembers', async () => {
    const { people, group } = await founded();
    const [ann, bob, cat] = people;
    // Both nodes remember members and devices.
    await say(one, ann, group, 'one');
    await say(two, ann, group, 'two');
    const stale = group.message({ text: 'stale' });
    await group.change(one, ann, { type: 'add', users: [(await invite(1))[0]!.user] });
    await expect(two.call(bob, sendMessage, { body: stale })).rejects.toMatchObject({
      code: 'message.group-stale',
    });
    // A sender who is ahead of what the node remembers is right.
    await say(two, cat, group, 'three');
    await group.change(one, ann, { type: 'role', user: bob.user, role: 'admin' });
    expect(await say(two, cat, group, 'four')).toMatchObject({ seq: 7 });
    // The lists of others change all the time, and are nobody's business here.
    await addDevice((await invite(1))[0]!);
    expect(await say(two, cat, group, 'five')).toMatchObject({ seq: 8 });
    const keyed = group.message({ text: 'keyed for fewer' });
    await addDevice(bob);
    await expect(two.call(cat, sendMessage, { body: keyed })).rejects.toMatchObject({
      code: 'message.group-stale',
    });
    expect(await say(two, cat, group, 'six')).toMatchObject({ seq: 9 });
  });

  test('and a direct one are refused where the other belongs', async () => {
    const { people, group } = await founded();
    const [ann, bob, cat] = people;
    const direct = messageFor(group.id, [bob, cat]);
    const wrong = { code: 'request.invalid', status: 400 };
    await expect(one.call(ann, sendMessage, { body: direct })).rejects.toMatchObject(wrong);
    const conversation = await openConversation(one, ann, bob);
    const misplaced = { ...group.message(), conversation };
    await expect(one.call(ann, sendMessage, { body: misplaced })).rejects.toMatchObject(wrong);
  });

  test('of somebody who is no member finds no conversation', async () => {
    const { people, group } = await founded();
    const [stranger] = (await invite(1)) as [Person];
    await expect(say(one, stranger, group, 'let me in')).rejects.toMatchObject({
      code: 'conversation.not-found',
    });
    expect(await unread(one, people[1])).toEqual([]);
  });
});

describe('a targeted message in a group', () => {
  test('is for the devices that it names, and an empty slot for all others', async () => {
    const { people, group } = await founded();
    const [ann, bob, cat] = people;
    const body = messageFor(group.id, [bob], { kind: 'targeted', text: 'a key' });
    expect(await one.call(ann, sendMessage, { body })).toMatchObject({ seq: 2 });
    await say(one, ann, group, 'locked');
    const [forBob, forCat] = await Promise.all([connect(one, bob), connect(two, cat)]);
    expect(textsOf(await forBob.slotsUpTo(group.id, 3))).toEqual(['a key', 'locked']);
    const slots = await forCat.slotsUpTo(group.id, 3);
    assertGapless(slots, 1);
    expect(textsOf(slots)).toEqual(['locked']);
    expect(textsOf(await unread(two, cat))).toEqual(['locked']);
    await closeAll(forBob, forCat);
  });

  test('is refused for devices of nobody in the group', async () => {
    const { people, group } = await founded();
    const [stranger] = (await invite(1)) as [Person];
    const body = messageFor(group.id, [people[1], stranger], { kind: 'targeted' });
    await expect(one.call(people[0], sendMessage, { body })).rejects.toMatchObject({
      code: 'message.devices-stale',
      options: { devices: { missing: [], unknown: [stranger.device] } },
    });
  });
});

describe('a member who is removed', () => {
  test('sees the entry by which, and nothing behind it: live, by catch-up, in history and inbox', async () => {
    const { people, group } = await founded();
    const [ann, bob, cat] = people;
    const phone = await addDevice(bob);
    const clients = [await connect(one, bob), await connect(two, phone), await connect(two, cat)];
    const [here, there, witness] = clients as [SocketClient, SocketClient, SocketClient];
    await say(one, ann, group, 'for all');
    const { seq } = await group.change(one, ann, { type: 'remove', users: [bob.user] });
    await say(one, ann, group, 'without bob');
    await say(two, cat, group, 'still without bob');
    const seen = await witness.slotsUpTo(group.id, seq + 1);
    expect(textsOf(seen)).toEqual(['for all', 'without bob']);
    for (const client of [here, there]) {
      const slots = await client.slotsUpTo(group.id, seq);
      // The phone is younger than the group.
      assertGapless(slots, client === here ? 1 : 2);
      expect(endOf(slots.at(-1)!)).toBe(seq);
      expect(slots.at(-1)).toMatchObject({ type: 'membership', seq });
    }
    for (const node of [one, two]) {
      const { slots, last } = await history(node, bob, group);
      expect(last).toBe(seq);
      expect(textsOf(slots)).toEqual(['for all']);
      expect(textsOf(await unread(node, phone))).toEqual(['for all']);
      await expect(
        node.call(bob, getConversation, { params: { id: group.id } }),
      ).rejects.toMatchObject({ code: 'conversation.not-found' });
      await expect(say(node, bob, group, 'me too')).rejects.toMatchObject({
        code: 'conversation.not-found',
      });
      const params = { conversation_id: group.id, user_id: bob.user };
      expect(await node.call(undefined, findMembership, { params })).toEqual({ member: false });
    }
    // A device that was away catches up to the entry and no further.
    await here.close();
    const again = await connect(two, bob);
    const slots = await again.slotsUpTo(group.id, seq);
    expect(endOf(slots.at(-1)!)).toBe(seq);
    expect(textsOf(slots)).toEqual(['for all']);
    await closeAll(there, witness, again);
  });

  test('gets nothing behind it while others go on sending on both nodes', async () => {
    const { people, group } = await founded();
    const [ann, bob, cat] = people;
    const clients = [await connect(one, ann), await connect(two, cat), await connect(two, bob)];
    const [annSays, catSays, gone] = clients as [SocketClient, SocketClient, SocketClient];
    let isOver = false;
    const chatter = async (client: SocketClient) => {
      for (let number = 1; !isOver; ) {
        const answer = await client.send(group.message(), number);
        if ('seq' in answer) number += 1;
        else expect(answer.code).toBe('message.group-stale');
      }
    };
    const talking = [chatter(annSays), chatter(catSays)];
    await gone.slotsUpTo(group.id, 20);
    const { seq } = await group.change(two, ann, { type: 'remove', users: [bob.user] });
    await catSays.slotsUpTo(group.id, seq + 20);
    isOver = true;
    await Promise.all(talking);
    const slots = await gone.slotsUpTo(group.id, seq);
    assertGapless(slots, 1);
    expect(endOf(slots.at(-1)!)).toBe(seq);
    await closeAll(...clients);
  });

  test('and added again begins anew: what was said meanwhile is not theirs, open socket or not', async () => {
    const { people, group } = await founded();
    const [ann, bob] = people;
    const phone = await addDevice(bob);
    const [here, there] = [await connect(one, bob), await connect(two, phone)];
    await say(one, ann, group, 'before');
    await here.slotsUpTo(group.id, 2);
    await group.change(one, ann, { type: 'remove', users: [bob.user] });
    for (const text of ['secret', 'more of it']) await say(one, ann, group, text);
    const { seq } = await group.change(two, ann, { type: 'add', users: [bob.user] });
    await say(one, ann, group, 'after');
    await there.close();
    const back = await connect(two, phone);
    for (const client of [here, back]) {
      const slots = await client.slotsUpTo(group.id, seq + 1);
      const mine = slots.filter((slot) => endOf(slot) >= seq);
      assertGapless(mine, seq);
      expect(textsOf(slots)).not.toContain('secret');
      expect(textsOf(mine)).toEqual(['after']);
      const announced = client.frames.findLast((frame) => frame.type === 'catch-up');
      expect(announced).toMatchObject({ first: seq, from: seq - 1 });
    }
    const page = await history(one, bob, group);
    expect(page.first).toBe(seq);
    expect(places(page.slots)).toEqual([seq, seq + 1]);
    expect(textsOf(await unread(two, phone))).toEqual(['after']);
    // The log is theirs from the first entry: it says who was in and who is.
    const log = await one.call(bob, listMembership, {
      params: { id: group.id },
      query: { after: 0, limit: 10 },
    });
    expect(log.entries.map(({ version }) => version)).toEqual([1, 2, 3]);
    await closeAll(here, back);
  });

  test('and added again while a device reads nothing is not given what lies between', async () => {
    const { people, group } = await founded();
    const [ann, bob] = people;
    const client = await connect(one, bob);
    // More than a device may have unacknowledged, so that the rest waits in the database.
    for (let count = 0; count < 30; count += 1) {
      const sends = Array.from({ length: 10 }, () =>
        one.call(ann, sendMessage, { body: group.message() }),
      );
      await Promise.all(sends);
    }
    await client.slotsUpTo(group.id, 200);
    await group.change(one, ann, { type: 'remove', users: [bob.user] });
    await say(one, ann, group, 'secret');
    const { seq } = await group.change(one, ann, { type: 'add', users: [bob.user] });
    await say(one, ann, group, 'after');
    client.acknowledge(group.id, 200);
    const slots = await client.slotsUpTo(group.id, seq + 1);
    expect(textsOf(slots)).not.toContain('secret');
    expect(textsOf(slots).at(-1)).toBe('after');
    await client.close();
  });
});

describe('a member who is added', () => {
  test('gets the entry by which and what follows, nothing before', async () => {
    const { people, group } = await founded();
    const [ann] = people;
    const [dan] = (await invite(1)) as [Person];
    const live = await connect(two, dan);
    await say(one, ann, group, 'before dan');
    const { seq } = await group.change(one, ann, { type: 'add', users: [dan.user] });
    await say(one, ann, group, 'with dan');
    const slots = await live.slotsUpTo(group.id, seq + 1);
    assertGapless(slots, seq);
    expect(textsOf(slots)).toEqual(['with dan']);
    const page = await history(one, dan, group);
    expect(page.first).toBe(seq);
    expect(places(page.slots)).toEqual([seq, seq + 1]);
    expect(textsOf(await unread(two, dan))).toEqual(['with dan']);
    await live.close();
  });

  test('by somebody whom they have blocked gets nothing, and the one who adds sees no difference', async () => {
    const { people, group } = await founded();
    const [ann, bob] = people;
    const [dan] = (await invite(1)) as [Person];
    await one.call(dan, blockUser, { params: { user_id: ann.user } });
    const live = await connect(two, dan);
    const answer = await group.change(one, ann, { type: 'add', users: [dan.user] });
    expect(answer).toEqual({ version: 2, seq: 2 });
    const seen = await one.call(ann, getConversation, { params: { id: group.id } });
    expect(seen.members).toContain(dan.user);
    // Keyed for dan too, as far as anybody can tell, who is handed a key.
    const key = messageFor(group.id, [dan], { kind: 'targeted', text: 'a key' });
    await one.call(ann, sendMessage, { body: key });
    await say(one, ann, group, 'welcome');
    const unknown = { code: 'conversation.not-found' };
    const params = { id: group.id };
    await expect(two.call(dan, getConversation, { params })).rejects.toMatchObject(unknown);
    await expect(history(two, dan, group)).rejects.toMatchObject(unknown);
    await expect(
      two.call(dan, listMembership, { params, query: { after: 0, limit: 10 } }),
    ).rejects.toMatchObject(unknown);
    await expect(say(two, dan, group, 'who is this?')).rejects.toMatchObject(unknown);
    expect(await unread(two, dan)).toEqual([]);
    const listed = await two.call(dan, listConversations, { query: { limit: 10 } });
    expect(listed.conversations).toEqual([]);
    // A conversation that dan does get comes through, so nothing of the group is on its way behind it.
    const direct = await openConversation(one, bob, dan);
    await one.call(bob, sendMessage, { body: messageFor(direct, [dan], { text: 'hello' }) });
    await live.slotsUpTo(direct, 1);
    expect(live.slots(group.id)).toEqual([]);
    // Once the block is lifted, dan can be added like anybody.
    await one.call(dan, unblockUser, { params: { user_id: ann.user } });
    await group.change(one, ann, { type: 'remove', users: [dan.user] });
    const { seq } = await group.change(one, ann, { type: 'add', users: [dan.user] });
    await live.slotsUpTo(group.id, seq);
    await live.close();
  });

  test('by a stranger is asked first, by an acquaintance is not', async () => {
    const { people, group } = await founded();
    const [ann, bob] = people;
    const [friend, stranger] = (await invite(2)) as [Person, Person];
    const requestedBy = async (person: Person) => {
      const conversation = await one.call(person, getConversation, { params: { id: group.id } });
      return conversation.requested === true;
    };
    expect(await requestedBy(ann)).toBe(false);
    expect(await requestedBy(bob)).toBe(true);
    const direct = await openConversation(one, friend, ann);
    const asked = await one.call(ann, getConversation, { params: { id: direct } });
    expect(asked.requested).toBe(true);
    // Ann has not accepted it yet, so the two have not met.
    await group.change(one, ann, { type: 'add', users: [friend.user] });
    expect(await requestedBy(friend)).toBe(true);
    await group.change(one, ann, { type: 'remove', users: [friend.user] });
    await one.call(ann, acceptConversation, { params: { id: direct } });
    await group.change(one, ann, { type: 'add', users: [friend.user, stranger.user] });
    expect(await requestedBy(friend)).toBe(false);
    expect(await requestedBy(stranger)).toBe(true);
  });
});

test('two hundred members get a message, and its sender one answer', async () => {
  const people = await invite(200);
  const [ann, ...others] = people as [Person, ...Person[]];
  const group = new Group(platform.peers, ann, others);
  await group.create(one, ann);
  const listeners = await Promise.all(
    others.slice(0, 40).map((person, index) => connect(index % 2 === 0 ? one : two, person)),
  );
  const sender = await connect(one, ann);
  for (let count = 0; count < 5; count += 1) {
    expect(await sender.send(group.message({ text: String(count) }))).toMatchObject({
      type: 'stored',
      seq: count + 2,
    });
  }
  for (const listener of listeners) {
    const slots = await listener.slotsUpTo(group.id, 6);
    assertGapless(slots, 1);
    expect(textsOf(slots)).toEqual(['0', '1', '2', '3', '4']);
  }
  expect(textsOf(await unread(two, others[150]!))).toEqual(['0', '1', '2', '3', '4']);
  await closeAll(sender, ...listeners);
}, 60_000);
