/** Messages in groups, over two nodes and a real NATS: who gets them, and when they are refused. */
import { getConversation, sendMessage } from '@sotto/api';
import { digestDeviceLists, nobleProvider } from '@sotto/crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Group } from './groups.ts';
import { messageFor, openConversation, textsOf } from './messages.ts';
import type { Node } from './nodes.ts';
import type { Person } from './peers.ts';
import { assertGapless, connect } from './socket-client.ts';
import { closeAll, history, say, startTwoNodes, type TwoNodes, unread } from './two-nodes.ts';

let nodes: TwoNodes;
let one: Node;
let two: Node;

beforeAll(async () => {
  nodes = await startTwoNodes();
  ({ one, two } = nodes);
});

afterAll(() => nodes.close());

describe('a group message', () => {
  test('reaches every device of every member but the sending one, on both nodes, in one order', async () => {
    const { people, group } = await nodes.found();
    const [ann, bob, cat] = people;
    const tablet = await nodes.addDevice(ann);
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
    const { people, group } = await nodes.found();
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
    const { people, group } = await nodes.found();
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
        options: { stored: { conversation: group.id, seq: stored.seq, sentAt: stored.sentAt } },
      });
    }
    expect((await history(one, ann, group)).last).toBe(3);
  });

  test('for members or devices of before is refused with those of now, and nothing is stored', async () => {
    const { people, group } = await nodes.found();
    const [ann, bob, cat] = people;
    const before = group.message({ text: 'before' });
    await group.change(one, ann, { type: 'role', user: bob.user, role: 'admin' });
    const expected = () => ({
      version: group.version,
      lists: expect.arrayContaining(
        group.members.map((user) => ({ user, version: nodes.platform.peers.listVersion(user) })),
      ),
    });
    const refusal = await one.call(ann, sendMessage, { body: before }).catch((error) => error);
    expect(refusal).toMatchObject({ code: 'message.group-stale', status: 409 });
    expect(refusal.options.audience).toEqual(expected());
    expect(refusal.options.audience.lists).toHaveLength(3);
    const sooner = group.message({ text: 'sooner' });
    await nodes.addDevice(cat);
    const late = await one.call(ann, sendMessage, { body: sooner }).catch((error) => error);
    expect(late.options.audience).toEqual(expected());
    const wrong = { ...group.message(), version: group.version + 1 };
    await expect(one.call(ann, sendMessage, { body: wrong })).rejects.toMatchObject({
      code: 'message.group-stale',
    });
    expect((await history(one, ann, group)).last).toBe(2);
    expect(await say(one, ann, group, 'now')).toMatchObject({ seq: 3 });
  });

  test('is keyed for what its conversation says, so that the first one need not be refused', async () => {
    const { people, group } = await nodes.found();
    const [ann, bob] = people;
    await nodes.addDevice(bob);
    const { lists = [] } = await one.call(ann, getConversation, { params: { id: group.id } });
    const current = group.members.map((user) => {
      return { user, version: nodes.platform.peers.listVersion(user) };
    });
    expect(lists).toHaveLength(current.length);
    expect(lists).toEqual(expect.arrayContaining(current));
    const body = { ...group.message(), lists: digestDeviceLists(nobleProvider, lists) };
    expect(await two.call(ann, sendMessage, { body })).toMatchObject({ seq: 2 });
    const direct = await openConversation(one, ann, bob);
    const answer = await one.call(ann, getConversation, { params: { id: direct } });
    expect(answer).not.toHaveProperty('lists');
  });

  test('is held against what the database has, whatever a node remembers', async () => {
    const { people, group } = await nodes.found();
    const [ann, bob, cat] = people;
    // Both nodes remember members and devices.
    await say(one, ann, group, 'one');
    await say(two, ann, group, 'two');
    const stale = group.message({ text: 'stale' });
    await group.change(one, ann, { type: 'add', users: [(await nodes.invite(1))[0]!.user] });
    await expect(two.call(bob, sendMessage, { body: stale })).rejects.toMatchObject({
      code: 'message.group-stale',
    });
    // A sender who is ahead of what the node remembers is right.
    await say(two, cat, group, 'three');
    await group.change(one, ann, { type: 'role', user: bob.user, role: 'admin' });
    expect(await say(two, cat, group, 'four')).toMatchObject({ seq: 7 });
    // The lists of others change all the time, and are nobody's business here.
    await nodes.addDevice((await nodes.invite(1))[0]!);
    expect(await say(two, cat, group, 'five')).toMatchObject({ seq: 8 });
    const keyed = group.message({ text: 'keyed for fewer' });
    await nodes.addDevice(bob);
    await expect(two.call(cat, sendMessage, { body: keyed })).rejects.toMatchObject({
      code: 'message.group-stale',
    });
    expect(await say(two, cat, group, 'six')).toMatchObject({ seq: 9 });
  });

  test('and a direct one are refused where the other belongs', async () => {
    const { people, group } = await nodes.found();
    const [ann, bob, cat] = people;
    const direct = messageFor(group.id, [bob, cat]);
    const wrong = { code: 'request.invalid', status: 400 };
    await expect(one.call(ann, sendMessage, { body: direct })).rejects.toMatchObject(wrong);
    const conversation = await openConversation(one, ann, bob);
    const misplaced = { ...group.message(), conversation };
    await expect(one.call(ann, sendMessage, { body: misplaced })).rejects.toMatchObject(wrong);
  });

  test('of somebody who is no member finds no conversation', async () => {
    const { people, group } = await nodes.found();
    const [stranger] = (await nodes.invite(1)) as [Person];
    await expect(say(one, stranger, group, 'let me in')).rejects.toMatchObject({
      code: 'conversation.not-found',
    });
    expect(await unread(one, people[1])).toEqual([]);
  });
});

describe('a targeted message in a group', () => {
  test('is for the devices that it names, and an empty slot for all others', async () => {
    const { people, group } = await nodes.found();
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
    const { people, group } = await nodes.found();
    const [stranger] = (await nodes.invite(1)) as [Person];
    const body = messageFor(group.id, [people[1], stranger], { kind: 'targeted' });
    await expect(one.call(people[0], sendMessage, { body })).rejects.toMatchObject({
      code: 'message.devices-stale',
      options: { devices: { missing: [], unknown: [stranger.device] } },
    });
  });
});

test('two hundred members get a message, and its sender one answer', async () => {
  const people = await nodes.invite(200);
  const [ann, ...others] = people as [Person, ...Person[]];
  const group = new Group(nodes.platform.peers, ann, others);
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
