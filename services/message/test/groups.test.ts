/** Groups: how they are founded and changed, who has which role, and who may read the log. */

import { randomUUID } from 'node:crypto';
import {
  createConversation,
  getConversation,
  listConversations,
  listMembership,
  UserId,
} from '@sotto/api';
import {
  createMembershipLog,
  type MembershipAction,
  makeIdentity,
  nobleProvider,
  signMembershipEntry,
} from '@sotto/crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addPeople, foundThree, Group, identityOf, makeTitle, post } from './groups.ts';
import { newId, openConversation } from './messages.ts';
import { type Node, type Platform, startPlatform } from './nodes.ts';
import type { Person } from './peers.ts';

let platform: Platform;
let node: Node;

beforeAll(async () => {
  platform = await startPlatform();
  node = await platform.startNode();
});

afterAll(() => platform.close());

const founded = () => foundThree(platform.peers, node);

const read = (person: Person, group: Group) =>
  node.call(person, getConversation, { params: { id: group.id } });

const readLog = (person: Person, group: Group, after = 0, limit = 100) =>
  node.call(person, listMembership, { params: { id: group.id }, query: { after, limit } });

describe('founding', () => {
  test('gives a conversation of the members, whose admin is the founder', async () => {
    const { people, group, stranger } = await founded();
    for (const person of people) {
      const conversation = await read(person, group);
      expect(conversation).toMatchObject({
        kind: 'group',
        version: 1,
        first: 1,
        last: 1,
        cursor: 0,
      });
      expect(conversation.members).toEqual(people.map(({ user }) => user).toSorted());
      expect(conversation.admins).toEqual([people[0].user]);
      const { conversations } = await node.call(person, listConversations, {
        query: { limit: 10 },
      });
      // What a message is to be keyed for is told of one group at a time.
      const { lists = [], ...listed } = conversation;
      expect(conversations).toEqual([listed]);
      expect(lists.map(({ user }) => user).toSorted()).toEqual(conversation.members);
    }
    await expect(read(stranger, group)).rejects.toMatchObject({ code: 'conversation.not-found' });
  });

  test('is answered alike when the entry comes again, also at once from two sockets', async () => {
    const [ann, bob] = (await addPeople(platform.peers, 2)) as [Person, Person];
    const group = new Group(platform.peers, ann, [bob]);
    const answers = await Promise.all([1, 2, 3].map(() => group.create(node, ann)));
    for (const answer of [...answers, await group.create(node, ann)]) {
      expect(answer).toEqual(answers[0]);
    }
    expect((await readLog(ann, group)).entries).toHaveLength(1);
  });

  test('takes no id that another conversation has', async () => {
    const { people, group } = await founded();
    const [ann, bob, cat] = people;
    const author = { user: bob.user, identity: identityOf(platform.peers, bob) };
    const create = (conversation: string, users: readonly string[]) => {
      const { encoded } = createMembershipLog(nobleProvider, author, {
        conversation,
        time: 1,
        users,
      });
      return node.call(bob, createConversation, { body: { kind: 'group', entry: encoded } });
    };
    const taken = { code: 'conversation.exists', status: 409 };
    await expect(create(group.id, [ann.user])).rejects.toMatchObject(taken);
    const direct = await openConversation(node, ann, cat);
    await expect(create(direct, [ann.user])).rejects.toMatchObject(taken);
    expect(await read(ann, group)).toMatchObject({ version: 1, admins: [ann.user] });
  });

  test('of an author, of somebody unknown or by another entry than the first is refused', async () => {
    const { people, group } = await founded();
    const [ann, bob] = people;
    const create = (person: Person, entry: Uint8Array) =>
      node.call(person, createConversation, { body: { kind: 'group', entry } });
    const other = new Group(platform.peers, ann, [bob]);
    await expect(create(bob, other.entry)).rejects.toMatchObject({
      code: 'conversation.entry-refused',
    });
    const { encoded } = group.sign(ann, { type: 'leave' });
    await expect(create(ann, encoded)).rejects.toMatchObject({
      code: 'conversation.entry-invalid',
    });
    const ghost = { ...bob, user: UserId.parse(randomUUID()) };
    const haunted = new Group(platform.peers, ann, [ghost]);
    await expect(haunted.create(node, ann)).rejects.toMatchObject({
      code: 'conversation.member-unknown',
    });
    await expect(create(ann, new Uint8Array(40))).rejects.toMatchObject({
      code: 'conversation.entry-invalid',
    });
    const author = { user: ann.user, identity: identityOf(platform.peers, ann) };
    const input = {
      conversation: '00000000-0000-0000-0000-000000000000',
      time: 1,
      users: [bob.user],
    };
    const nameless = createMembershipLog(nobleProvider, author, input);
    await expect(create(ann, nameless.encoded)).rejects.toMatchObject({
      code: 'conversation.entry-invalid',
    });
  });

  test('by another key than the account has is refused', async () => {
    const [ann, bob] = (await addPeople(platform.peers, 2)) as [Person, Person];
    const author = { user: ann.user, identity: makeIdentity(nobleProvider) };
    const input = { conversation: newId(), time: 1, users: [bob.user] };
    const { encoded } = createMembershipLog(nobleProvider, author, input);
    const body = { kind: 'group', entry: encoded } as const;
    await expect(node.call(ann, createConversation, { body })).rejects.toMatchObject({
      code: 'conversation.entry-invalid',
    });
  });

  test('for two hundred is possible, for one more it is not', async () => {
    const people = await addPeople(platform.peers, 200);
    const [ann, ...others] = people as [Person, ...Person[]];
    const group = new Group(platform.peers, ann, others);
    expect((await group.create(node, ann)).members).toHaveLength(200);
    const [late] = (await addPeople(platform.peers, 1)) as [Person];
    // The rules of the log would not sign it, were there not a member less.
    const { membership } = group;
    const author = { user: ann.user, identity: identityOf(platform.peers, ann) };
    const { encoded } = signMembershipEntry(
      nobleProvider,
      { author, membership: { ...membership, members: membership.members.slice(0, -1) } },
      { action: { type: 'add', users: [late.user] }, time: 1 },
    );
    await expect(post(node, ann, { group, entry: encoded })).rejects.toMatchObject({
      code: 'conversation.entry-refused',
    });
    expect((await read(ann, group)).members).toHaveLength(200);
  });
});

