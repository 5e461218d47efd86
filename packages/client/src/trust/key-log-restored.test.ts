/** A key log that was restored from a backup, as a client checks it: what that explains, and what it does not. */
import { randomUUID } from 'node:crypto';
import {
  type DeviceId,
  type EndpointSpec,
  getKeyLogKeys,
  type SessionId,
  type UserId,
} from '@sotto/api';
import { type Identity, makeIdentity } from '@sotto/crypto';
import { nodeProvider } from '@sotto/crypto/node';
import { beforeEach, describe, expect, test } from 'vitest';
import { Account } from '../account/records.ts';
import type { Call } from '../connection/call.ts';
import { createEvents } from '../events.ts';
import { keys } from '../store/key-space.ts';
import type { Store } from '../store/store.ts';
import { openMemoryStore } from '../store/store-memory.ts';
import { putRecord } from '../store/stored-record.ts';
import { type KeyLogFixture, makeKeyLog } from './key-log.fixture.ts';
import { createKeyLog, type KeyLog } from './key-log.ts';
import { noteClaim } from './log-standing.ts';
import { readNotices } from './notices.ts';

const provider = nodeProvider;
const alice = randomUUID() as UserId;
const bob = randomUUID() as UserId;
const DAY_MS = 24 * 3_600_000;
const BROKEN = { code: 'key-log.broken' };

let log: KeyLogFixture;
let store: Store;
let mine: Identity;
let his: Identity;
let heard: [string, object][];

beforeEach(async () => {
  log = makeKeyLog();
  store = openMemoryStore();
  [mine, his] = [makeIdentity(provider), makeIdentity(provider)];
  log.append(alice, mine.publicKey);
  log.append(bob, his.publicKey);
  heard = [];
  const [device, session] = [randomUUID() as DeviceId, randomUUID() as SessionId];
  const account = { user: alice, device, session, username: 'alice', isFirstDevice: true };
  await store.transaction((transaction) =>
    putRecord(transaction, keys.account, [Account, account]),
  );
});

function keyLog(): KeyLog {
  const events = createEvents();
  for (const name of ['key-log-broken', 'key-log-restored', 'trouble'] as const) {
    events.on(name, (event) => heard.push([name, event]));
  }
  const address = { user: alice, device: randomUUID() };
  const local = { identity: mine, address, registrationId: 1 };
  return createKeyLog({ store, provider, call, events, local, witnesses: [], clock: () => 0 });
}

/** The platform, as far as the key log needs it. */
const call = (async (endpoint: EndpointSpec, input: unknown) => {
  const { params, query } = input as { params: { user_id: string }; query: object };
  return endpoint.id === getKeyLogKeys.id ? log.keys() : log.answer(params.user_id, query);
}) as Call;

describe('a log that was restored from a backup', () => {
  const others = (count: number) => {
    for (let index = 0; index < count; index++) log.append(randomUUID(), mine.publicKey);
  };
  const RESTORED = ['key-log-restored', { incarnation: 2, time: 5 }];

  test.each([
    ['shorter than it was', 0],
    ['as long as it was', 3],
    ['longer than it was', 9],
  ])('may be %s, and is gone on with', async (_length, grown) => {
    others(4);
    await keyLog().needOwn();
    log.restore(2, 5);
    others(grown);
    await keyLog().needOwn();
    expect(heard).toEqual([RESTORED]);
    others(1);
    await keyLog().needOwn();
    expect(heard).toEqual([RESTORED]);
    expect(await readNotices(store)).toEqual([{ kind: 'key-log-restored', time: 5 }]);
  });

  test('was restored before what is to be explained only once', async () => {
    others(4);
    log.restore(3, 5);
    others(4);
    log.clock.time = 6;
    await keyLog().needOwn();
    const shorter = log.fork();
    shorter.leaves.splice(5);
    log = shorter;
    await expect(keyLog().needOwn()).rejects.toMatchObject(BROKEN);
    expect(heard).toEqual([['key-log-broken', { cause: 'head.rolled-back' }]]);
  });

  test('was not restored in the future', async () => {
    others(4);
    await keyLog().needOwn();
    log.restore(2, DAY_MS);
    log.clock.time = DAY_MS;
    await keyLog().needOwn();
    const error = expect.objectContaining({ code: 'answer.invalid' });
    expect(heard).toEqual([['trouble', { error }]]);
    // A head of today under a leaf of tomorrow is a lie by itself.
    log.clock.time = 0;
    await expect(keyLog().needOwn()).rejects.toMatchObject(BROKEN);
    expect(heard.at(-1)).toEqual(['key-log-broken', { cause: 'proof.invalid' }]);
  });

  test('must still have our own leaf', async () => {
    await keyLog().needOwn();
    log.restore(0, 5);
    await expect(keyLog().needOwn()).rejects.toMatchObject(BROKEN);
    expect(heard).toEqual([['key-log-broken', { cause: 'head.rolled-back' }]]);
  });

  test('must still have the leaf of a contact that we have seen', async () => {
    const contact = { user: bob, identityKey: his.publicKey };
    await keyLog().needOwn();
    await keyLog().needContact(contact);
    log.restore(1, 5);
    const claimed = { version: 2, hash: provider.randomBytes(32) };
    await store.transaction((transaction) => noteClaim(transaction, bob, claimed));
    await expect(keyLog().needContact(contact)).rejects.toMatchObject(BROKEN);
    expect(heard).toEqual([['key-log-broken', { user: bob, cause: 'head.rolled-back' }]]);
  });
});
