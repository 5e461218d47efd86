/** Membership entries that are refused, each with its code; none of them changes anything. */

import { randomUUID } from 'node:crypto';
import {
  changeMembership,
  getConversation,
  listMembership,
  MEMBERSHIP_VERSION_MAX,
  UserId,
} from '@sotto/api';
import {
  type MembershipAction,
  makeIdentity,
  nobleProvider,
  signMembershipEntry,
} from '@sotto/crypto';
import { departedEntry } from '@sotto/crypto/verify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { foundThree, Group, identityOf, makeTitle, post } from './groups.ts';
import { openConversation } from './messages.ts';
import { type Node, type Platform, startPlatform } from './nodes.ts';
import type { Person } from './peers.ts';

let platform: Platform;
let node: Node;

beforeAll(async () => {
  platform = await startPlatform();
  node = await platform.startNode();
});

afterAll(() => platform.close());

/** Behind an entry's own version, its type and the conversation's id. */
const ENTRY_VERSION_OFFSET = 2 + 16;

const founded = () => foundThree(platform.peers, node);

const read = (person: Person, group: Group) =>
  node.call(person, getConversation, { params: { id: group.id } });

describe('a membership entry', () => {
  test('that does not follow on the newest entry is a conflict', async () => {
    const { people, stranger: dan, group } = await founded();
    const [ann, bob] = people;
    const early = group.sign(ann, { type: 'role', user: bob.user, role: 'admin' });
    await group.change(node, ann, { type: 'add', users: [dan.user] });
    const conflict = { code: 'conversation.version-conflict', options: { version: 2 } };
    await expect(post(node, ann, { group, entry: early.encoded })).rejects.toMatchObject(conflict);
    // And one that is too new.
    const author = { user: ann.user, identity: identityOf(platform.peers, ann) };
    const next = group.sign(ann, { type: 'remove', users: [dan.user] });
    const afterNext = signMembershipEntry(
      nobleProvider,
      { author, membership: next.membership },
      { action: { type: 'remove', users: [bob.user] }, time: 1 },
    );
    await expect(post(node, ann, { group, entry: afterNext.encoded })).rejects.toMatchObject(
      conflict,
    );
    // And one that follows on another entry of that version.
    const fork = signMembershipEntry(
      nobleProvider,
      { author, membership: early.membership },
      { action: { type: 'remove', users: [bob.user] }, time: 1 },
    );
    await expect(post(node, ann, { group, entry: fork.encoded })).rejects.toMatchObject(conflict);
    expect((await read(ann, group)).version).toBe(2);
  });

  test('of a number that no log reaches is refused, and so is to read behind one', async () => {
    const { people, stranger, group } = await founded();
    const [ann] = people;
    const { encoded } = group.sign(ann, { type: 'leave' });
    const entry = Buffer.from(encoded);
    entry.writeUInt32BE(MEMBERSHIP_VERSION_MAX + 1, ENTRY_VERSION_OFFSET);
    const invalid = { code: 'conversation.entry-invalid' };
    for (const person of [ann, stranger]) {
      await expect(post(node, person, { group, entry })).rejects.toMatchObject(invalid);
    }
    const readAfter = (after: number) =>
      node.call(ann, listMembership, { params: { id: group.id }, query: { after, limit: 10 } });
    const refused = { code: 'request.invalid' };
    await expect(readAfter(MEMBERSHIP_VERSION_MAX + 1)).rejects.toMatchObject(refused);
    expect(await readAfter(MEMBERSHIP_VERSION_MAX)).toMatchObject({ version: 1, entries: [] });
  });

  test('by who may not make it is refused', async () => {
    const { people, stranger: dan, group } = await founded();
    const [ann, bob, cat] = people;
    // What a member's own copy of the log refuses to sign is signed by the rules of an admin's.
    const asAdmin = group.sign(ann, { type: 'role', user: bob.user, role: 'admin' }).membership;
    const forge = (person: Person, action: MembershipAction) => {
      const author = { user: person.user, identity: identityOf(platform.peers, person) };
      const membership = { ...asAdmin, head: group.membership.head };
      return signMembershipEntry(nobleProvider, { author, membership }, { action, time: 1 })
        .encoded;
    };
    const refused = { code: 'conversation.entry-refused', status: 403 };
    const entries: [Person, Uint8Array][] = [
      [bob, forge(bob, { type: 'add', users: [dan.user] })],
      [bob, forge(bob, { type: 'remove', users: [cat.user] })],
      [bob, forge(bob, { type: 'role', user: cat.user, role: 'admin' })],
      // An admin's entry in another's hand.
      [bob, group.sign(ann, { type: 'remove', users: [cat.user] }).encoded],
    ];
    for (const [person, entry] of entries) {
      await expect(post(node, person, { group, entry })).rejects.toMatchObject(refused);
    }
    const stranger = { group, entry: group.sign(ann, { type: 'leave' }).encoded };
    const unknown = { code: 'conversation.not-found', status: 404 };
    await expect(post(node, dan, stranger)).rejects.toMatchObject(unknown);
    expect(await read(ann, group)).toMatchObject({ version: 1, last: 1 });
  });

  test('with a wrong signature, another key or bytes that are no entry is refused', async () => {
    const { people, group } = await founded();
    const [ann, bob] = people;
    const invalid = { code: 'conversation.entry-invalid', status: 422 };
    const entry = Uint8Array.from(group.sign(ann, { type: 'leave' }).encoded);
    entry[entry.length - 1]! ^= 1;
    await expect(post(node, ann, { group, entry })).rejects.toMatchObject(invalid);
    await expect(post(node, ann, { group, entry: entry.slice(1) })).rejects.toMatchObject(invalid);
    const longer = Buffer.concat([group.sign(ann, { type: 'leave' }).encoded, Buffer.of(0)]);
    await expect(post(node, ann, { group, entry: longer })).rejects.toMatchObject(invalid);
    const { membership } = group.sign(ann, { type: 'role', user: bob.user, role: 'admin' });
    const before = { ...membership, head: group.membership.head };
    const author = { user: ann.user, identity: makeIdentity(nobleProvider) };
    const forged = signMembershipEntry(
      nobleProvider,
      { author, membership: before },
      { action: { type: 'leave' }, time: 1 },
    );
    await expect(post(node, ann, { group, entry: forged.encoded })).rejects.toMatchObject(invalid);
    expect((await read(ann, group)).version).toBe(1);
  });

  test('by the key that an account had before is refused', async () => {
    const { people, group } = await founded();
    const [ann] = people;
    const step = group.sign(ann, { type: 'leave' });
    platform.peers.setIdentity(ann.user, makeIdentity(nobleProvider).publicKey);
    await expect(post(node, ann, { group, entry: step.encoded })).rejects.toMatchObject({
      code: 'conversation.entry-invalid',
    });
  });

  test('from another group, or in a conversation of two, changes nothing', async () => {
    const { people, group } = await founded();
    const [ann, bob] = people;
    const other = new Group(platform.peers, ann, [bob]);
    await other.create(node, ann);
    const { encoded } = other.sign(ann, { type: 'remove', users: [bob.user] });
    await expect(post(node, ann, { group, entry: encoded })).rejects.toMatchObject({
      code: 'conversation.entry-invalid',
    });
    const direct = { id: await openConversation(node, ann, bob) };
    await expect(post(node, ann, { group: direct, entry: encoded })).rejects.toMatchObject({
      code: 'conversation.not-found',
    });
    expect((await read(bob, group)).version).toBe(1);
    expect((await read(bob, other)).version).toBe(1);
  });

  test('nobody but the platform says that an account has departed', async () => {
    const { people, group } = await founded();
    const [ann, bob] = people;
    const time = Date.now();
    const { encoded: departed } = departedEntry(nobleProvider, group.membership, {
      user: bob.user,
      time,
    });
    await expect(post(node, ann, { group, entry: departed })).rejects.toMatchObject({
      code: 'conversation.entry-refused',
    });
    expect((await read(bob, group)).version).toBe(1);
  });

  test('that adds somebody who does not exist is refused', async () => {
    const { people, group } = await founded();
    const [ann] = people;
    const ghost = UserId.parse(randomUUID());
    await expect(group.change(node, ann, { type: 'add', users: [ghost] })).rejects.toMatchObject({
      code: 'conversation.member-unknown',
    });
    expect((await read(ann, group)).version).toBe(1);
  });

  test('carries a title with a rename, the one that the entry names, and only then', async () => {
    const { people, group } = await founded();
    const [ann, bob] = people;
    const { title, titleHash } = makeTitle();
    const rename = group.sign(ann, { type: 'rename', titleHash }).encoded;
    const call = (entry: Uint8Array, given?: Uint8Array) =>
      node.call(ann, changeMembership, {
        params: { id: group.id },
        body: { entry, ...(given !== undefined && { title: given }) },
      });
    await expect(call(rename)).rejects.toMatchObject({ code: 'request.invalid' });
    await expect(call(rename, makeTitle().title)).rejects.toMatchObject({
      code: 'conversation.entry-invalid',
    });
    const leave = group.sign(ann, { type: 'leave' }).encoded;
    await expect(call(leave, title)).rejects.toMatchObject({ code: 'request.invalid' });
    expect(await call(rename, title)).toEqual({ version: 2, seq: 2 });
    expect(Buffer.from((await read(bob, group)).title ?? [])).toEqual(Buffer.from(title));
  });

  test('that cannot be checked because the key service is away says so, and nothing changes', async () => {
    const { people, group } = await founded();
    const [ann, bob] = people;
    platform.peers.isKeyDown = true;
    try {
      const { encoded } = group.sign(ann, { type: 'remove', users: [bob.user] });
      await expect(post(node, ann, { group, entry: encoded })).rejects.toMatchObject({
        code: 'service.unavailable',
      });
    } finally {
      platform.peers.isKeyDown = false;
    }
    await group.change(node, ann, { type: 'remove', users: [bob.user] });
  });
});