describe('a change', () => {
  test('adds, removes, promotes, renames and lets go; each takes a place and a version', async () => {
    const { people, stranger: dan, group } = await founded();
    const [ann, bob, cat] = people;
    const { title, titleHash } = makeTitle();
    const steps: [Person, MembershipAction, Uint8Array?][] = [
      [ann, { type: 'add', users: [dan.user] }],
      [ann, { type: 'role', user: bob.user, role: 'admin' }],
      [bob, { type: 'rename', titleHash }, title],
      [bob, { type: 'remove', users: [cat.user] }],
      [ann, { type: 'role', user: bob.user, role: 'member' }],
      [bob, { type: 'leave' }],
    ];
    for (const [index, [person, action, text]] of steps.entries()) {
      const answer = await group.change(node, person, action, text);
      expect(answer).toEqual({ version: index + 2, seq: index + 2 });
    }
    const conversation = await read(ann, group);
    expect(conversation).toMatchObject({ version: 7, last: 7, admins: [ann.user] });
    expect(conversation.members).toEqual([ann.user, dan.user].toSorted());
    expect(Buffer.from(conversation.title ?? [])).toEqual(Buffer.from(title));
    for (const gone of [bob, cat]) {
      await expect(read(gone, group)).rejects.toMatchObject({ code: 'conversation.not-found' });
    }
  });

  test('gives the eldest member the role when the last admin goes', async () => {
    const { people, stranger: dan, group } = await founded();
    const [ann, bob, cat] = people;
    const eldest = group.members[1];
    await group.change(node, ann, { type: 'add', users: [dan.user] });
    await group.change(node, ann, { type: 'leave' });
    expect((await read(dan, group)).admins).toEqual([eldest]);
    const heir = bob.user === eldest ? bob : cat;
    await group.change(node, heir, { type: 'remove', users: [dan.user] });
    // A member who came back is the youngest, whoever was there before.
    await group.change(node, heir, { type: 'add', users: [ann.user] });
    await group.change(node, heir, { type: 'leave' });
    const rest = bob.user === eldest ? cat : bob;
    expect((await read(ann, group)).admins).toEqual([rest.user]);
  });

  test('that comes again is answered alike, also by who has left with it', async () => {
    const { people, group } = await founded();
    const [, bob] = people;
    const left = await group.change(node, bob, { type: 'leave' });
    expect(await post(node, bob, { group, entry: group.entry })).toEqual(left);
    expect((await read(people[0], group)).version).toBe(2);
  });

  test('of two admins by one version is taken once, and the other hears the version', async () => {
    const { people, stranger: dan, group } = await founded();
    const [ann, bob, cat] = people;
    await group.change(node, ann, { type: 'role', user: bob.user, role: 'admin' });
    const rivals: [Person, MembershipAction][] = [
      [ann, { type: 'add', users: [dan.user] }],
      [bob, { type: 'remove', users: [cat.user] }],
    ];
    const answers = await Promise.allSettled(
      rivals.map(([person, action]) => {
        return post(node, person, { group, entry: group.sign(person, action).encoded });
      }),
    );
    const taken = answers.filter(({ status }) => status === 'fulfilled');
    expect(taken).toEqual([{ status: 'fulfilled', value: { version: 3, seq: 3 } }]);
    const refused = answers.find((answer) => answer.status === 'rejected');
    expect(refused?.reason).toMatchObject({
      code: 'conversation.version-conflict',
      status: 409,
      options: { version: 3 },
    });
    expect(await read(ann, group)).toMatchObject({ version: 3, last: 3 });
    expect((await readLog(ann, group)).entries).toHaveLength(3);
  });

  test('that many sign at once is taken one after the other, until all are in', async () => {
    const people = await addPeople(platform.peers, 12);
    const [ann, ...others] = people as [Person, ...Person[]];
    const group = new Group(platform.peers, ann, others);
    await group.create(node, ann);
    const version = group.version;
    const left = await Promise.allSettled(
      others.map((person) => {
        return post(node, person, { group, entry: group.sign(person, { type: 'leave' }).encoded });
      }),
    );
    expect(left.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await read(ann, group)).toMatchObject({ version: version + 1, last: 2 });
    expect((await read(ann, group)).members).toHaveLength(11);
  });
});

