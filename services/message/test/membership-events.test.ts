/** What other services hear of who came and went says, put together, who is a member now: by every way in and out. */
import { randomUUID } from 'node:crypto';
import { blockUser, type UserId, unblockUser } from '@sotto/api';
import { countMembers, type MembershipChanged } from '@sotto/api/internal';
import { consumeEvent, createMemoryBus, publishEvent } from '@sotto/runtime';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { addPeople, Group } from './groups.ts';
import { openConversation } from './messages.ts';
import { type Node, type Platform, startPlatform } from './nodes.ts';
import type { Person } from './peers.ts';

let platform: Platform;
let node: Node;
const bus = createMemoryBus();
const changes: MembershipChanged[] = [];

beforeAll(async () => {
  platform = await startPlatform(bus);
  node = await platform.startNode(bus);
  await consumeEvent(bus, 'test', 'events.membership.changed', async (event) => {
    changes.push(event);
  });
});

afterAll(async () => {
  await platform.close();
  await bus.close();
});

/** As a listener puts it together that heard everything, in whatever order. */
function heard(): string[] {
  const last = new Map<string, { version: number; isMember: boolean }>();
  const note = (key: string, version: number, isMember: boolean) => {
    const known = last.get(key);
    // A user who is given nothing more of a group goes at the version by which they came.
    const isNewer =
      known === undefined ||
      version > known.version ||
      (version === known.version && known.isMember && !isMember);
    if (isNewer) last.set(key, { version, isMember });
  };
  for (const { conversation, version, joined, left } of changes.toReversed()) {
    for (const user of joined) note(`${conversation} ${user}`, version, true);
    for (const user of left) note(`${conversation} ${user}`, version, false);
  }
  return [...last].flatMap(([key, { isMember }]) => (isMember ? [key] : [])).sort();
}

/** As the service itself would answer. */
async function members(): Promise<string[]> {
  const { rows } = await platform.database.pool.query<{ conversation: string; user_id: string }>(
    'select conversation, user_id from conversation_members where left_seq is null',
  );
  return rows.map(({ conversation, user_id }) => `${conversation} ${user_id}`).sort();
}

/** Events follow on their causes by the outbox. */
function settled(): Promise<void> {
  return vi.waitFor(async () => expect(heard()).toEqual(await members()), {
    timeout: 30_000,
    interval: 50,
  });
}

async function erase({ user, device }: Person): Promise<void> {
  const event = { user, at: new Date().toISOString(), devices: [device] };
  await publishEvent(bus, 'events.account.deleted', event, randomUUID());
  await vi.waitFor(
    async () => {
      const { rows } = await platform.database.pool.query(
        'select from erased_users where user_id = $1 and erased_at is not null',
        [user],
      );
      expect(rows).toHaveLength(1);
    },
    { timeout: 30_000 },
  );
}

const params = (user: UserId) => ({ params: { user_id: user } });

test('groups: founded, joined, left, removed, deaf by a block before and after, departed, deserted', async () => {
  const people = await addPeople(platform.peers, 5);
  const [ann, bob, cat, dan, eve] = people as [Person, Person, Person, Person, Person];
  const group = new Group(platform.peers, ann, [bob]);
  await group.create(node, ann);
  await settled();
  // Who has blocked the one who adds them is a member on paper only, and so is one who blocks them before accepting.
  await node.call(cat, blockUser, params(ann.user));
  await group.change(node, ann, { type: 'add', users: [cat.user, dan.user] });
  await settled();
  expect(heard()).not.toContain(`${group.id} ${cat.user}`);
  await node.call(dan, blockUser, params(ann.user));
  await settled();
  expect(heard()).not.toContain(`${group.id} ${dan.user}`);
  // Removed and added anew once the block is lifted, they come in after all.
  await node.call(cat, unblockUser, params(ann.user));
  await group.change(node, ann, { type: 'remove', users: [cat.user] });
  await group.change(node, ann, { type: 'add', users: [cat.user, eve.user] });
  await settled();
  expect(heard()).toContain(`${group.id} ${cat.user}`);
  await group.change(node, eve, { type: 'leave' });
  await settled();
  await erase(ann);
  await settled();
  const count = await node.call(undefined, countMembers, {
    params: { conversation_id: group.id },
  });
  expect(count).toEqual({ members: 2 });
  await erase(bob);
  await erase(cat);
  await settled();
  expect(heard().filter((key) => key.startsWith(group.id))).toEqual([]);
  const none = await node.call(undefined, countMembers, { params: { conversation_id: group.id } });
  expect(none).toEqual({ members: 0 });
});

test('conversations of two: opened, blocked and unblocked, ended by one account and by the other', async () => {
  const [ann, bob] = (await addPeople(platform.peers, 2)) as [Person, Person];
  const id = await openConversation(node, ann, bob);
  await node.call(bob, blockUser, params(ann.user));
  await node.call(bob, unblockUser, params(ann.user));
  await settled();
  await erase(ann);
  await settled();
  expect(heard()).toContain(`${id} ${bob.user}`);
  await erase(bob);
  await settled();
  expect(heard().filter((key) => key.startsWith(id))).toEqual([]);
});
