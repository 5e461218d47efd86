/** What members get who come, go and come back: on two nodes, live, by catch-up, in the history and in the inbox. */
import {
  acceptConversation,
  blockUser,
  getConversation,
  listConversations,
  listMembership,
  sendMessage,
  unblockUser,
} from '@sotto/api';
import { findMembership } from '@sotto/api/internal';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { messageFor, openConversation, textsOf } from './messages.ts';
import type { Node } from './nodes.ts';
import type { Person } from './peers.ts';
import { assertGapless, connect, endOf, type SocketClient } from './socket-client.ts';
import {
  closeAll,
  history,
  places,
  say,
  startTwoNodes,
  type TwoNodes,
  unread,
} from './two-nodes.ts';

let nodes: TwoNodes;
let one: Node;
let two: Node;

beforeAll(async () => {
  nodes = await startTwoNodes();
  ({ one, two } = nodes);
});

afterAll(() => nodes.close());

describe('a member who is removed', () => {
  test('sees the entry by which, and nothing behind it: live, by catch-up, in history and inbox', async () => {
    const { people, group } = await nodes.found();
    const [ann, bob, cat] = people;
    const phone = await nodes.addDevice(bob);
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
    const { people, group } = await nodes.found();
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
    const { people, group } = await nodes.found();
    const [ann, bob] = people;
    const phone = await nodes.addDevice(bob);
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
    const { people, group } = await nodes.found();
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
    const { people, group } = await nodes.found();
    const [ann] = people;
    const [dan] = (await nodes.invite(1)) as [Person];
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
    const { people, group } = await nodes.found();
    const [ann, bob] = people;
    const [dan] = (await nodes.invite(1)) as [Person];
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
    const { people, group } = await nodes.found();
    const [ann, bob] = people;
    const [friend, stranger] = (await nodes.invite(2)) as [Person, Person];
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
