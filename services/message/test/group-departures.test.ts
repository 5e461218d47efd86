/** What deleted accounts leave in groups, and what other services and the audit log hear of changes. */
import { randomUUID } from 'node:crypto';
import { getConversation, listMembership, listMessages, sendMessage } from '@sotto/api';
import { type AuditEntry, exportMessages, type MembershipChanged } from '@sotto/api/internal';
import { applyMembershipEntry, nobleProvider } from '@sotto/crypto';
import { consumeEvent, createMemoryBus, publishEvent } from '@sotto/runtime';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { addPeople, Group } from './groups.ts';
import { messageFor, openConversation, textsOf } from './messages.ts';
import { type Node, type Platform, startPlatform } from './nodes.ts';
import type { Person } from './peers.ts';
import { assertGapless, connect } from './socket-client.ts';

let platform: Platform;
let node: Node;
const bus = createMemoryBus();
const changes: MembershipChanged[] = [];
const audit: AuditEntry[] = [];

beforeAll(async () => {
  platform = await startPlatform(bus);
  node = await platform.startNode(bus);
  await consumeEvent(bus, 'test', 'events.membership.changed', async (event) => {
    changes.push(event);
  });
  await consumeEvent(bus, 'test', 'events.audit.noted', async ({ entries }) => {
    audit.push(...entries);
  });
});

afterAll(async () => {
  await platform.close();
  await bus.close();
});

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
    { timeout: 20_000 },
  );
}

const changesOf = (conversation: string) =>
  changes.filter((change) => change.conversation === conversation);

test('an account that is deleted leaves its groups by an entry that everybody can replay', async () => {
  const [ann, bob, cat] = (await addPeople(platform.peers, 3)) as [Person, Person, Person];
  const group = new Group(platform.peers, ann, [bob, cat]);
  await group.create(node, ann);
  const key = messageFor(group.id, [ann, cat], { kind: 'targeted', text: 'a key for two' });
  await node.call(bob, sendMessage, { body: key });
  await node.call(bob, sendMessage, { body: group.message({ text: 'to all' }) });
  const client = await connect(node, cat);
  await client.slotsUpTo(group.id, 3);
  await erase(ann);
  // The fan-out's sweeper tells of it.
  const slots = await client.slotsUpTo(group.id, 4, 10_000);
  assertGapless(slots, 1);
  expect(textsOf(slots)).toEqual(['a key for two', 'to all']);
  const departed = slots.at(-1);
  if (departed?.type !== 'membership') throw new Error('the last slot is no entry');
  const isAuthor = () => false;
  const after = applyMembershipEntry(nobleProvider, group.membership, {
    encoded: departed.entry,
    isAuthor,
  });
  expect(after.members.map(({ user }) => user)).not.toContain(ann.user);
  const [eldest] = after.members;
  expect(eldest?.role).toBe('admin');
  const read = await node.call(bob, getConversation, { params: { id: group.id } });
  expect(read.members).toEqual([bob.user, cat.user].toSorted());
  expect(read).toMatchObject({ version: 2, admins: [eldest?.user] });
  group.accept({ encoded: departed.entry, membership: after });
  const heir = eldest?.user === bob.user ? bob : cat;
  await node.call(heir, sendMessage, { body: group.message({ text: 'without ann' }) });
  await group.change(node, heir, { type: 'role', user: after.members[1]!.user, role: 'admin' });
  // What was one ciphertext for all stays; what was for the departed alone is cut out.
  const history = await node.call(cat, listMessages, {
    params: { id: group.id },
    query: { limit: 10 },
  });
  expect(textsOf(history.slots)).toEqual(
    heir === cat ? ['a key for two', 'to all'] : ['a key for two', 'to all', 'without ann'],
  );
  const { rows } = await platform.database.pool.query(
    `select from messages where conversation = $1 and position($2::bytea in recipients) > 0`,
    [group.id, Buffer.from(ann.device.replaceAll('-', ''), 'hex')],
  );
  expect(rows).toEqual([]);
  await client.close();
});

