/**
 * The account's own device list: this device puts itself on it, signs it anew each week, and follows what its other
 * devices sign. Every version is in the store before it leaves, so that a lost answer is followed by the same bytes.
 */
import {
  bytes,
  DEVICE_LIST_BYTES_MAX,
  DeviceId,
  getDeviceList,
  publishDeviceList,
  UserId,
} from '@sotto/api';
import {
  type DeviceEntry,
  type DeviceList,
  decodeDeviceList,
  type Head,
  type LocalParty,
  type Provider,
  signDeviceList,
  type VerifiedDeviceList,
  verifyDeviceList,
} from '@sotto/crypto';
import * as z from 'zod/mini';
import type { Call } from '../connection/call.ts';
import { ClientError, isProblem } from '../errors.ts';
import { DEVICE_LIST_SIGNED_MS, LIST_ATTEMPTS_MAX } from '../limits.ts';
import { keys } from '../store/key-space.ts';
import type { Store, StoreTransaction } from '../store/store.ts';
import { getRecord, putRecord } from '../store/stored-record.ts';
import { loadDeviceKey } from './device-key.ts';
import { HeadRecord, Peer, sameBytes } from './records.ts';

const OneVersion = z.object({
  version: z.int(),
  encoded: bytes({ min: 1, max: DEVICE_LIST_BYTES_MAX }),
});

/** What this device has of the account's list. The newest head is a record of its own: a linked device is handed it. */
export const OwnListState = z.object({
  newest: z.optional(OneVersion),
  /** The next version, signed here and not known to be published. */
  pending: z.optional(OneVersion),
  /** This device has been on the list. Taken off it, a device does not come back by itself. */
  joined: z.boolean(),
  /** The platform has said that messages go by the newest. */
  complete: z.boolean(),
});
type OwnListState = z.infer<typeof OwnListState>;

interface OwnList extends OwnListState {
  readonly head: Head | undefined;
}

export interface OwnListDeps {
  readonly store: Store;
  readonly provider: Provider;
  readonly local: LocalParty;
  readonly clock: () => number;
  readonly call: Call;
}

/**
 * Publishes the next list where there is need: this device is not on it, it is a week old, or a version of ours may not
 * have arrived, or messages may not go by it yet. Safe to repeat at any time. Throws
 * `CryptoError` `head.*` and `signature.invalid` for a list of the platform that is not ours, and what calls throw.
 */
export async function keepOwnList(deps: OwnListDeps): Promise<void> {
  for (let attempt = 0; attempt < LIST_ATTEMPTS_MAX; attempt++) {
    const step = await nextStep(deps);
    if (step === 'nothing') return;
    if (step === 'fetch') await fetchOwnList(deps);
    else if (await publish(deps, step)) return;
  }
  throw new ClientError('answer.invalid', 'the platform refuses each version of the device list');
}

/** Reads the newest list from the platform. Throws as {@link keepOwnList}. */
export async function fetchOwnList(deps: OwnListDeps): Promise<void> {
  const user = UserId.parse(deps.local.address.user);
  const { list } = await deps.call(getDeviceList, { params: { user_id: user } });
  await deps.store.transaction((transaction) => learnOwnList(deps, transaction, list));
}

/**
 * Publishes the newest list that this device has once more, to a platform that has lost it. Where that does not know all
 * of its devices any more, the next list names those that it knows; the others are to be linked anew. Throws as
 * {@link keepOwnList}.
 */
export async function republishOwnList(deps: OwnListDeps): Promise<void> {
  const { newest } = await readOwnList(deps.store);
  if (newest === undefined) return;
  try {
    await publish(deps, newest.encoded);
  } catch (error) {
    if (!isProblem(error, 'key.list-invalid')) throw error;
    await publish(deps, await signKnown(deps, newest.encoded));
  }
}

/** The list behind the newest one, of those of its devices that the platform's own list names. */
async function signKnown(deps: OwnListDeps, newest: Uint8Array): Promise<Uint8Array> {
  const { user, device: self } = deps.local.address;
  const { list: theirs } = await deps.call(getDeviceList, {
    params: { user_id: UserId.parse(user) },
  });
  const known = new Set(
    verifyOwn(deps, theirs, undefined).list.devices.map(({ device }) => device),
  );
  const devices = verifyOwn(deps, newest, undefined).list.devices.filter(
    ({ device }) => device === self || known.has(device),
  );
  return deps.store.transaction(async (transaction) => {
    const before = await getOwnList(transaction);
    const next = { user, time: deps.clock(), devices, previous: before.head };
    const { encoded, head } = signDeviceList(deps.provider, deps.local.identity, next);
    const pending = { version: head.version, encoded };
    await putState(transaction, { ...before, pending, complete: false });
    return encoded;
  });
}

/** Takes a list of our own account in, once it is verified. Throws `CryptoError`, and nothing has changed then. */
export async function learnOwnList(
  deps: Pick<OwnListDeps, 'provider' | 'local' | 'clock'>,
  transaction: StoreTransaction,
  encoded: Uint8Array,
): Promise<VerifiedDeviceList> {
  const known = await getOwnList(transaction);
  const verified = verifyOwn(deps, encoded, known.head);
  const { list, head } = verified;
  const { version, hash } = head;
  const isNamed = list.devices.some(({ device }) => device === deps.local.address.device);
  const isNews = known.newest?.version !== version;
  await putRecord(transaction, keys.ownList, [HeadRecord, { version, hash }]);
  await putState(transaction, {
    newest: { version, encoded },
    ...(known.pending && known.pending.version > version && { pending: known.pending }),
    joined: known.joined || isNamed,
    complete: known.complete || isNews,
  });
  await forgetUnlisted(transaction, list);
  return verified;
}

