/** Whom we encrypt for: the devices of other accounts and our other own ones, and the identity each account is known by. */
import { type Bundle, type DeviceId, getBundle, getIdentity, type UserId } from '@sotto/api';
import {
  type LocalParty,
  type Provider,
  type SafetyNumber,
  safetyNumber,
  type VerifiedBundle,
  verifyBundle,
  verifyingKey,
} from '@sotto/crypto';
import type { Call } from './call.ts';
import { ClientError } from './errors.ts';
import type { Events } from './events.ts';
import { getRecord, keys, Peer, putRecord, sameBytes } from './records.ts';
import { openSessions, type SessionsDeps } from './sessions.ts';
import type { Store, StoreTransaction } from './store.ts';

export interface PeerDeps extends SessionsDeps {
  readonly store: Store;
  readonly call: Call;
  readonly events: Events;
}

/** What is missing before something can be encrypted: all devices of a user, or some. */
export interface Wanted {
  readonly user: UserId;
  /** Absent: whatever devices the user has. */
  readonly device?: DeviceId;
}

/**
 * Fetches bundles and starts sessions from them. Throws `identity.changed` (after an event of that name) when the
 * platform hands out another identity than the pinned one, `answer.invalid` for a bundle of somebody else or of no
 * devices, `CryptoError` for an unsound one, and what calls throw. A device that was asked for and does not come is
 * forgotten.
 */
export async function meetPeers(deps: PeerDeps, wanted: readonly Wanted[]): Promise<void> {
  for (const { user, device } of wanted) {
    const input = { params: { user_id: user }, ...(device && { query: { device } }) };
    const bundle = await deps.call(getBundle, input);
    const isEmpty = device === undefined && bundle.devices.length === 0;
    if (bundle.user !== user || isEmpty) {
      throw new ClientError('answer.invalid', 'the bundle is not the one asked for');
    }
    await learnBundle(deps, bundle, device);
  }
}

/** The other account as it is known, or undefined. */
export function getPeer(transaction: StoreTransaction, user: UserId): Promise<Peer | undefined> {
  return getRecord(transaction, keys.peer(user), Peer);
}

/**
 * The identity that an account is held to, undefined before one has met it. Our own account is held to our own key:
 * it is never learned, so the platform cannot invent a device of ours.
 */
export async function pinnedIdentity(
  transaction: StoreTransaction,
  local: LocalParty,
  user: UserId,
): Promise<Uint8Array | undefined> {
  if (user === local.address.user) return local.identity.publicKey;
  return (await getPeer(transaction, user))?.identityKey;
}

/** Those whom we do not encrypt for yet. */
export async function unmet(
  transaction: StoreTransaction,
  devices: readonly Required<Wanted>[],
): Promise<Wanted[]> {
  const found: Wanted[] = [];
  for (const { user, device } of devices) {
    const peer = await getPeer(transaction, user);
    if (!peer?.devices.includes(device)) found.push({ user, device });
  }
  return found;
}

/** Drops devices that the platform does not know any more. */
export async function forgetDevices(
  transaction: StoreTransaction,
  users: readonly UserId[],
  devices: readonly string[],
): Promise<void> {
  for (const user of users) {
    const peer = await getPeer(transaction, user);
    if (peer === undefined) continue;
    const kept = peer.devices.filter((device) => !devices.includes(device));
    await putRecord(transaction, keys.peer(user), [Peer, { ...peer, devices: kept }]);
  }
}

interface Met {
  readonly device: DeviceId;
  readonly bundle: VerifiedBundle;
}

async function learnBundle(
  deps: PeerDeps,
  bundle: Bundle,
  wanted: DeviceId | undefined,
): Promise<void> {
  const isOwn = bundle.user === deps.local.address.user;
  const met = verifyDevices(deps.provider, bundle, deps.local.address.device);
  const isTrusted = await deps.store.transaction(async (transaction) => {
    const known = await getPeer(transaction, bundle.user);
    const pinned = await pinnedIdentity(transaction, deps.local, bundle.user);
    if (pinned && !sameBytes(pinned, bundle.identityKey)) {
      // There is no other identity of our own to accept.
      if (known && !isOwn) {
        const changed = { ...known, changedTo: bundle.identityKey };
        await putRecord(transaction, keys.peer(bundle.user), [Peer, changed]);
      }
      return false;
    }
    const others = wanted ? known?.devices.filter((device) => device !== wanted) : [];
    await keepDevices(deps, transaction, { bundle, met, others: others ?? [] });
    return true;
  });
  if (isTrusted) return;
  deps.events.emit('identity-changed', { user: bundle.user });
  throw new ClientError('identity.changed', 'a contact has another identity key than before');
}

function verifyDevices(provider: Provider, bundle: Bundle, ownDevice: string): Met[] {
  const { identityKey } = bundle;
  return bundle.devices
    .filter(({ device }) => device !== ownDevice)
    .map(({ device, ...keysOfDevice }) => ({
      device,
      bundle: verifyBundle(provider, { identityKey, ...keysOfDevice }),
    }));
}

async function keepDevices(
  deps: PeerDeps,
  transaction: StoreTransaction,
  { bundle, met, others }: { bundle: Bundle; met: readonly Met[]; others: readonly DeviceId[] },
): Promise<void> {
  const { user, identityKey } = bundle;
  const devices = [...new Set([...others, ...met.map(({ device }) => device)])];
  await putRecord(transaction, keys.peer(user), [Peer, { user, identityKey, devices }]);
  const sessions = openSessions(transaction, deps);
  for (const { device, bundle: verified } of met) {
    await sessions.start({ user, device }, verified, identityKey);
  }
  await sessions.save();
}

/** Takes the identity that the platform handed out last as the contact's own. No-op when nothing has changed. */
export function acceptIdentity(store: Store, user: UserId): Promise<void> {
  return store.transaction(async (transaction) => {
    const peer = await getPeer(transaction, user);
    if (peer?.changedTo === undefined) return;
    // Devices are asked for anew: whose sessions belong to the old identity, they are of no use.
    const accepted = { user, identityKey: peer.changedTo, devices: [] };
    await putRecord(transaction, keys.peer(user), [Peer, accepted]);
  });
}

/** The safety number with another account, by the identity that it is known by or has changed to. */
export async function compareIdentities(deps: PeerDeps, user: UserId): Promise<SafetyNumber> {
  const { provider, local, store, call } = deps;
  const known = await store.transaction((transaction) => getPeer(transaction, user));
  const identityKey =
    known?.changedTo ??
    known?.identityKey ??
    (await call(getIdentity, { params: { user_id: user } })).identityKey;
  const own = { user: local.address.user, identityKey: local.identity.publicKey };
  const remote = { user, identityKey: verifyingKey<'identity'>(identityKey) };
  return safetyNumber(provider, { local: own, remote });
}