describe('the log', () => {
  test('is served in pages to members, from the first entry', async () => {
    const { people, stranger: dan, group } = await founded();
    const [ann] = people;
    const entries = [group.entry];
    for (let count = 0; count < 4; count += 1) {
      const { title, titleHash } = makeTitle();
      await group.change(node, ann, { type: 'rename', titleHash }, title);
      entries.push(group.entry);
    }
    await group.change(node, ann, { type: 'add', users: [dan.user] });
    entries.push(group.entry);
    const first = await readLog(dan, group, 0, 4);
    const second = await readLog(dan, group, 4, 4);
    const end = await readLog(dan, group, 6);
    expect([first.version, second.version, end.version]).toEqual([6, 6, 6]);
    const read = [...first.entries, ...second.entries];
    expect(read.map(({ version, seq }) => [version, seq])).toEqual(
      entries.map((_, index) => [index + 1, index + 1]),
    );
    expect(read.map(({ entry }) => Buffer.from(entry))).toEqual(entries.map((e) => Buffer.from(e)));
    expect(end.entries).toEqual([]);
  });

  test('ends for who has gone with the entry by which, and is nothing for strangers', async () => {
    const { people, stranger, group } = await founded();
    const [ann, bob, cat] = people;
    await group.change(node, ann, { type: 'remove', users: [bob.user] });
    await group.change(node, ann, { type: 'role', user: cat.user, role: 'admin' });
    const log = await readLog(bob, group);
    expect(log.version).toBe(2);
    expect(log.entries.map(({ version }) => version)).toEqual([1, 2]);
    expect((await readLog(cat, group)).version).toBe(3);
    const unknown = { code: 'conversation.not-found' };
    await expect(readLog(stranger, group)).rejects.toMatchObject(unknown);
    const direct = await openConversation(node, ann, bob);
    const query = { after: 0, limit: 10 };
    await expect(
      node.call(ann, listMembership, { params: { id: direct }, query }),
    ).rejects.toMatchObject(unknown);
  });
});

test('an entry in a week without a partition makes it, like any message', async () => {
  const { pool } = platform.database;
  const [ann, bob] = (await addPeople(platform.peers, 2)) as [Person, Person];
  const dropPartitions = async () => {
    const { rows } = await pool.query<{ name: string }>(
      `select inhrelid::regclass::text as name from pg_inherits where inhparent = 'messages'::regclass`,
    );
    expect(rows.length).toBeGreaterThan(0);
    for (const { name } of rows) await pool.query(`drop table ${name}`);
  };
  const group = new Group(platform.peers, ann, [bob]);
  await dropPartitions();
  await group.create(node, ann);
  await dropPartitions();
  const removal = await group.change(node, ann, { type: 'remove', users: [bob.user] });
  expect(removal).toEqual({ version: 2, seq: 2 });
  expect((await readLog(ann, group)).entries.map(({ seq }) => seq)).toEqual([1, 2]);
});
