/** Another identity for an account: what goes, what comes, who is told, and that all of it happens at once. */
import {
  getBundle,
  getDeviceList,
  getIdentity,
  getKeyLogAccount,
  getKeyLogKeys,
  publishSignedPrekey,
  replaceIdentity,
} from '@sotto/api';
import { type Event, type EventSubject, findIdentity } from '@sotto/api/internal';
import { type Head, makeIdentity } from '@sotto/crypto';
import { nodeProvider } from '@sotto/crypto/node';
import { blindAccount, decodeKeyLogLeaf, digestKey, leafHashOf } from '@sotto/crypto/verify';
import { consumeEvent } from '@sotto/runtime';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import {
  deviceList,
  linkedDevice,
  newOwner,
  type Owner,
  type Publisher,
  publisherOn,
  signedPrekey,
} from './owner.fixture.ts';
import { type Asker, newDevice, type Platform, startPlatform } from './platform.fixture.ts';
import { newProvingKey } from './proving.fixture.ts';

let platform: Platform;
let publish: Publisher;

beforeAll(async () => {
  platform = await startPlatform();
  publish = publisherOn(platform);
});
afterAll(() => platform.close());

/** An account whose list has one version. */
async function account() {
  const owner = newOwner();
  await publish.all(owner, 20);
  return { owner };
}

function replacementOf(owner: Owner, { previous, id = 2 }: { previous: Head; id?: number }) {
  const next = { ...owner, identity: makeIdentity(nodeProvider) };
  const list = deviceList([next], { previous });
  return {
    next,
    head: list.head,
    body: {
      identityKey: next.identity.publicKey as Uint8Array,
      registrationId: 7,
      signedPrekey: signedPrekey(next, id),
      deviceList: list.encoded,
    },
  };
}

/** The head of the newest list that the platform has. */
async function headOf(owner: Owner): Promise<Head> {
  const row = await platform.database.query
    .selectFrom('device_lists')
    .select(['version', 'hash'])
    .where('user_id', '=', owner.user)
    .executeTakeFirstOrThrow();
  return row;
}

const fresh = (owner: Owner): Asker => ({
  ...{ user: owner.user, device: owner.device, authenticatedAt: Date.now() },
});

/** What was published of a subject so far, and from now on. */
async function heard<S extends EventSubject>(subject: S): Promise<Event<S>[]> {
  const events: Event<S>[] = [];
  await consumeEvent(
    platform.bus,
    `test-${Math.floor(performance.now() * 1000)}`,
    subject,
    async (event) => {
      events.push(event);
    },
  );
  return events;
}

const byUser = (user: string) => ({ params: { user_id: user } });

test('the account has the new identity, this device alone, and no key of before', async () => {
  const owner = newOwner();
  await publish.all(owner, 20);
  const second = linkedDevice(owner);
  await publish.all(second, 20);
  const { body, next } = replacementOf(owner, { previous: await headOf(owner) });
  const answer = await platform.call(replaceIdentity, fresh(owner), { body });
  expect(answer.identityKey).toEqual(next.identity.publicKey);
  const params = { user_id: owner.user };
  const now = await platform.call(findIdentity, 'service', { params });
  expect(now.identityKey).toEqual(next.identity.publicKey);
  const bundle = await platform.call(getBundle, newDevice(), byUser(owner.user));
  expect(bundle.identityKey).toEqual(next.identity.publicKey);
  expect(bundle.deviceList).toEqual(body.deviceList);
  expect(bundle.devices.map(({ device }) => device)).toEqual([owner.device]);
  expect(bundle.devices[0]?.signedPrekey).toEqual(body.signedPrekey);
  expect(bundle.devices[0]?.oneTimePrekey).toBeUndefined();
  for (const table of ['one_time_prekeys', 'signed_prekeys'] as const) {
    const rows = await platform.database.query
      .selectFrom(table)
      .select('device_id')
      .where('device_id', 'in', [owner.device, second.device])
      .execute();
    expect(rows).toHaveLength(table === 'signed_prekeys' ? 1 : 0);
  }
  // The other device comes back with keys under the new identity.
  const back = { ...second, identity: next.identity };
  await publish.identity(back);
  await publish.signed(back, signedPrekey(back, 2));
  const both = deviceList([next, back], { previous: await headOf(owner) });
  expect(await publish.list(next, both.encoded)).toMatchObject({ version: 4, complete: true });
});

