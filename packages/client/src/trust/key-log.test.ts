/** The key log as a client checks it: every lie that it can tell is refused, and stops what must stop. */
import { randomUUID } from 'node:crypto';
import {
  ApiError,
  type DeviceId,
  type EndpointSpec,
  getIdentity,
  getKeyLogAccount,
  getKeyLogKeys,
  type SessionId,
  type UserId,
} from '@sotto/api';
import {
  type Head,
  type Identity,
  leafHashOf,
  makeIdentity,
  makeSigningKeyPair,
} from '@sotto/crypto';
import { nodeProvider } from '@sotto/crypto/node';
import { beforeEach, describe, expect, test } from 'vitest';
import { Account, Peer } from '../account/records.ts';
import type { Call } from '../connection/call.ts';
import { ConnectionError } from '../errors.ts';
import { createEvents } from '../events.ts';
import { keys } from '../store/key-space.ts';
import type { Store } from '../store/store.ts';
import { openMemoryStore } from '../store/store-memory.ts';
import { putRecord } from '../store/stored-record.ts';
import { readAlarms } from './alarms.ts';
import { forgetKeyLog } from './forgotten-key-log.ts';
import { type KeyLogFixture, makeKeyLog } from './key-log.fixture.ts';
import { createKeyLog, type KeyLog } from './key-log.ts';
import type { AccountAnswer } from './log-answer.ts';
import { assertNoAlarm, noteClaim, requireOwnHead, standingOf } from './log-standing.ts';

const provider = nodeProvider;
const alice = randomUUID() as UserId;
const bob = randomUUID() as UserId;
const BROKEN = { code: 'key-log.broken' };
const COMPROMISED = { code: 'account.compromised' };

let log: KeyLogFixture;
let store: Store;
let mine: Identity;
let his: Identity;
let asked: string[];
let heard: [string, object][];
/** What the platform makes of its own answers. */
let lie: (answer: AccountAnswer, user: string) => AccountAnswer;
/** The identity that the platform hands out for Bob. */
let handedOut: Uint8Array;
let failure: Error | undefined;
let now: number;

beforeEach(async () => {
  log = makeKeyLog();
  store = openMemoryStore();
  [mine, his] = [makeIdentity(provider), makeIdentity(provider)];
  handedOut = his.publicKey;
  log.append(alice, mine.publicKey);
  log.append(bob, his.publicKey);
  asked = [];
  heard = [];
  lie = (answer) => answer;
  failure = undefined;
  now = 0;
  const [device, session] = [randomUUID() as DeviceId, randomUUID() as SessionId];
  const account = { user: alice, device, session, username: 'alice', isFirstDevice: true };
  await store.transaction(async (transaction) => {
    await putRecord(transaction, keys.account, [Account, account]);
    const peer = { user: bob, identityKey: his.publicKey, devices: [] };
    await putRecord(transaction, keys.peer(bob), [Peer, peer]);
  });
});

describe('our own leaf', () => {
  test('is asked for once a run, and again from the version known', async () => {
    const first = open();
    await first.needOwn();
    await first.needOwn();
    expect(asked).toEqual(['keys', 'account']);
    await open().needOwn();
    expect(asked).toEqual(['keys', 'account', 'account']);
    expect(await inStore(requireOwnHead)).toEqual(headOf(0));
  });

  test('that is of another key stops all sending, and says so at every start', async () => {
    await open().needOwn();
    log.append(alice, makeIdentity(provider).publicKey);
    for (let start = 1; start <= 2; start++) {
      await expect(open().needOwn()).rejects.toMatchObject(COMPROMISED);
      expect(heard).toEqual(
        Array(start).fill(['account-compromised', { cause: 'key-log.foreign' }]),
      );
    }
    await expect(inStore(assertNoAlarm)).rejects.toMatchObject(COMPROMISED);
    expect(await readAlarms(store)).toMatchObject({ general: 'account.compromised' });
    await expect(forgetKeyLog(store)).rejects.toMatchObject(COMPROMISED);
  });

  test('that is of another key at the first look is found by the device that made the account', async () => {
    log.append(alice, makeIdentity(provider).publicKey);
    await expect(open().needOwn()).rejects.toMatchObject(COMPROMISED);
  });

  test('is not ours when another was there between, even if the newest is', async () => {
    log.append(alice, makeIdentity(provider).publicKey);
    log.append(alice, mine.publicKey);
    await expect(open().needOwn()).rejects.toMatchObject(COMPROMISED);
  });

  test('that was taken out of the log is missed', async () => {
    await open().needOwn();
    failure = new ApiError('key.log-unknown');
    await expect(open().needOwn()).rejects.toMatchObject(BROKEN);
    expect(heard).toEqual([['key-log-broken', { cause: 'head.rolled-back' }]]);
  });

  test('must be seen once; after that a log out of reach stops nothing', async () => {
    failure = new ConnectionError('away');
    await expect(open().needOwn()).rejects.toBe(failure);
    failure = undefined;
    await open().needOwn();
    failure = new ConnectionError('away');
    await open().needOwn();
    expect(heard).toEqual([['trouble', { error: failure }]]);
  });
});

