/** Whom we encrypt for: the devices of other accounts and our other own ones, and the identity each account is known by. */
import type { Bundle, DeviceId, UserId } from '@sotto/api';
import {
  CryptoError,
  decodeDeviceList,
  type KeyWork,
  type LocalParty,
  openKeyWork,
  type Provider,
  type VerifiedBundle,
  type VerifiedDeviceList,
  verifyBundles,
} from '@sotto/crypto';
import { getPeer, Peer, sameBytes } from '../account/records.ts';
import { beginStretch } from '../connection/stretch.ts';
import { ClientError, type ClientErrorCode } from '../errors.ts';
import { MET_AT_ONCE } from '../limits.ts';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { putRecord } from '../store/stored-record.ts';
import { fetchBundles, isOfOne, type Question, questionsOf } from './bundles.ts';
import { noteNotice } from './notices.ts';
import {
  assertListed,
  isOvertaken,
  knownVersion,
  type ListDeps,
  learnList,
  verifyList,
  warned,
} from './peer-lists.ts';
import { type BegunSession, beginSession, openSessions } from './sessions.ts';
import type { Wanted } from './wanted.ts';

export type PeerDeps = ListDeps;

/** Why somebody could not be met, by user. */
export type Unmet = ReadonlyMap<UserId, Error>;

/**
 * Fetches bundles and starts sessions from them. Throws `identity.changed` (after an event of that name) when the
 * platform hands out another identity than the pinned one; after `device-list-warning`, `device.unlisted` for a device
 * that the account has not signed, and `CryptoError` for an unsound bundle or a list that is older than one seen;
 * `answer.invalid` for a bundle of somebody else or of no devices, and what calls throw. A device that was asked for
 * and does not come is forgotten.
 */
export async function meetPeers(deps: PeerDeps, wanted: readonly Wanted[]): Promise<void> {
  const [error] = (await meetWhomPossible(deps, wanted)).values();
  if (error !== undefined) throw error;
}

/**
 * The same for many, of whom each may fail: gives back who did, and why. Throws what calls and the store throw. One
 * request serves 256 users, and between them everything else in the process has its turn. Whoever's list was overtaken by
 * a newer one on its way is asked for once more.
 */
export async function meetWhomPossible(
  deps: PeerDeps,
  wanted: readonly Wanted[],
  { isAgain = false } = {},
): Promise<Unmet> {
  const questions = questionsOf(wanted);
  const versions = isAgain
    ? new Map<UserId, number>()
    : await versionsKnown(deps, [...questions.keys()]);
  const { bundles, failures } = await fetchBundles(deps.call, questions);
  const work = await openKeyWork(deps.provider);
  const overtaken = new Set<UserId>();
  const learn = async (bundle: Bundle) => {
    const { user } = bundle;
    const question = questions.get(user);
    if (question === undefined) return;
    const handedOut = { bundle, question, work, asked: versions.get(user) ?? Infinity };
    try {
      const outcome = await warned(deps, user, () => learnBundle(deps, handedOut));
      if (outcome === 'overtaken') overtaken.add(user);
    } catch (error) {
      failures.set(user, oneUsersFault(error));
    }
  };
  const stretch = beginStretch();
  // Side by side as far as that goes: what a store commits together waits for the disk once.
  for (let together: Promise<void>[] = []; bundles.length > 0; ) {
    together.push(learn(bundles.shift()!));
    if (bundles.length > 0 && together.length < MET_AT_ONCE && !stretch.isOver()) continue;
    await Promise.all(together);
    together = [];
    await stretch.rest();
  }
  const missed = wanted.filter(({ user }) => overtaken.has(user));
  if (missed.length === 0) return failures;
  return new Map([...failures, ...(await meetWhomPossible(deps, missed, { isAgain: true }))]);
}