test('the key log has a leaf for it, which follows on the one before', async () => {
  const { owner } = await account();
  const { body } = replacementOf(owner, { previous: await headOf(owner) });
  await platform.call(replaceIdentity, fresh(owner), { body });
  const { blindingKey } = await platform.call(getKeyLogKeys, owner);
  const { leaves } = await platform.call(getKeyLogAccount, newDevice(), byUser(owner.user));
  const [first, second] = leaves;
  if (first === undefined || second === undefined) throw new Error('there are not two leaves');
  expect(decodeKeyLogLeaf(second)).toEqual({
    type: 'account',
    account: blindAccount(nodeProvider, blindingKey, owner.user),
    version: 2,
    previousHash: leafHashOf(nodeProvider, first),
    keyDigest: digestKey(nodeProvider, blindingKey, {
      user: owner.user,
      identityKey: body.identityKey as never,
    }),
  });
});

test('contacts, the message service and the audit log are told', async () => {
  const { owner } = await account();
  const [changed, lists, audit] = await Promise.all([
    heard('events.identity.changed'),
    heard('events.device-list.changed'),
    heard('events.audit.noted'),
  ]);
  const { body } = replacementOf(owner, { previous: await headOf(owner) });
  await platform.call(replaceIdentity, fresh(owner), { body });
  const { user, device } = owner;
  const told = { user, version: 2, devices: [device] };
  expect(platform.message.applied).toContainEqual(told);
  await vi.waitFor(() => {
    expect(changed).toContainEqual({ user, version: 2 });
    expect(lists).toContainEqual(told);
    const entries = audit.flatMap((noted) => noted.entries).filter((entry) => entry.user === user);
    expect(entries).toContainEqual(
      expect.objectContaining({ action: 'identity.replaced', device }),
    );
  }, 20_000);
});

test('the same again changes nothing, on any process', async () => {
  const { owner } = await account();
  const { body } = replacementOf(owner, { previous: await headOf(owner) });
  const first = await platform.call(replaceIdentity, fresh(owner), { body });
  expect(await platform.call(replaceIdentity, fresh(owner), { body, process: 1 })).toEqual(first);
  const { leaves } = await platform.call(getKeyLogAccount, owner, byUser(owner.user));
  expect(leaves).toHaveLength(2);
});

test('of two that come at once one wins, and the other is told', async () => {
  const { owner } = await account();
  const previous = await headOf(owner);
  const bodies = [replacementOf(owner, { previous }), replacementOf(owner, { previous })];
  const outcomes = await Promise.allSettled(
    bodies.map(({ body }, process) =>
      platform.call(replaceIdentity, fresh(owner), { body, process }),
    ),
  );
  const failed = outcomes.filter((outcome) => outcome.status === 'rejected');
  expect(failed.map(({ reason }) => String(reason))).toEqual([
    expect.stringMatching(/key\.(list|id)-conflict/),
  ]);
  const { leaves } = await platform.call(getKeyLogAccount, owner, byUser(owner.user));
  expect(leaves).toHaveLength(2);
});

test('neither an old log-in nor an unproven request may do it', async () => {
  const { owner } = await account();
  const { body } = replacementOf(owner, { previous: await headOf(owner) });
  const { user, device } = owner;
  for (const authenticatedAt of [Date.now() - 301_000, undefined]) {
    const asker = { user, device, ...(authenticatedAt !== undefined && { authenticatedAt }) };
    const problem = await platform.call.problem(replaceIdentity, asker, { body });
    expect(problem.code).toBe('auth.fresh-needed');
  }
  const { identityKey } = await platform.call(getIdentity, owner, byUser(user));
  expect(identityKey).toEqual(owner.identity.publicKey);
});