describe('the tree', () => {
  test('may grow, and nothing that was in it may change', async () => {
    await open().needOwn();
    for (let index = 0; index < 5; index++) {
      log.append(randomUUID(), makeIdentity(provider).publicKey);
      await open().needOwn();
    }
    expect(heard).toEqual([]);
    const other = log.fork();
    log.append(randomUUID(), his.publicKey);
    await open().needOwn();
    other.append(randomUUID(), mine.publicKey);
    other.append(randomUUID(), mine.publicKey);
    log = other;
    await expect(
      open().needContact({ user: bob, identityKey: his.publicKey }),
    ).rejects.toMatchObject(BROKEN);
    expect(heard).toEqual([['key-log-broken', { cause: 'proof.invalid' }]]);
    await expect(inStore(assertNoAlarm)).rejects.toMatchObject(BROKEN);
  });

  test('may not become smaller, nor be signed by another key', async () => {
    await open().needOwn();
    const smaller = log.fork();
    smaller.leaves.pop();
    lie = () => smaller.answer(alice, {});
    await expect(open().needOwn()).rejects.toMatchObject({ message: /head.rolled-back/ });
    await forgetKeyLog(store);
    await open().needOwn();
    const foreign = makeKeyLog();
    foreign.append(alice, mine.publicKey);
    lie = () => foreign.answer(alice, {});
    await expect(open().needOwn()).rejects.toMatchObject({ message: /signature.invalid/ });
  });

  test('without the leaf that it is said to hold is found out', async () => {
    lie = (answer) => ({ ...answer, leaves: [log.answer(bob, {}).leaves[0]!] });
    await expect(open().needOwn()).rejects.toMatchObject({ message: /proof.invalid/ });
  });

  test('is pinned anew once somebody has decided so', async () => {
    await open().needOwn();
    log = makeKeyLog();
    log.append(alice, mine.publicKey);
    await expect(open().needOwn()).rejects.toMatchObject(BROKEN);
    await expect(open().needOwn()).rejects.toMatchObject(BROKEN);
    await forgetKeyLog(store);
    await open().needOwn();
    await inStore(assertNoAlarm);
  });

  test('counts also with a witness who has signed an earlier one in the last hour', async () => {
    const witness = makeSigningKeyPair<'witness'>(provider);
    const size = log.leaves.length;
    log.append(randomUUID(), his.publicKey);
    log.append(randomUUID(), his.publicKey);
    const unwitnessed = { code: 'key-log.unwitnessed' };
    await expect(open([witness.publicKey]).needOwn()).rejects.toMatchObject(unwitnessed);
    log.signedBefore.push({ size, witness });
    now = 3_600_001;
    await expect(open([witness.publicKey]).needOwn()).rejects.toMatchObject(unwitnessed);
    now = 3_600_000;
    await open([witness.publicKey]).needOwn();
    // Under another name, or with a signature of another head, it is none.
    lie = (answer) => ({
      ...answer,
      earlier: answer.earlier?.map((it) => ({ ...it, signature: new Uint8Array(64) })),
    });
    const contact = { user: bob, identityKey: his.publicKey };
    await expect(open([witness.publicKey]).needContact(contact)).rejects.toMatchObject(unwitnessed);
    const other = makeSigningKeyPair<'witness'>(provider).publicKey;
    lie = (answer) => answer;
    await expect(open([other]).needContact(contact)).rejects.toMatchObject(unwitnessed);
  });

  test('that does not continue what a witness has signed is a fork', async () => {
    const witness = makeSigningKeyPair<'witness'>(provider);
    const other = log.fork();
    other.append(randomUUID(), mine.publicKey);
    other.signedBefore.push({ size: other.leaves.length, witness });
    const { earlier } = other.answer(alice, {});
    log.append(randomUUID(), his.publicKey);
    log.append(randomUUID(), his.publicKey);
    lie = (answer) => ({ ...answer, earlier });
    await expect(open([witness.publicKey]).needOwn()).rejects.toMatchObject(BROKEN);
  });

  test('counts only with every witness that the application asks for', async () => {
    const [one, two] = [0, 1].map(() => makeSigningKeyPair<'witness'>(provider));
    const witnesses = [one!.publicKey, two!.publicKey];
    log.witnesses.push(one!);
    const unwitnessed = { code: 'key-log.unwitnessed' };
    await expect(open(witnesses).needOwn()).rejects.toMatchObject(unwitnessed);
    log.witnesses.push(two!);
    await open(witnesses).needOwn();
    const forged = log.answer(bob, {}).cosignatures[0]!.signature;
    log.append(randomUUID(), his.publicKey);
    lie = (answer) => ({
      ...answer,
      cosignatures: answer.cosignatures.map((it) => ({ ...it, signature: forged })),
    });
    const contact = open(witnesses).needContact({ user: bob, identityKey: his.publicKey });
    await expect(contact).rejects.toMatchObject(unwitnessed);
  });
});

