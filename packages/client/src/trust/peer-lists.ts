/**
 * Other accounts' device lists: what they sign decides which of their devices we encrypt for, and what was seen once is
 * not taken back. A list that is not the account's, or older than one seen, is refused, and nothing is sent.
 */
import { type Bundle, getDeviceList, type UserId } from '@sotto/api';
import {
  CryptoError,
  checkFollows,
  compareHeads,
  type DeviceList,
  type DeviceListHead,
  type Head,
  type LocalParty,
  type VerifiedDeviceList,
  verifyDeviceList,
  verifyingKey,
} from '@sotto/crypto';
import { fetchOwnList, learnOwnList, ownListHead } from '../account/own-list.ts';
import { getPeer, Peer, sameBytes } from '../account/records.ts';
import type { Call } from '../connection/call.ts';
import { ClientError } from '../errors.ts';
import type { Events } from '../events.ts';
import { keys } from '../store/key-space.ts';
import type { Store, StoreTransaction } from '../store/store.ts';
import { putRecord } from '../store/stored-record.ts';
import { noteIdentity } from './changed-identity.ts';
import { noteNotice } from './notices.ts';
import type { SessionsDeps } from './sessions.ts';

export interface ListDeps extends SessionsDeps {
  readonly store: Store;
  readonly call: Call;
  readonly events: Events;
}

/** A list as the platform hands it out, and the identity that is to have signed it. */
export interface HandedOutList {
  readonly user: UserId;
  readonly identityKey: Uint8Array;
  readonly encoded: Uint8Array;
}

/** Holds a list against the account and the identity. Throws `CryptoError`: `signature.invalid`, `encoding.*`. */
export function verifyList(
  { provider, clock }: Pick<SessionsDeps, 'provider' | 'clock'>,
  { user, identityKey, encoded }: HandedOutList,
): VerifiedDeviceList {
  const signer = verifyingKey<'identity'>(identityKey);
  const expected = { user, identityKey: signer, previous: undefined, now: clock() };
  return verifyDeviceList(provider, encoded, expected);
}

/**
 * Holds a list against the account, the identity and what was seen of it, and takes it in. What {@link verifyList} made of
 * it may be given. Throws `CryptoError`: `signature.invalid`, `head.rolled-back`, `head.forked`, `encoding.*`; nothing has
 * changed then.
 */
export async function learnList(
  deps: SessionsDeps,
  transaction: StoreTransaction,
  { verified: known, ...handedOut }: HandedOutList & { readonly verified?: VerifiedDeviceList },
): Promise<VerifiedDeviceList> {
  const { user, identityKey, encoded } = handedOut;
  if (user === deps.local.address.user) return learnOwnList(deps, transaction, encoded);
  const peer = await getPeer(transaction, user);
  const verified = known ?? verifyList(deps, handedOut);
  checkFollows(verified, peer?.list);
  const { list, head } = verified;
  // What the contact's own device has said of its list is as good as having seen it.
  if (peer?.claimedList !== undefined) compareHeads(peer.claimedList, head);
  const named = new Set(list.devices.map(({ device }) => device));
  const devices = peer?.devices.filter((device) => named.has(device)) ?? [];
  const { claimedList: _, ...kept } = peer ?? { user, identityKey, devices };
  const seen = { version: head.version, hash: head.hash };
  await putRecord(transaction, keys.peer(user), [Peer, { ...kept, devices, list: seen }]);
  return verified;
}

/** The newest version of an account's list that is known here, or that a device of it has named; 0 for none. */
export async function knownVersion(
  transaction: StoreTransaction,
  local: LocalParty,
  user: UserId,
): Promise<number> {
  const seen = (await headOf(transaction, local, user))?.version ?? 0;
  if (user === local.address.user) return seen;
  const { claimedList } = (await getPeer(transaction, user)) ?? {};
  return Math.max(seen, claimedList?.version ?? 0);
}

/** What versions of a list were known when it was asked for, and are now that it is here. */
export interface KnownVersions {
  readonly asked: number;
  readonly now: number;
}

/**
 * Whether a list was new enough when it was asked for, and a newer one has come while it was on its way: nobody has done
 * wrong.
 */
export function isOvertaken({ version }: DeviceList, { asked, now }: KnownVersions): boolean {
  return version >= asked && version < now;
}

/** Throws `device.unlisted` unless the list names every device of the bundle, as the device that it was. */
export function assertListed(list: DeviceList, devices: Bundle['devices']): void {
  for (const { device, registrationId } of devices) {
    const entry = list.devices.find((listed) => listed.device === device);
    if (entry?.registrationId !== registrationId) {
      throw new ClientError('device.unlisted', 'the account has not signed this device');
    }
  }
}

/**
 * Reads a user's newest list from the platform; devices that it does not name get nothing any more. Nothing happens for
 * a user whom we have not met, nor when a newer list has come meanwhile, nor for the list of another identity of theirs
 * that nobody has accepted yet: accepting it has the list read anew. Throws as {@link learnList}, after an event, and
 * what calls throw.
 */
