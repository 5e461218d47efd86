/**
 * How what waits in a group's outbox becomes ciphertexts: a message becomes one for everybody, by this device's chain, and
 * what is for devices one for each. Devices that do not have the chain get it first, by entries in front of the message
 * that needs it; the platform stores in that order or not at all.
 */
import type { Address, UserId } from '@sotto/api';
import { ClientError } from '../errors.ts';
import { CONTROL_RECIPIENTS_MAX } from '../limits.ts';
import { enqueueControl } from '../messages/control-outbox.ts';
import type { GroupRecord } from '../messages/conversation-record.ts';
import { envelopeOf, type Heads } from '../messages/entry-envelope.ts';
import {
  type EntryRecipient,
  isControl,
  keyOf,
  type OutboxEntry,
  putEntry,
} from '../messages/outbox-entry.ts';
import type { Missing, Sealing } from '../messages/sealing-outcome.ts';
import { addressKey } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { requireOwnHead } from '../trust/log-standing.ts';
import { listHeads } from '../trust/peer-lists.ts';
import { openSessions, type Sessions, type SessionsDeps } from '../trust/sessions.ts';
import type { Wanted } from '../trust/wanted.ts';
import { digestVersions, findVersions, type Versions } from './group-audience.ts';
import {
  distributionOf,
  encryptBy,
  findChain,
  isGood,
  makeChain,
  noteOwed,
  type OwnChain,
  putChain,
  putHolders,
} from './group-keys.ts';
import { addressesOf, type OpenMember, type Reach, reachOf } from './group-reach.ts';

export interface GroupSealInput {
  readonly conversation: GroupRecord;
  /** The next entries of its outbox. */
  readonly entries: readonly OutboxEntry[];
  /** Members of whom nothing could be had a moment ago: they are left out for now. */
  readonly passedOver: Pick<ReadonlySet<UserId>, 'has'>;
}

/** What one pass reads once, and what comes of it. */
interface Pass extends GroupSealInput {
  readonly deps: SessionsDeps;
  readonly transaction: StoreTransaction;
  readonly sessions: Sessions;
  readonly heads: Heads;
  readonly members: Map<UserId, Reach>;
  /** Ciphertexts for single devices. */
  made: number;
  keyed?: Keyed;
}

/** A chain that everybody has who may have it. */
interface Keyed {
  own: OwnChain;
  readonly lists: Uint8Array;
  readonly toProve: readonly OpenMember[];
}

/**
 * Encrypts as many entries as one transaction should: a page has other things to do, too. Throws `group.broken`; what
 * stands against single members holds nobody up.
 */
export async function sealForGroup(
  deps: SessionsDeps,
  transaction: StoreTransaction,
  input: GroupSealInput,
): Promise<Sealing> {
  const { broken } = input.conversation;
  if (broken !== undefined) throw new ClientError('group.broken', broken);
  const pass = await beginPass(deps, transaction, input);
  const sealed: OutboxEntry[] = [];
  let missing: Missing | undefined;
  let isMore = false;
  for (const entry of input.entries) {
    const outcome = entry.sealed ? entry : await sealEntry(pass, entry);
    if (outcome === 'nobody' || outcome === 'later') isMore = true;
    else if ('id' in outcome) sealed.push(outcome);
    else missing = outcome;
    if (outcome === 'later' || missing !== undefined) break;
  }
  await pass.sessions.save();
  const { keyed } = pass;
  if (keyed !== undefined) await putChain(transaction, input.conversation.id, keyed.own);
  if (missing !== undefined && sealed.length === 0) return missing;
  return { sealed, isMore: isMore || missing !== undefined, toProve: keyed?.toProve ?? [] };
}

async function beginPass(
  deps: SessionsDeps,
  transaction: StoreTransaction,
  input: GroupSealInput,
): Promise<Pass> {
  const { head: membership } = input.conversation;
  const self = deps.local.address.user as UserId;
  const deviceLists = await listHeads(transaction, deps.local, [self]);
  const heads = { membership, keyLog: await requireOwnHead(transaction), deviceLists };
  const sessions = openSessions(transaction, deps);
  return { ...input, deps, transaction, sessions, heads, members: new Map(), made: 0 };
}

/** Sealed; or for nobody who is still there; or not in this pass; or something is missing. */
type Outcome = OutboxEntry | 'nobody' | 'later' | Missing;

async function sealEntry(pass: Pass, entry: OutboxEntry): Promise<Outcome> {
  if (!isControl(entry)) return sealMessage(pass, entry);
  const isTooMuch = pass.made + (entry.to?.length ?? 0) > CONTROL_RECIPIENTS_MAX;
  return pass.made > 0 && isTooMuch ? 'later' : sealControl(pass, entry);
}

/** The one upload for everybody. */
async function sealMessage(pass: Pass, entry: OutboxEntry): Promise<Outcome> {
  const { deps, transaction, conversation, heads } = pass;
  if (pass.keyed === undefined) {
    const outcome = await keyFor(pass, entry);
    if (!('own' in outcome)) return 'handedOut' in outcome ? 'later' : outcome;
    pass.keyed = outcome;
  }
  const { keyed } = pass;
  const plaintext = envelopeOf(deps, entry, heads);
  const { own, ciphertext } = encryptBy(deps, keyed.own, {
    conversation: entry.conversation,
    plaintext,
  });
  keyed.own = own;
  const group = { ciphertext, version: conversation.head.version, lists: keyed.lists };
  const sealed = { ...entry, group, recipients: [], sealed: true, sealedAt: deps.clock() };
  await putEntry(transaction, sealed);
  return sealed;
}

