/** That no identity is accepted which nobody has seen: it may change again while somebody compares. */
import { DeviceId, UserId } from '@sotto/api';
import { makeIdentity } from '@sotto/crypto';
import { nodeProvider } from '@sotto/crypto/node';
import { beforeEach, expect, test } from 'vitest';
import { getPeer, Peer } from '../account/records.ts';
import { ConnectionError } from '../errors.ts';
import { createEvents } from '../events.ts';
import { keys } from '../store/key-space.ts';
import type { Store } from '../store/store.ts';
import { openMemoryStore } from '../store/store-memory.ts';
import { putRecord } from '../store/stored-record.ts';
import { acceptIdentity, compareIdentities } from './compared-identity.ts';
import type { PeerDeps } from './peers.ts';

const ME = UserId.parse('018f0000-0000-7000-8000-00000000000a');
const BOB = UserId.parse('018f0000-0000-7000-8000-00000000000b');
const DEVICE = DeviceId.parse('018f0000-0000-7000-8000-00000000000d');
const NOW = 1_800_000_000_000;
const [FIRST, SECOND, THIRD] = [newKey(), newKey(), newKey()];

let store: Store;
let deps: PeerDeps;

beforeEach(async () => {
  store = openMemoryStore();
  deps = {
    store,
    provider: nodeProvider,
    call: () => Promise.reject(new ConnectionError('nothing is to be asked for here')),
    events: createEvents(),
    clock: () => NOW,
    local: {
      identity: makeIdentity(nodeProvider),
      address: { user: ME, device: DEVICE },
      registrationId: 1,
    },
  };
  await know({ identityKey: FIRST, changedTo: SECOND });
});

test('what changes again while somebody compares is not accepted', async () => {
  const { digits } = await compareIdentities(deps, BOB);
  await know({ identityKey: FIRST, changedTo: THIRD });
  await expect(accept(digits)).rejects.toMatchObject({ code: 'identity.changed' });
  expect(await known()).toMatchObject({ identityKey: FIRST, changedTo: THIRD, devices: [DEVICE] });
});

test('the number of before is not that of the identity that waits', async () => {
  await know({ identityKey: FIRST });
  const { digits } = await compareIdentities(deps, BOB);
  await know({ identityKey: FIRST, changedTo: SECOND });
  await expect(accept(digits)).rejects.toMatchObject({ code: 'identity.changed' });
});

test('the one that was shown is accepted, and doing it again changes nothing', async () => {
  const { digits } = await compareIdentities(deps, BOB);
  const accepted = { user: BOB, identityKey: SECOND, devices: [], acceptedAt: NOW };
  for (const shown of [digits, digits, undefined]) {
    await accept(shown);
    expect(await known()).toEqual(accepted);
  }
  await know({ identityKey: THIRD });
  await expect(accept(digits)).rejects.toMatchObject({ code: 'identity.changed' });
});

function accept(shown: string | undefined): Promise<void> {
  return acceptIdentity(deps, { user: BOB, shown, now: NOW });
}

function know(peer: Pick<Peer, 'identityKey' | 'changedTo'>): Promise<void> {
  const record = { user: BOB, devices: [DEVICE], ...peer };
  return store.transaction((transaction) => putRecord(transaction, keys.peer(BOB), [Peer, record]));
}

const known = () => store.transaction((transaction) => getPeer(transaction, BOB));

function newKey(): Uint8Array {
  return makeIdentity(nodeProvider).publicKey;
}
