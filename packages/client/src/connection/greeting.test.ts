/** What a device believes of a platform's greeting, and what it does then. */
import { randomUUID } from 'node:crypto';
import { type ConversationId, KEY_ID_MAX, type ServerFrame } from '@sotto/api';
import { nodeProvider } from '@sotto/crypto/node';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { keepPrekeys } from '../account/prekeys.ts';
import { Account, Cursor } from '../account/records.ts';
import { type Client, createClient } from '../client.ts';
import { createEvents } from '../events.ts';
import { countSent } from '../messages/sent-log.ts';
import { startPlatform } from '../platform/platform.fixture.ts';
import {
  type Device,
  type Handler,
  handlers,
  type Platform,
  type Spec,
} from '../platform/platform-operations.fixture.ts';
import { keys } from '../store/key-space.ts';
import type { Store } from '../store/store.ts';
import { openMemoryStore } from '../store/store-memory.ts';
import { Counter, getRecord, putRecord } from '../store/stored-record.ts';
import { readNotices } from '../trust/notices.ts';
import { loadLocalParty } from '../trust/sessions.ts';
import type { Call } from './call.ts';
import { takeHello } from './greeting.ts';

type Hello = Extract<ServerFrame, { type: 'hello' }>;

const SENT_EXCESS_MAX = 2 ** 24;
const KEY_IDS_SPARE = 2 ** 20;

let platform: Platform;
let alice: Client;
let store: Store;
let device: Device;
let conversation: ConversationId;
let told: object[];
let aheadMs: number;

beforeEach(async () => {
  [told, aheadMs] = [[], 0];
  platform = await startPlatform();
  // Stays open when its client goes, so that nothing else works in it.
  store = { ...openMemoryStore(), close: async () => {} };
  alice = await enter('alice', store);
  const bob = await enter('bob', openMemoryStore());
  const { user } = (await bob.me())!;
  ({ id: conversation } = await alice.openDirect(user));
  await alice.whenStored((await alice.sendText(conversation, 'hello')).id);
  await bob.close();
  await alice.close();
  device = platform.devices.find(({ username }) => username === 'alice')!;
});
afterEach(() => platform.close());

describe('a count of messages', () => {
  test('that no device comes to is not taken over, at first or later', async () => {
    for (const sent of [-1, SENT_EXCESS_MAX + 2, Number.MAX_SAFE_INTEGER]) {
      await expect(greet({ sent })).rejects.toMatchObject({ code: 'answer.invalid' });
      await expect(greet({ sent, incarnation: 2 })).rejects.toMatchObject({
        code: 'answer.invalid',
      });
    }
    await greet({ sent: 1 });
    const before = await readNumbers();
    const sent = SENT_EXCESS_MAX + 2;
    await expect(greet({ sent })).rejects.toMatchObject({ code: 'answer.invalid' });
    expect(await readNumbers()).toEqual(before);
  });

  test('above ours raises our numbers by what is missing', async () => {
    await greet({ sent: 1 });
    const before = await readNumbers();
    await greet({ sent: 4 });
    expect(await readNumbers()).toMatchObject({ sent: 4, counter: before.counter + 3 });
  });

  test('raises them once, though the greeting of an ended connection comes to it late', async () => {
    await greet({ sent: 1 });
    const before = await readNumbers();
    await Promise.all([greet({ sent: 4 }), greet({ sent: 4 })]);
    expect(await readNumbers()).toMatchObject({ sent: 4, counter: before.counter + 3 });
    expect(told).toEqual([{ messages: 3 }]);
  });
});

test('a store that is behind gets new sessions, which is told: each time for what was sent elsewhere, once a day for what was received', async () => {
  await greet({ sent: 1, cursors: [] });
  await greet({ sent: 2 });
  const ahead = [{ conversation, seq: 9 }];
  await greet({ sent: 2, cursors: ahead });
  await greet({ sent: 3, cursors: ahead });
  expect(told).toEqual([{ messages: 1 }, { messages: 1 }]);
  aheadMs = 25 * 3_600_000;
  for (let time = 0; time < 3; time++) await greet({ sent: 3, cursors: ahead });
  expect(told.slice(2)).toEqual([{ messages: 0 }]);
  expect(await readNotices(store)).toEqual([{ kind: 'store-behind' }]);
});