export async function refreshList(deps: ListDeps, user: UserId): Promise<void> {
  const { store, local } = deps;
  if (user === local.address.user) return fetchOwnList(deps);
  const asked = await store.transaction(async (transaction) => {
    const isMet = (await getPeer(transaction, user)) !== undefined;
    return isMet ? knownVersion(transaction, local, user) : undefined;
  });
  if (asked === undefined) return;
  const { list: encoded } = await deps.call(getDeviceList, { params: { user_id: user } });
  const read = { user, encoded, asked };
  const warning = await warned(deps, user, async () => {
    try {
      return await takeNewest(deps, read);
    } catch (error) {
      if (await isOfNextIdentity(deps, read, error)) return undefined;
      throw error;
    }
  });
  if (warning !== undefined) deps.events.emit('device-list-warning', { user, warning });
}

/** A list as it was read, and the version that was known before. */
interface ReadList extends Pick<HandedOutList, 'user' | 'encoded'> {
  readonly asked: number;
}

/** Takes a list in, unless a newer one has come meanwhile; the outcome is what is to be warned of. */
function takeNewest(
  deps: ListDeps,
  { user, encoded, asked }: ReadList,
): Promise<VerifiedDeviceList['warning']> {
  return deps.store.transaction(async (transaction) => {
    const peer = await getPeer(transaction, user);
    if (peer === undefined) throw new ClientError('answer.invalid', 'the contact is gone');
    const handedOut = { user, identityKey: peer.identityKey, encoded };
    const verified = verifyList(deps, handedOut);
    const now = await knownVersion(transaction, deps.local, user);
    if (isOvertaken(verified.list, { asked, now })) return undefined;
    const { warning } = await learnList(deps, transaction, { ...handedOut, verified });
    if (warning !== undefined) {
      await noteNotice(transaction, { kind: 'device-list-warning', user, warning });
    }
    return warning;
  });
}

/**
 * Whether a list was refused only because it is of another identity of the contact, which waits for a person. The list may
 * be heard of before the identity is, so that is asked for. Throws what calls throw.
 */
async function isOfNextIdentity(
  deps: ListDeps,
  { user, encoded }: ReadList,
  refusal: unknown,
): Promise<boolean> {
  if (!isForged(refusal)) return false;
  await noteIdentity(deps, user);
  const peer = await deps.store.transaction((transaction) => getPeer(transaction, user));
  if (peer === undefined) return false;
  try {
    // Somebody may have accepted it meanwhile.
    verifyList(deps, { user, identityKey: peer.changedTo ?? peer.identityKey, encoded });
    return true;
  } catch (error) {
    if (isForged(error)) return false;
    throw error;
  }
}

function isForged(error: unknown): boolean {
  return error instanceof CryptoError && error.code === 'signature.invalid';
}

/** The work's outcome; tells of a list that it refuses. */
export async function warned<T>(
  { store, events }: Pick<ListDeps, 'store' | 'events'>,
  user: UserId,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const isRefusal =
      error instanceof CryptoError ||
      (error instanceof ClientError && error.code === 'device.unlisted');
    if (isRefusal) {
      const warning = 'refused';
      await store.transaction((transaction) =>
        noteNotice(transaction, { kind: 'device-list-warning', user, warning }),
      );
      events.emit('device-list-warning', { user, warning });
    }
    throw error;
  }
}

/** Whether a contact's list is to be read before anything is encrypted for it. */
export function isListDoubtful({ list, claimedList }: Peer): boolean {
  return list === undefined || claimedList !== undefined;
}

/**
 * Takes down the list that a contact's device names in its message as its own account's. Throws `head.forked` for
 * another one of a version that was seen. An older one only says that the device has not heard of the newer one yet.
 */
export async function noteListClaim(
  transaction: StoreTransaction,
  user: UserId,
  heads: readonly DeviceListHead[],
): Promise<void> {
  const claimed = heads.find((head) => head.user === user);
  const peer = await getPeer(transaction, user);
  if (claimed === undefined || peer === undefined) return;
  const seen = peer.claimedList ?? peer.list;
  if (seen !== undefined && claimed.version < seen.version) return;
  if (seen !== undefined && isSameHead(seen, claimed)) return;
  const claimedList = { version: claimed.version, hash: claimed.hash };
  await putRecord(transaction, keys.peer(user), [Peer, { ...peer, claimedList }]);
  // Kept all the same: before the next send the platform has to show a list that both have seen.
  compareHeads(seen, claimed);
}

function isSameHead(one: Head, other: Head): boolean {
  return one.version === other.version && sameBytes(one.hash, other.hash);
}

/** The heads of the lists that a message to these users was encrypted for. */
export async function listHeads(
  transaction: StoreTransaction,
  local: LocalParty,
  users: readonly UserId[],
): Promise<DeviceListHead[]> {
  const heads: DeviceListHead[] = [];
  for (const user of users) {
    const head = await headOf(transaction, local, user);
    if (head !== undefined) heads.push({ user, version: head.version, hash: head.hash });
  }
  return heads;
}

async function headOf(
  transaction: StoreTransaction,
  local: LocalParty,
  user: UserId,
): Promise<Head | undefined> {
  if (user === local.address.user) return ownListHead(transaction);
  return (await getPeer(transaction, user))?.list;
}