/** The head of our own list, for envelopes. */
export async function ownListHead(transaction: StoreTransaction): Promise<Head | undefined> {
  return (await getOwnList(transaction)).head;
}

/** The devices that the newest list names; none before there is one. */
export async function listedDevices(transaction: StoreTransaction): Promise<DeviceId[]> {
  const { newest } = await getOwnList(transaction);
  if (newest === undefined) return [];
  return decodeDeviceList(newest.encoded).list.devices.map(({ device }) => DeviceId.parse(device));
}

/** Whether others can have this device on their lists. */
export async function isListed(store: Store): Promise<boolean> {
  return store.transaction(hasJoined);
}

/** The same, within a transaction. */
export async function hasJoined(transaction: StoreTransaction): Promise<boolean> {
  return (await getOwnList(transaction)).joined;
}

function readOwnList(store: Store): Promise<OwnList> {
  return store.transaction(getOwnList);
}

/** What is older than the head is not the account's list any more: another identity of the account has signed one. */
async function getOwnList(transaction: StoreTransaction): Promise<OwnList> {
  const head = await getRecord(transaction, keys.ownList, HeadRecord);
  const state = await getRecord(transaction, keys.ownListState, OwnListState);
  const { newest, pending, joined = false, complete = false } = state ?? {};
  const isNewest = newest !== undefined && newest.version === head?.version;
  const isNext = pending !== undefined && pending.version === (head?.version ?? 0) + 1;
  return { head, joined, complete, ...(isNewest && { newest }), ...(isNext && { pending }) };
}

function putState(transaction: StoreTransaction, state: OwnListState): Promise<void> {
  const { newest, pending, joined, complete } = state;
  return putRecord(transaction, keys.ownListState, [
    OwnListState,
    { newest, pending, joined, complete },
  ]);
}

/** What to do next: a list to publish, or first to read the one that there is. */
async function nextStep(deps: OwnListDeps): Promise<Uint8Array | 'nothing' | 'fetch'> {
  const { publicKey: deviceKey } = await loadDeviceKey(deps.store, deps.provider);
  const { device } = deps.local.address;
  const self = { device, deviceKey, registrationId: deps.local.registrationId };
  return deps.store.transaction(async (transaction) => {
    const known = await getOwnList(transaction);
    if (known.pending !== undefined) return known.pending.encoded;
    if (known.head !== undefined && known.newest === undefined) return 'fetch';
    const wanted = nextDevices(deps, known, self);
    if (wanted === undefined) {
      return known.complete || known.newest === undefined ? 'nothing' : known.newest.encoded;
    }
    const devices: DeviceEntry[] = [];
    for (const entry of wanted) {
      // What this store was before has no keys any more, and the platform takes no list that names it.
      const key = keys.formerDevice(DeviceId.parse(entry.device));
      if ((await transaction.get(key)) === undefined) devices.push(entry);
    }
    const { user } = deps.local.address;
    const next = { user, time: deps.clock(), devices, previous: known.head };
    const { encoded, head } = signDeviceList(deps.provider, deps.local.identity, next);
    const pending = { version: head.version, encoded };
    await putState(transaction, { ...known, pending, complete: false });
    return encoded;
  });
}

/** The devices of a next version; undefined when none is needed. */
function nextDevices(
  deps: OwnListDeps,
  { newest, joined }: OwnList,
  self: DeviceEntry,
): readonly DeviceEntry[] | undefined {
  if (newest === undefined) return [self];
  const { list } = verifyOwn(deps, newest.encoded, undefined);
  const entry = list.devices.find(({ device }) => device === self.device);
  if (entry === undefined && joined) return undefined;
  const others = list.devices.filter(({ device }) => device !== self.device);
  // A list from the future would never turn a week old.
  const isFresh = Math.abs(deps.clock() - list.time) < DEVICE_LIST_SIGNED_MS;
  return entry && isFresh && isSame(entry, self) ? undefined : [...others, self];
}

function isSame(one: DeviceEntry, other: DeviceEntry): boolean {
  return one.registrationId === other.registrationId && sameBytes(one.deviceKey, other.deviceKey);
}

/** True when the platform has it. False when another device was faster: its list was read, and decides what comes next. */
async function publish(deps: OwnListDeps, encoded: Uint8Array): Promise<boolean> {
  try {
    const { complete } = await deps.call(publishDeviceList, { body: { list: encoded } });
    await deps.store.transaction(async (transaction) => {
      await learnOwnList(deps, transaction, encoded);
      await putState(transaction, { ...(await getOwnList(transaction)), complete });
    });
    return true;
  } catch (error) {
    if (!isProblem(error, 'key.list-conflict')) throw error;
    await deps.store.transaction(async (transaction) => {
      const { pending: _, ...known } = await getOwnList(transaction);
      await putState(transaction, known);
    });
    await fetchOwnList(deps);
    return false;
  }
}

function verifyOwn(
  { provider, local, clock }: Pick<OwnListDeps, 'provider' | 'local' | 'clock'>,
  encoded: Uint8Array,
  previous: Head | undefined,
): VerifiedDeviceList {
  const { user } = local.address;
  const identityKey = local.identity.publicKey;
  return verifyDeviceList(provider, encoded, { user, identityKey, previous, now: clock() });
}

/** Our other devices that the list does not name any more get nothing from now on. */
async function forgetUnlisted(transaction: StoreTransaction, list: DeviceList): Promise<void> {
  const key = keys.peer(UserId.parse(list.user));
  const peer = await getRecord(transaction, key, Peer);
  if (peer === undefined) return;
  const named = new Set(list.devices.map(({ device }) => DeviceId.parse(device)));
  const devices = peer.devices.filter((device) => named.has(device));
  await putRecord(transaction, key, [Peer, { ...peer, devices }]);
}