describe('a contact', () => {
  test('is asked for once, however many want to write to it', async () => {
    const keyLog = open();
    expect(await standing()).toBe('unproven');
    await Promise.all(
      [1, 2, 3].map(() => keyLog.needContact({ user: bob, identityKey: his.publicKey })),
    );
    expect(await standing()).toBe('proven');
    expect(asked).toEqual(['keys', 'account']);
  });

  test('whose identity in the log is another than the one handed out is not written to', async () => {
    const swapped = makeIdentity(provider).publicKey;
    handedOut = swapped;
    await expect(open().needContact({ user: bob, identityKey: swapped })).rejects.toMatchObject(
      BROKEN,
    );
    expect(heard).toEqual([['key-log-broken', { user: bob, cause: 'identity.changed' }]]);
    await expect(standing(swapped)).rejects.toMatchObject(BROKEN);
    await inStore(assertNoAlarm);
  });

  test('who has changed identity is warned about, and goes on from the leaf before', async () => {
    await open().needContact({ user: bob, identityKey: his.publicKey });
    const next = makeIdentity(provider).publicKey;
    log.append(bob, next);
    handedOut = next;
    await claim(headOf(2));
    expect(await standing()).toBe('doubtful');
    const changed = { code: 'identity.changed' };
    await expect(
      open().needContact({ user: bob, identityKey: his.publicKey }),
    ).rejects.toMatchObject(changed);
    expect(heard).toEqual([['identity-changed', { user: bob }]]);
    await open().needContact({ user: bob, identityKey: next });
    expect(await standing(next)).toBe('proven');
  });

  test('that was shown another log than we were is found out by its messages', async () => {
    await claim(headOf(1));
    log = makeKeyLog();
    log.append(alice, mine.publicKey);
    log.append(bob, his.publicKey);
    await expect(
      open().needContact({ user: bob, identityKey: his.publicKey }),
    ).rejects.toMatchObject(BROKEN);
    expect(heard).toEqual([['key-log-broken', { user: bob, cause: 'head.forked' }]]);
  });

  test('whose leaf is shown in place of another account is refused', async () => {
    await open().needOwn();
    lie = () => log.answer(alice, {});
    await expect(
      open().needContact({ user: bob, identityKey: his.publicKey }),
    ).rejects.toMatchObject(BROKEN);
    expect(heard).toEqual([['key-log-broken', { user: bob, cause: 'proof.invalid' }]]);
    expect(await readAlarms(store)).toMatchObject({ identityChanged: [], logBroken: [bob] });
  });

  test('that names a leaf which the log does not have is not written to any more', async () => {
    await open().needContact({ user: bob, identityKey: his.publicKey });
    await claim({ version: 2, hash: provider.randomBytes(32) });
    expect(await standing()).toBe('doubtful');
    await expect(
      open().needContact({ user: bob, identityKey: his.publicKey }),
    ).rejects.toMatchObject(BROKEN);
    expect(heard).toEqual([['key-log-broken', { user: bob, cause: 'head.forked' }]]);
  });

  test('that names its leaf before it was looked up is held to it', async () => {
    await claim(headOf(1));
    await open().needContact({ user: bob, identityKey: his.publicKey });
    expect(await standing()).toBe('proven');
    await claim(headOf(1));
    expect(await standing()).toBe('proven');
  });

  test('that names another leaf of one version, or an older one, is not believed', async () => {
    log.append(bob, makeIdentity(provider).publicKey);
    log.append(bob, his.publicKey);
    await open().needContact({ user: bob, identityKey: his.publicKey });
    await expect(claim(headOf(1))).rejects.toMatchObject({ code: 'head.rolled-back' });
    expect(await standing()).toBe('proven');
    const forked = { ...headOf(3), hash: provider.randomBytes(32) };
    await expect(claim(forked)).rejects.toMatchObject({ code: 'head.forked' });
    await expect(standing()).rejects.toMatchObject(BROKEN);
  });

  test('that is new is not written to while the log is out of reach; one that is known is', async () => {
    failure = new ConnectionError('away');
    await expect(open().needContact({ user: bob, identityKey: his.publicKey })).rejects.toBe(
      failure,
    );
    failure = undefined;
    await open().needContact({ user: bob, identityKey: his.publicKey });
    await claim({ version: 2, hash: provider.randomBytes(32) });
    failure = new ConnectionError('away');
    await open().needContact({ user: bob, identityKey: his.publicKey });
    expect(await standing()).toBe('proven');
    expect(heard).toEqual([['trouble', { error: failure }]]);
  });
});

