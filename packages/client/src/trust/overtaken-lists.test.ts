/** Device lists that are overtaken by newer ones on their way: answers cross, and nobody has lied. */
import { type Answer, type Bundle, DeviceId, type EndpointSpec, UserId } from '@sotto/api';
import { makeIdentity, makeSignedPrekey, SUITE_CLASSIC, signDeviceList } from '@sotto/crypto';
import { nodeProvider } from '@sotto/crypto/node';
import { beforeEach, expect, test, vi } from 'vitest';
import { getPeer } from '../account/records.ts';
import type { Call } from '../connection/call.ts';
import { createEvents } from '../events.ts';
import { openMemoryStore } from '../store/store-memory.ts';
import { readNotices } from './notices.ts';
import { type ListDeps, learnList, refreshList } from './peer-lists.ts';
import { meetPeers } from './peers.ts';

const identity = makeIdentity(nodeProvider);
const user = UserId.parse(crypto.randomUUID());
const device = DeviceId.parse(crypto.randomUUID());
const entry = { device, deviceKey: new Uint8Array(32), registrationId: 1 };
const first = sign();
const second = sign(first.head);

/** What the platform answers in turn, each after what happens meanwhile. */
let answers: { list: Uint8Array; meanwhile?: () => Promise<unknown> }[];
let deps: ListDeps;
const warned = vi.fn();

beforeEach(async () => {
  warned.mockClear();
  const address = { user: crypto.randomUUID(), device: crypto.randomUUID() };
  const events = createEvents();
  events.on('device-list-warning', warned);
  deps = {
    store: openMemoryStore(),
    provider: nodeProvider,
    local: { identity: makeIdentity(nodeProvider), address, registrationId: 2 },
    clock: () => Date.now(),
    events,
    call: answerNext,
  };
  answers = [{ list: first.encoded }];
  await meetPeers(deps, [{ user }]);
});

test('a bundle with one is asked for once more', async () => {
  answers = [{ list: first.encoded, meanwhile: learnSecond }, { list: second.encoded }];
  await meetPeers(deps, [{ user, device }]);
  expect(answers).toEqual([]);
  await expectSecond();
});

test('a bundle that has an old one each time is refused', async () => {
  answers = [{ list: first.encoded, meanwhile: learnSecond }, { list: first.encoded }];
  const rolledBack = { code: 'head.rolled-back' };
  await expect(meetPeers(deps, [{ user, device }])).rejects.toMatchObject(rolledBack);
  expect(warned.mock.calls).toEqual([[{ user, warning: 'refused' }]]);
});

test('one that was read is passed over, and refused when it comes again', async () => {
  answers = [{ list: first.encoded, meanwhile: learnSecond }, { list: first.encoded }];
  await refreshList(deps, user);
  await expectSecond();
  await expect(refreshList(deps, user)).rejects.toMatchObject({ code: 'head.rolled-back' });
  expect(warned).toHaveBeenCalledOnce();
});

async function expectSecond(): Promise<void> {
  expect(warned).not.toHaveBeenCalled();
  expect(await readNotices(deps.store)).toEqual([]);
  const peer = await deps.store.transaction((transaction) => getPeer(transaction, user));
  expect(peer).toMatchObject({ devices: [device], list: { version: 2 } });
}

function learnSecond(): Promise<unknown> {
  const handedOut = { user, identityKey: identity.publicKey, encoded: second.encoded };
  return deps.store.transaction((transaction) => learnList(deps, transaction, handedOut));
}

const answerNext: Call = async <E extends EndpointSpec>(endpoint: E) => {
  const { list, meanwhile } = answers.shift() ?? expect.fail('nothing more is to be asked');
  await meanwhile?.();
  return (endpoint.id === 'getDeviceList' ? { list } : bundleWith(list)) as Answer<E>;
};

function bundleWith(deviceList: Uint8Array): Bundle {
  const made = makeSignedPrekey(nodeProvider, identity, { id: 1, suites: [SUITE_CLASSIC] });
  const { id, suites, signature, keyPair } = made;
  const signedPrekey = { id, suites: [...suites], signature, publicKey: keyPair.publicKey };
  const devices = [{ device, registrationId: entry.registrationId, signedPrekey }];
  return { user, identityKey: identity.publicKey, deviceList, devices };
}

function sign(previous?: ReturnType<typeof signDeviceList>['head']) {
  const next = { user, time: Date.now(), devices: [entry], previous };
  return signDeviceList(nodeProvider, identity, next);
}