/** The versions of these users' lists before anything is asked: what is older than them is a roll-back. */
function versionsKnown(
  { store, local }: PeerDeps,
  users: readonly UserId[],
): Promise<ReadonlyMap<UserId, number>> {
  return store.transaction(async (transaction) => {
    const versions = new Map<UserId, number>();
    for (const user of users) versions.set(user, await knownVersion(transaction, local, user));
    return versions;
  });
}

/** Throws whatever is not the fault of one account and its platform alone. */
function oneUsersFault(error: unknown): Error {
  const isTheirs = error instanceof ClientError && THEIRS.includes(error.code);
  if (isTheirs || error instanceof CryptoError) return error;
  throw error;
}

const THEIRS: readonly ClientErrorCode[] = ['identity.changed', 'device.unlisted'];

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
  devices: readonly Required<Pick<Wanted, 'user' | 'device'>>[],
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
    if (kept.length === peer.devices.length) continue;
    await putRecord(transaction, keys.peer(user), [Peer, { ...peer, devices: kept }]);
  }
}

/** What the platform hands out of an account, and what it was asked. */
interface HandedOut {
  readonly bundle: Bundle;
  readonly question: Question;
  readonly work: KeyWork;
  /** The version of the account's list that was known before. */
  readonly asked: number;
}

/** A device of a bundle, verified. */
interface Met {
  readonly device: DeviceId;
  readonly bundle: VerifiedBundle;
}

/** What was computed of a bundle before it is taken in. */
interface Computed {
  /** Absent for our own account, whose list is held against other things. */
  readonly list?: VerifiedDeviceList;
  readonly sessions: ReadonlyMap<DeviceId, BegunSession>;
}

/**
 * Two transactions, with all the dear work between them, where nothing waits for it: what the first one has found may have
 * changed by the second, which looks again.
 */
async function learnBundle(
  deps: PeerDeps,
  { bundle, question, work, asked }: HandedOut,
): Promise<'learned' | 'overtaken'> {
  const { store, local, events } = deps;
  const { user } = bundle;
  const met = await work((provider) => verifyDevices(provider, bundle, local.address.device));
  const lacking = await store.transaction(async (transaction) => {
    if (!(await isAsPinned(deps, transaction, bundle))) return 'identity-changed';
    return findLacking(deps, transaction, { user, met, question });
  });
  if (lacking === 'identity-changed') return refuseIdentity(deps, user);
  const computed = await compute(deps, work, { bundle, lacking });
  const outcome = await store.transaction(async (transaction) => {
    if (!(await isAsPinned(deps, transaction, bundle))) return 'identity-changed';
    const { identityKey, deviceList: encoded } = bundle;
    const { list: verified } = computed;
    const { list: given } = verified ?? decodeDeviceList(encoded);
    const now = await knownVersion(transaction, local, user);
    if (isOvertaken(given, { asked, now })) return 'overtaken';
    const handedOut = { user, identityKey, encoded, ...(verified && { verified }) };
    const { list, warning } = await learnList(deps, transaction, handedOut);
    assertListed(list, bundle.devices);
    await keepDevices(deps, transaction, { bundle, met, question, computed });
    if (warning !== undefined) {
      await noteNotice(transaction, { kind: 'device-list-warning', user, warning });
    }
    return warning ?? 'good';
  });
  if (outcome === 'identity-changed') return refuseIdentity(deps, user);
  if (outcome === 'overtaken') return outcome;
  if (outcome !== 'good') events.emit('device-list-warning', { user, warning: outcome });
  return 'learned';
}

/** Whether a bundle is of the identity that the account is known by. Takes down another one, for somebody to accept. */
async function isAsPinned(
  { local }: PeerDeps,
  transaction: StoreTransaction,
  { user, identityKey }: Bundle,
): Promise<boolean> {
  const pinned = await pinnedIdentity(transaction, local, user);
  if (pinned === undefined || sameBytes(pinned, identityKey)) return true;
  const known = await getPeer(transaction, user);
  // There is no other identity of our own to accept.
  if (known && user !== local.address.user) {
    await putRecord(transaction, keys.peer(user), [Peer, { ...known, changedTo: identityKey }]);
  }
  return false;
}