function open(witnesses: Uint8Array[] = []): KeyLog {
  const events = createEvents();
  for (const name of [
    'account-compromised',
    'key-log-broken',
    'identity-changed',
    'trouble',
  ] as const) {
    events.on(name, (event) => heard.push([name, event]));
  }
  const local = {
    identity: mine,
    address: { user: alice, device: randomUUID() },
    registrationId: 1,
  };
  return createKeyLog({ store, provider, call, events, local, witnesses, clock: () => now });
}

/** The platform, as far as the key log needs it. */
const call = (async (endpoint: EndpointSpec, input: unknown) => {
  const { params, query } = input as { params: { user_id: string }; query: object };
  if (endpoint.id === getIdentity.id) return { identityKey: handedOut };
  if (endpoint.id === getKeyLogKeys.id) {
    asked.push('keys');
    return log.keys();
  }
  if (endpoint.id !== getKeyLogAccount.id) throw new Error(`unexpected ${endpoint.id}`);
  asked.push('account');
  if (failure !== undefined) throw failure;
  return lie(log.answer(params.user_id, query), params.user_id);
}) as Call;

function inStore<T>(work: Parameters<typeof store.transaction<T>>[0]): Promise<T> {
  return store.transaction(work);
}

function claim(head: Head): Promise<void> {
  // As a message does it: what is noted stays although the message is refused.
  return store
    .transaction((transaction) =>
      noteClaim(transaction, bob, head).then(
        () => undefined,
        (error: unknown) => error,
      ),
    )
    .then((error) => {
      if (error !== undefined) throw error;
    });
}

function standing(identityKey: Uint8Array = his.publicKey) {
  return inStore((transaction) => standingOf(transaction, bob, identityKey));
}

/** The head of the account whose leaf lies at an index of the log. */
function headOf(index: number): Head {
  const { user, leaf } = log.leaves[index]!;
  const version = log.leaves.slice(0, index + 1).filter((it) => it.user === user).length;
  return { version, hash: leafHashOf(provider, leaf) };
}