test('a conversation that the store does not know is a sign, but for a device that joins late, and for what was passed over', async () => {
  await greet({ sent: 1, cursors: [] });
  const cursors = [{ conversation: randomUUID() as ConversationId, seq: 9 }];
  const passed = keys.passedOver(cursors[0]!.conversation);
  await store.transaction((it) => putRecord(it, passed, [Cursor, { seq: 0 }]));
  await greet({ sent: 1, cursors });
  await store.transaction((it) => it.delete(passed));
  await becomeLinked();
  await greet({ sent: 1, cursors });
  expect(told).toEqual([]);
  await store.transaction((it) => it.put(keys.conversationsListed, new Uint8Array(0)));
  await greet({ sent: 1, cursors });
  expect(told).toEqual([{ messages: 0 }]);
});

test('a clock that is days ahead for one greeting does not forget what a restored platform lacks', async () => {
  await greet({ sent: 1 });
  aheadMs = 3 * 24 * 3_600_000;
  await keepPrekeys(await depsOf());
  await greet({ sent: 1 });
  aheadMs = 0;
  await greet({ sent: 0, incarnation: 2 });
  const waiting = await store.transaction((it) => it.list({ prefix: keys.outbox(), limit: 10 }));
  expect(waiting).toHaveLength(1);
});

test('the ids of keys are never taken away up to the last ones', async () => {
  await greet({ sent: 1 });
  for (const mark of [KEY_ID_MAX - KEY_IDS_SPARE + 1, KEY_ID_MAX, Number.MAX_SAFE_INTEGER]) {
    device.oneTimeMark = mark;
    const before = await readNumbers();
    await expect(greet({ sent: 2 })).rejects.toMatchObject({ code: 'answer.invalid' });
    expect(await readNumbers()).toEqual(before);
  }
  device.oneTimeMark = KEY_ID_MAX - KEY_IDS_SPARE;
  await greet({ sent: 2 });
  device.oneTimePrekeys = [];
  await keepPrekeys(await depsOf());
  expect(device.oneTimePrekeys).toHaveLength(100);
});

/** The device's store is greeted by its platform. */
async function greet(
  hello: Pick<Hello, 'sent' | 'cursors'> & { incarnation?: number },
): Promise<void> {
  const greeting = { type: 'hello', user: device.user, device: device.device } as const;
  await takeHello(await depsOf(), { ...greeting, incarnation: 1, ...hello });
}

async function depsOf() {
  const call = (async (endpoint: { id: string }, input: object) => {
    const handler = handlers[endpoint.id as Spec['id']] as Handler | undefined;
    return handler?.(platform, { ...input, caller: device });
  }) as Call;
  const local = await loadLocalParty(store, nodeProvider);
  const events = createEvents();
  events.on('store-behind', (event) => told.push(event));
  return { store, provider: nodeProvider, local, call, events, clock: () => Date.now() + aheadMs };
}

/** The store becomes one of a device that was linked a moment ago. */
async function becomeLinked(): Promise<void> {
  await store.transaction(async (transaction) => {
    const account = (await getRecord(transaction, keys.account, Account))!;
    await putRecord(transaction, keys.account, [Account, { ...account, isFirstDevice: false }]);
    await transaction.delete(keys.conversationsListed);
  });
}

async function readNumbers() {
  const local = await loadLocalParty(store, nodeProvider);
  return store.transaction(async (transaction) => ({
    sent: await countSent(transaction, local),
    counter: (await getRecord(transaction, keys.sendCounter(conversation), Counter))?.next ?? 1,
    oneTime: await getRecord(transaction, keys.oneTimePrekeyIds, Counter),
  }));
}

async function enter(username: string, own: Store): Promise<Client> {
  const client = createClient({ url: platform.url, store: own, provider: nodeProvider });
  await client.register({ username, password: 'Secret!23' });
  await client.connect();
  return client;
}