/** Sees to it that all have the chain who are to have it, and nobody else. */
async function keyFor(
  pass: Pass,
  entry: OutboxEntry,
): Promise<Keyed | { readonly handedOut: true } | Missing> {
  const { deps, transaction, conversation } = pass;
  const { id } = conversation;
  const versions = await findVersions(transaction, conversation);
  if (versions === undefined) return { unversioned: true };
  const audience = await findAudience(pass, versions);
  if (!Array.isArray(audience)) return audience;
  const targets = audience.flatMap(addressesOf);
  const known = await findChain(transaction, id);
  const own = known && isGood(known, targets, deps.clock()) ? known : makeChain(deps);
  const to = findLacking(pass, own, targets);
  if (to.length === 0) {
    const toProve = audience.filter(({ isProven }) => !isProven);
    return { own, lists: digestVersions(deps.provider, versions), toProve };
  }
  await putChain(transaction, id, own);
  await putHolders(transaction, id, { own, to });
  const control = distributionOf(conversation, own);
  await enqueueControl(deps, transaction, { conversation: id, control, to, before: entry.counter });
  return { handedOut: true };
}

/** Those whom it is to go to. To whom it could not go a moment ago, it goes when they are asked for again. */
function findLacking(
  { passedOver }: Pass,
  { holders, owed }: OwnChain,
  targets: readonly Address[],
): Address[] {
  const given = new Set(holders.map(addressKey));
  const lacking = new Set(owed.map(addressKey));
  return targets.filter((address) => {
    const key = addressKey(address);
    return lacking.has(key) ? !passedOver.has(address.user) : !given.has(key);
  });
}

/** The members who are to read what is sent now, this account among them. */
async function findAudience(pass: Pass, versions: Versions): Promise<OpenMember[] | Missing> {
  const open: OpenMember[] = [];
  const wanted: Wanted[] = [];
  const doubtful: UserId[] = [];
  for (const [user, version] of versions) {
    const reach = await reachIn(pass, user);
    const isPassedOver = pass.passedOver.has(user);
    if (reach === 'shut') continue;
    // Without a list there is nobody to be met; and where the platform has not said, its refusal will.
    const isOld = version > 0 && (reach === 'unmet' || reach.version !== version);
    if (isOld && !isPassedOver) wanted.push({ user, version });
    else if (reach === 'unmet') continue;
    else if (!reach.isDoubtful) open.push(reach);
    else if (!isPassedOver) doubtful.push(user);
  }
  if (wanted.length > 0) return { wanted };
  return doubtful.length > 0 ? { doubtful } : open;
}

/** What goes to single devices. Those that have gone, or are not to be trusted, are left out. */
async function sealControl(pass: Pass, entry: OutboxEntry): Promise<Outcome> {
  const { conversation, passedOver, transaction } = pass;
  const recipients: EntryRecipient[] = [];
  const left: Address[] = [];
  const wanted: Wanted[] = [];
  const doubtful: UserId[] = [];
  for (const address of entry.to ?? []) {
    const { user, device } = address;
    if (!conversation.members.includes(user)) continue;
    const reach = await reachIn(pass, user);
    if (reach === 'shut') continue;
    const isThere = reach !== 'unmet' && reach.devices.includes(device);
    // Whoever could not be met just now is told in the session that there is.
    const isReady = isThere && (!entry.isFresh || passedOver.has(user));
    const isSound = isReady && !reach.isDoubtful;
    const ciphertext = isSound && (await encryptFor(pass, entry, { address, member: reach }));
    if (ciphertext) recipients.push({ user, device, ciphertext });
    else if (passedOver.has(user)) left.push(address);
    else if (isReady && !isSound) doubtful.push(user);
    else wanted.push(address);
  }
  await noteOwed(transaction, conversation.id, left);
  const isWhole = wanted.length === 0 && doubtful.length === 0;
  if (isWhole && recipients.length === 0) {
    await transaction.delete(keyOf(entry));
    return 'nobody';
  }
  const kept = { ...entry, recipients, sealed: isWhole };
  await putEntry(transaction, kept);
  if (isWhole) return kept;
  return wanted.length > 0 ? { wanted } : { doubtful };
}

interface ForOne {
  readonly address: Address;
  readonly member: OpenMember;
}

/** A list of two hundred heads is no use to one device: it gets ours and its own account's. */
async function encryptFor(
  pass: Pass,
  entry: OutboxEntry,
  { address, member }: ForOne,
): Promise<Uint8Array | undefined> {
  const { deps, transaction, sessions, heads } = pass;
  const before = entry.recipients.find((one) => addressKey(one) === addressKey(address));
  if (before !== undefined) return before.ciphertext;
  pass.made += 1;
  const { user } = address;
  const isOwn = user === deps.local.address.user;
  const theirs = isOwn ? [] : await listHeads(transaction, deps.local, [user]);
  const deviceLists = [...heads.deviceLists, ...theirs];
  const plaintext = envelopeOf(deps, entry, { ...heads, deviceLists });
  return sessions.encrypt(address, plaintext, member.identityKey);
}

async function reachIn({ members, transaction, deps }: Pass, user: UserId): Promise<Reach> {
  const known = members.get(user) ?? (await reachOf(transaction, deps.local, user));
  members.set(user, known);
  return known;
}