test('a group goes with its last member, its log included', async () => {
  const [ann, bob] = (await addPeople(platform.peers, 2)) as [Person, Person];
  const group = new Group(platform.peers, ann, [bob]);
  await group.create(node, ann);
  await node.call(ann, sendMessage, { body: group.message() });
  await group.change(node, ann, { type: 'remove', users: [bob.user] });
  await erase(ann);
  const tables = ['conversations', 'conversation_members', 'membership_log', 'messages'];
  for (const table of tables) {
    const column = table === 'conversations' ? 'id' : 'conversation';
    const { rows } = await platform.database.pool.query(
      `select from ${table} where ${column} = $1`,
      [group.id],
    );
    expect(rows, table).toEqual([]);
  }
});

test('nobody is added to a group who has just been erased', async () => {
  const [ann, bob, cat] = (await addPeople(platform.peers, 3)) as [Person, Person, Person];
  const group = new Group(platform.peers, ann, [bob]);
  await group.create(node, ann);
  await erase(cat);
  const added = group.change(node, ann, { type: 'add', users: [cat.user] });
  await expect(added).rejects.toMatchObject({ code: 'conversation.member-unknown' });
  const founded = new Group(platform.peers, ann, [cat]).create(node, ann);
  await expect(founded).rejects.toMatchObject({ code: 'conversation.member-unknown' });
});

test('other services hear who came and went, and the audit log who changed something', async () => {
  const [ann, bob, cat] = (await addPeople(platform.peers, 3)) as [Person, Person, Person];
  const group = new Group(platform.peers, ann, [bob]);
  await group.create(node, ann);
  await group.change(node, ann, { type: 'add', users: [cat.user] });
  await group.change(node, ann, { type: 'role', user: bob.user, role: 'admin' });
  await group.change(node, bob, { type: 'leave' });
  const direct = await openConversation(node, ann, cat);
  await erase(cat);
  await vi.waitFor(() => expect(changesOf(direct)).toHaveLength(2), { timeout: 20_000 });
  expect(changesOf(group.id)).toEqual([
    { conversation: group.id, version: 1, joined: [ann.user, bob.user], left: [] },
    { conversation: group.id, version: 2, joined: [cat.user], left: [] },
    { conversation: group.id, version: 4, joined: [], left: [bob.user] },
    { conversation: group.id, version: 5, joined: [], left: [cat.user] },
  ]);
  expect(changesOf(direct)).toEqual([
    { conversation: direct, version: 1, joined: [ann.user, cat.user], left: [] },
    { conversation: direct, version: 2, joined: [], left: [cat.user] },
  ]);
  const noted = audit.filter(({ action, user }) => {
    return action === 'groups.changed' && (user === ann.user || user === bob.user);
  });
  expect(noted.map(({ user, device }) => [user, device])).toEqual([
    ...Array.from({ length: 3 }, () => [ann.user, ann.device]),
    [bob.user, bob.device],
  ]);
});

test('what is exported of a user has their part in groups, and counts no entries as messages', async () => {
  const [ann, bob] = (await addPeople(platform.peers, 2)) as [Person, Person];
  const group = new Group(platform.peers, ann, [bob]);
  await group.create(node, ann);
  await node.call(ann, sendMessage, { body: group.message() });
  const params = { user_id: ann.user };
  const { tables } = await node.call(undefined, exportMessages, { params });
  expect(tables.conversation_members).toEqual([
    expect.objectContaining({
      conversation: group.id,
      kind: 'group',
      role: 2,
      since: 1,
      places: 2,
    }),
  ]);
  expect(tables.messages).toEqual([expect.objectContaining({ sent: 1 })]);
});

test("a member of old reads the log up to their own end, also when the group's founder is erased", async () => {
  const [ann, bob, cat] = (await addPeople(platform.peers, 3)) as [Person, Person, Person];
  const group = new Group(platform.peers, ann, [bob, cat]);
  await group.create(node, ann);
  await group.change(node, ann, { type: 'remove', users: [bob.user] });
  await erase(ann);
  const query = { after: 0, limit: 10 };
  const log = await node.call(bob, listMembership, { params: { id: group.id }, query });
  expect(log.version).toBe(2);
  expect(log.entries).toHaveLength(2);
  const whole = await node.call(cat, listMembership, { params: { id: group.id }, query });
  expect(whole.entries).toHaveLength(3);
});