function refuseIdentity({ events }: PeerDeps, user: UserId): never {
  events.emit('identity-changed', { user });
  throw new ClientError('identity.changed', 'a contact has another identity key than before');
}

function verifyDevices(provider: Provider, bundle: Bundle, ownDevice: string): Met[] {
  const devices = bundle.devices.filter(({ device }) => device !== ownDevice);
  const verified = verifyBundles(provider, bundle.identityKey, devices);
  return devices.map(({ device }, index) => ({ device, bundle: verified[index]! }));
}

interface Meeting {
  readonly user: UserId;
  readonly met: readonly Met[];
  readonly question: Question;
}

/** The devices that a session is to be begun with: those that were asked for, those that are new, those that lost it. */
async function findLacking(
  deps: PeerDeps,
  transaction: StoreTransaction,
  { user, met, question }: Meeting,
): Promise<Met[]> {
  const { devices: known = [] } = (await getPeer(transaction, user)) ?? {};
  const sessions = openSessions(transaction, deps);
  const lacking: Met[] = [];
  for (const one of met) {
    const { device } = one;
    const isNeeded = question.devices.has(device) || !known.includes(device);
    if (isNeeded || !(await sessions.has({ user, device }))) lacking.push(one);
  }
  return lacking;
}

/** Throws as `learnList` and `assertListed` do, before any session is begun. */
async function compute(
  deps: PeerDeps,
  work: KeyWork,
  { bundle, lacking }: { readonly bundle: Bundle; readonly lacking: readonly Met[] },
): Promise<Computed> {
  const { user, identityKey, deviceList: encoded } = bundle;
  const isOwn = user === deps.local.address.user;
  const handedOut = { user, identityKey, encoded };
  const list = isOwn
    ? undefined
    : await work((provider) => verifyList({ ...deps, provider }, handedOut));
  if (list !== undefined) assertListed(list.list, bundle.devices);
  const begin = async ({ device, bundle: verified }: Met) => {
    const beginning = { remote: { user, device }, bundle: verified, pinnedIdentity: identityKey };
    return [
      device,
      await work((provider) => beginSession({ ...deps, provider }, beginning)),
    ] as const;
  };
  return { ...(list && { list }), sessions: new Map(await Promise.all(lacking.map(begin))) };
}

interface Keeping {
  readonly bundle: Bundle;
  readonly met: readonly Met[];
  readonly question: Question;
  readonly computed: Computed;
}

/** Keeps the devices that came, and the others that are known, when only one was asked for. */
async function keepDevices(
  deps: PeerDeps,
  transaction: StoreTransaction,
  { bundle, met, question, computed }: Keeping,
): Promise<void> {
  const { user, identityKey } = bundle;
  const lacking = await findLacking(deps, transaction, { user, met, question });
  const {
    list,
    devices: known = [],
    version: seen,
    acceptedAt,
  } = (await getPeer(transaction, user)) ?? {};
  const others = isOfOne(question) ? known.filter((device) => !question.devices.has(device)) : [];
  const devices = [...new Set([...others, ...met.map(({ device }) => device)])];
  const version = question.version ?? seen;
  await putRecord(transaction, keys.peer(user), [
    Peer,
    { user, identityKey, devices, list, version, acceptedAt },
  ]);
  const sessions = openSessions(transaction, deps);
  for (const { device, bundle: verified } of lacking) {
    const remote = { user, device };
    const beginning = { remote, bundle: verified, pinnedIdentity: identityKey };
    // It lacks one only since a moment ago when none was begun.
    await sessions.start(remote, computed.sessions.get(device) ?? beginSession(deps, beginning));
  }
  await sessions.save();
}
