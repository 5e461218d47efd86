/** Members whose keys do not come: nobody waits for them, and what they have had is not forgotten. */
import { ApiError, DeviceId, toProblem } from '@sotto/api';
import { nodeProvider } from '@sotto/crypto/node';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { PASSED_OVER_MS, SENDER_CHAIN_MS, STORE_PAGE } from '../limits.ts';
import { enqueue } from '../messages/outbox.ts';
import { sendAgain } from '../messages/sent-log.ts';
import { keys } from '../store/key-space.ts';
import type { Store, StoreTransaction } from '../store/store.ts';
import { openMemoryStore } from '../store/store-memory.ts';
import {
  type FreshGroup,
  type GroupMember,
  makeFreshGroup,
  versionsOf,
} from './fresh-group.fixture.ts';
import { digestVersions } from './group-audience.ts';
import { enqueueDistribution, forgetOwnChains } from './group-keys.ts';
import { giveUpAll } from './group-lane.ts';

let group: FreshGroup;
let away: GroupMember;

beforeEach(async () => {
  group = await makeFreshGroup({
    ...{ provider: nodeProvider, store: openMemoryStore(), members: 3, devicesEach: 1 },
  });
  away = group.members[2]!;
});
afterEach(() => group.close());

test('whoever could not be told something keeps the key they have, so that it changes when they go', async () => {
  await group.say('with all');
  await loseSession();
  group.limited.add(away.user);
  await group.store.transaction((transaction) => {
    const { conversation } = group;
    const to = [{ user: away.user, device: deviceOf(away) }];
    return enqueueDistribution(group.deps, transaction, { conversation, to });
  });
  await group.say('they get nothing now');
  await group.change(({ members, head }) => ({
    members: members.filter((user) => user !== away.user),
    head: { ...head, version: 2 },
  }));
  await group.say('without them');
  const [first, second, third] = chainsOf();
  expect(second).toBe(first);
  expect(third).not.toBe(second);
});

test('a member without a session whose keys do not come holds up nobody, and is asked for once in a while', async () => {
  await group.say('with all');
  await loseSession();
  group.limited.add(away.user);
  group.clock += SENDER_CHAIN_MS;
  const trouble = vi.fn();
  group.events.on('trouble', trouble);
  await group.say('by another key');
  await group.say('and again');
  await group.store.transaction(forgetOwnChains);
  await group.say('by a third key');
  expect(trouble).toHaveBeenCalledTimes(1);
  group.limited.clear();
  group.clock += PASSED_OVER_MS;
  group.sent.length = 0;
  await group.say('they are back');
  expect(group.sent.map(({ kind }) => kind)).toEqual(['targeted', 'group']);
  const [targeted] = group.sent;
  const told = targeted?.kind === 'targeted' ? targeted.recipients : [];
  expect(told.map(({ device }) => device)).toEqual([deviceOf(away)]);
});

test('nor does one whose list does not come either', async () => {
  await group.say('with all');
  await loseSession();
  group.limited.add(away.user);
  group.areListsLimited = true;
  await group.store.transaction(forgetOwnChains);
  await group.say('by another key');
  expect(group.sent.at(-1)?.kind).toBe('group');
});

test('what was stored before is encrypted for nobody who came later, when the platform says that it was restored', async () => {
  await group.say('before');
  group.addDevice(away);
  const failed = vi.fn();
  group.events.on('failed', failed);
  group.judge = (message) => {
    const current = digestVersions(
      nodeProvider,
      new Map(versionsOf(group).map(({ user, version }) => [user, version])),
    );
    if (message.kind !== 'group' || Buffer.from(current).equals(message.lists)) return undefined;
    const audience = { version: 1, lists: versionsOf(group) };
    return toProblem(new ApiError('message.group-stale', { audience }));
  };
  const [stored] = group.sent.splice(0).filter(({ kind }) => kind === 'group');
  await sendAgain(group.store, group.deps.local, 0);
  await group.reconnect();
  const id = await group.say('behind');
  expect(group.sent.filter(({ kind }) => kind === 'group')).toMatchObject([{ id }]);
  expect(id).not.toBe(stored!.id);
  expect(failed).not.toHaveBeenCalled();
});

test('however much waits in a group that was left, giving it up reads it a few times', async () => {
  const { store, deps, conversation } = group;
  const waiting = 3 * STORE_PAGE;
  await store.transaction(async (transaction) => {
    for (let i = 0; i < waiting; i++) {
      const content = { type: 'text', text: `${i}` } as const;
      await enqueue(deps, transaction, { conversation, content });
    }
  });
  const lists = countLists(store);
  await giveUpAll({ ...deps, store: lists.store }, conversation);
  expect(lists.count()).toBeLessThan(12);
  const failed = await store.transaction((transaction) =>
    transaction.list({ prefix: keys.failedIn(conversation), limit: waiting + 1 }),
  );
  expect(failed).toHaveLength(waiting);
});

/** The same store, whose listed pages are counted. */
function countLists(store: Store) {
  let count = 0;
  const counting = (transaction: StoreTransaction): StoreTransaction => ({
    get: (key) => transaction.get(key),
    put: (key, value) => transaction.put(key, value),
    delete: (key) => transaction.delete(key),
    list: (query) => {
      count += 1;
      return transaction.list(query);
    },
  });
  const counted: Store = {
    transaction: (work) => store.transaction((transaction) => work(counting(transaction))),
    close: () => store.close(),
  };
  return { store: counted, count: () => count };
}

function loseSession(): Promise<void> {
  const key = keys.session(away.devices[0]!.local.address);
  return group.store.transaction((transaction) => transaction.delete(key));
}

function deviceOf({ devices }: GroupMember) {
  return DeviceId.parse(devices[0]!.local.address.device);
}

/** The ids of the chains that messages are by (docs/wire.md, section 6). */
function chainsOf(): number[] {
  return group.sent.flatMap((one) =>
    one.kind === 'group'
      ? [new DataView(one.ciphertext.buffer, one.ciphertext.byteOffset).getUint32(3)]
      : [],
  );
}