test('a signed request does it for a device that is on the list, and for no other', async () => {
  const { owner } = await account();
  const previous = await headOf(owner);
  // Added with a stolen password that is known no more: it has a key, and tokens that are bound to it.
  const thief = linkedDevice(owner);
  const stolen = replacementOf(thief, { previous, id: 1 });
  const asker = { ...thief, provingKey: newProvingKey() };
  const refused = await platform.call.problem(replaceIdentity, asker, { body: stolen.body });
  expect(refused.code).toBe('auth.fresh-needed');
  // Having published keys does not put it on the list.
  await publish.identity(thief);
  await publish.signed(thief);
  const again = replacementOf(thief, { previous });
  const still = await platform.call.problem(replaceIdentity, asker, { body: again.body });
  expect(still.code).toBe('auth.fresh-needed');
  const { body } = replacementOf(owner, { previous });
  const own = { user: owner.user, device: owner.device, provingKey: newProvingKey() };
  const { identityKey } = await platform.call(replaceIdentity, own, { body });
  expect(identityKey).toEqual(body.identityKey);
});

test('what does not fit is refused, and nothing of it stays', async () => {
  const { owner } = await account();
  const previous = await headOf(owner);
  const { body, next } = replacementOf(owner, { previous });
  const other = linkedDevice(next);
  const refusals: [string, Partial<typeof body>][] = [
    ['key.key-invalid', { identityKey: new Uint8Array(32) }],
    ['key.signature-invalid', { signedPrekey: signedPrekey(owner, 2) }],
    ['key.signature-invalid', { deviceList: deviceList([owner], { previous }).encoded }],
    ['key.list-invalid', { deviceList: deviceList([next, other], { previous }).encoded }],
    ['key.list-invalid', { deviceList: deviceList([other], { previous }).encoded }],
    ['key.list-invalid', { deviceList: new Uint8Array(200) }],
    [
      'key.list-invalid',
      { deviceList: deviceList([next], { previous, registrationId: 8 }).encoded },
    ],
    ['key.list-conflict', { deviceList: deviceList([next]).encoded }],
    ['key.id-conflict', { registrationId: 8 }],
    ['key.id-conflict', { signedPrekey: signedPrekey(next, 1) }],
  ];
  for (const [code, wrong] of refusals) {
    const input = { body: { ...body, ...wrong } };
    expect((await platform.call.problem(replaceIdentity, fresh(owner), input)).code).toBe(code);
  }
  const bundle = await platform.call(getBundle, newDevice(), byUser(owner.user));
  expect(bundle.identityKey).toEqual(owner.identity.publicKey);
  expect(bundle.devices[0]?.oneTimePrekey).toBeDefined();
  const { leaves } = await platform.call(getKeyLogAccount, owner, byUser(owner.user));
  expect(leaves).toHaveLength(1);
  const { list } = await platform.call(getDeviceList, owner, byUser(owner.user));
  expect(list).not.toEqual(body.deviceList);
});

test('an account without an identity has none to replace', async () => {
  const owner = newOwner();
  const { encoded } = deviceList([owner]);
  const body = {
    ...{ identityKey: owner.identity.publicKey, registrationId: 7, deviceList: encoded },
    signedPrekey: signedPrekey(owner),
  };
  const problem = await platform.call.problem(replaceIdentity, fresh(owner), { body });
  expect(problem.code).toBe('key.identity-missing');
});

test('a signed prekey of the old identity that was on its way comes too late', async () => {
  const { owner } = await account();
  const { body } = replacementOf(owner, { previous: await headOf(owner) });
  const late = Array.from({ length: 8 }, (_, index) => signedPrekey(owner, 3 + index));
  await Promise.allSettled([
    platform.call(replaceIdentity, fresh(owner), { body }),
    ...late.map((prekey) =>
      platform.call(publishSignedPrekey, owner, { body: prekey, process: 1 }),
    ),
  ]);
  const { identityKey, devices } = await platform.call(getBundle, newDevice(), byUser(owner.user));
  const ours = late.some(({ id }) => id === devices[0]?.signedPrekey.id);
  // Either the replacement came after them all and was refused for its id, or none of them outlived it.
  expect(Buffer.from(identityKey).equals(owner.identity.publicKey)).toBe(ours);
});
