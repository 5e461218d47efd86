/** How what waits in the outbox becomes ciphertexts: for every device of a conversation, or for those that it names. */
import type { DeviceId, UserId } from '@sotto/api';
import type { LocalParty } from '@sotto/crypto';
import { getPeer } from '../account/records.ts';
import { ClientError } from '../errors.ts';
import { getGroup } from '../groups/group-log.ts';
import { type GroupSealInput, sealForGroup } from '../groups/seal-group.ts';
import { addressKey, keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { decodeRecord } from '../store/stored-record.ts';
import type { Contact } from '../trust/key-log.ts';
import { assertNoAlarm, requireOwnHead, standingOf } from '../trust/log-standing.ts';
import { isListDoubtful, listHeads } from '../trust/peer-lists.ts';
import { openSessions, type Sessions, type SessionsDeps } from '../trust/sessions.ts';
import type { Wanted } from '../trust/wanted.ts';
import type { ConversationRecord } from './conversation-record.ts';
import { envelopeOf, type Heads } from './entry-envelope.ts';
import { type EntryRecipient, isControl, keyOf, OutboxEntry, putEntry } from './outbox-entry.ts';
import type { Missing, Sealing } from './sealing-outcome.ts';

export interface SealInput {
  readonly conversation: ConversationRecord;
  /** Where the last entry lies that was sent already. */
  readonly after: string;
  readonly limit: number;
  /** See `GroupSealInput`. */
  readonly passedOver: GroupSealInput['passedOver'];
}

/**
 * The next entries of a conversation, encrypted and stored so. An entry that was encrypted before keeps its bytes: it
 * may have arrived. When something is missing, what could be encrypted all the same is kept. Throws `identity.changed`,
 * `account.compromised`, `key-log.broken` and `group.broken`, whatever was encrypted before.
 */
export async function sealNext(
  deps: SessionsDeps,
  transaction: StoreTransaction,
  { conversation, after, limit, passedOver }: SealInput,
): Promise<Sealing> {
  const page = await transaction.list({
    prefix: keys.outbox(conversation.id),
    after,
    limit,
  });
  const entries = page.map(({ value }) => decodeRecord(OutboxEntry, value));
  if (entries.length === 0) return { sealed: [] };
  await assertNoAlarm(transaction);
  // Somebody may have gone since the conversation was looked up.
  const group = await getGroup(transaction, conversation.id);
  if (group !== undefined) {
    return sealForGroup(deps, transaction, { conversation: group, entries, passedOver });
  }
  const open = entries.filter((entry) => !entry.sealed);
  const targets = await findTargets(transaction, deps.local, conversation.members);
  if (open.length === 0) return { sealed: entries };
  if (!('devices' in targets)) return targets;
  const heads = {
    keyLog: await requireOwnHead(transaction),
    deviceLists: await listHeads(transaction, deps.local, conversation.members),
  };
  const sessions = openSessions(transaction, deps);
  const sealed: OutboxEntry[] = [];
  let wanted: Wanted[] = [];
  let isMore = false;
  for (const entry of entries) {
    if (entry.sealed) {
      sealed.push(entry);
      continue;
    }
    const outcome = await sealEntry(deps, sessions, { entry, targets: targets.devices, heads });
    wanted = outcome.wanted;
    if (wanted.length === 0 && outcome.entry.recipients.length === 0 && isControl(entry)) {
      await transaction.delete(keyOf(entry)); // All the devices that it was for have gone.
      isMore = true;
      continue;
    }
    await putEntry(transaction, outcome.entry);
    if (wanted.length > 0) break;
    sealed.push(outcome.entry);
  }
  await sessions.save();
  const isMissing = wanted.length > 0;
  return isMissing && sealed.length === 0 ? { wanted } : { sealed, isMore: isMore || isMissing };
}

interface Target {
  readonly user: UserId;
  readonly device: DeviceId;
  readonly identityKey: Uint8Array;
}

async function findTargets(
  transaction: StoreTransaction,
  local: LocalParty,
  members: readonly UserId[],
): Promise<{ devices: Target[] } | Missing> {
  const devices: Target[] = [];
  const wanted: Wanted[] = [];
  const doubtful: UserId[] = [];
  const unproven: Contact[] = [];
  for (const user of members) {
    const isOwn = user === local.address.user;
    const peer = await getPeer(transaction, user);
    if (peer?.changedTo && !isOwn) {
      throw new ClientError('identity.changed', 'a contact has another identity key than before');
    }
    // Our other devices are learned from the platform's refusal: most accounts have none.
    if (!isOwn && (peer === undefined || peer.devices.length === 0)) {
      wanted.push({ user });
    } else if (!isOwn && peer && isListDoubtful(peer)) doubtful.push(user);
    if (peer === undefined) continue;
    const identityKey = isOwn ? local.identity.publicKey : peer.identityKey;
    if (!isOwn && (await standingOf(transaction, user, identityKey)) !== 'proven') {
      unproven.push({ user, identityKey });
    }
    for (const device of peer.devices) {
      if (device !== local.address.device) devices.push({ user, device, identityKey });
    }
  }
  if (wanted.length > 0) return { wanted };
  if (doubtful.length > 0) return { doubtful };
  return unproven.length > 0 ? { unproven } : { devices };
}

async function sealEntry(
  deps: SessionsDeps,
  sessions: Sessions,
  { entry, targets, heads }: { entry: OutboxEntry; targets: readonly Target[]; heads: Heads },
): Promise<{ entry: OutboxEntry; wanted: Wanted[] }> {
  if (entry.isFresh) return { entry, wanted: entry.to ?? [] };
  const plaintext = envelopeOf(deps, entry, heads);
  const recipients: EntryRecipient[] = [];
  const missing = (entry.to ?? []).filter(
    (address) => !targets.some((target) => addressKey(target) === addressKey(address)),
  );
  const wanted: Wanted[] = [...missing];
  for (const { user, device, identityKey } of chosen(entry, targets)) {
    const address = { user, device };
    const isTheirs = (one: EntryRecipient) => addressKey(one) === addressKey(address);
    const before = entry.recipients.find(isTheirs);
    const ciphertext =
      before?.ciphertext ?? (await sessions.encrypt(address, plaintext, identityKey));
    if (ciphertext === undefined) wanted.push(address);
    else recipients.push({ ...address, ciphertext });
  }
  const sealedAt = deps.clock();
  return { entry: { ...entry, recipients, sealed: wanted.length === 0, sealedAt }, wanted };
}

/** All devices of the conversation, or those of them that a control message is for. */
function chosen({ to }: OutboxEntry, targets: readonly Target[]): readonly Target[] {
  if (to === undefined) return targets;
  const named = new Set(to.map(addressKey));
  return targets.filter((target) => named.has(addressKey(target)));
}
