/** What comes in by a group's sender keys: the keys themselves, and messages. */
import type { ConversationId, MessageSlot } from '@sotto/api';
import {
  acceptDistribution,
  CryptoError,
  compareHeads,
  decodeSenderKeyRecord,
  decryptGroupMessage,
  type Envelope,
  encodeSenderKeyRecord,
  type Head,
  type SenderKeyRecord,
} from '@sotto/crypto';
import type { ControlHandler, OpenDeps } from '../messages/opening.ts';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import type { SessionsDeps } from '../trust/sessions.ts';
import { compareWithLog, getGroup } from './group-log.ts';
import { receiveTitleKey } from './group-title.ts';

/** What a device has said in a group, and where. */
export interface GroupCiphertext extends Pick<MessageSlot, 'sender' | 'ciphertext'> {
  readonly conversation: ConversationId;
}

/**
 * The plaintext of what a device sent to a group; its chain moves on. Throws `CryptoError`, `sender-key.unknown` among
 * them, and nothing has changed then.
 */
export async function decryptInGroup(
  { provider }: Pick<SessionsDeps, 'provider'>,
  transaction: StoreTransaction,
  { conversation, sender, ciphertext: message }: GroupCiphertext,
): Promise<Uint8Array> {
  const key = keys.senderKey(conversation, sender);
  const before = await getSenderKey(transaction, key);
  const place = { conversation, sender };
  const { record, plaintext } = decryptGroupMessage(provider, before, { place, message });
  await transaction.put(key, encodeSenderKeyRecord(record));
  return plaintext;
}

/** Keeps the chain by which a device writes to a group from now on. Throws `CryptoError`. */
export const takeSenderKey: ControlHandler<'sender-key'> = async (deps, arrival, control) => {
  const { provider, transaction, conversation } = deps;
  if (conversation.kind !== 'group') {
    throw new CryptoError('envelope.mismatch', 'a sender key for what is no group');
  }
  const key = keys.senderKey(conversation.id, arrival.sender);
  const before = await getSenderKey(transaction, key);
  const given = { distribution: control.distribution, conversation: conversation.id };
  const record = acceptDistribution(provider, before, given);
  await transaction.put(key, encodeSenderKeyRecord(record));
  if (control.titleKey !== undefined) await receiveTitleKey(deps, control.titleKey);
};

async function getSenderKey(
  transaction: StoreTransaction,
  key: string,
): Promise<SenderKeyRecord | undefined> {
  const bytes = await transaction.get(key);
  try {
    return bytes && decodeSenderKeyRecord(bytes);
  } catch (error) {
    if (error instanceof CryptoError) return undefined; // It is damaged. Another one is asked for.
    throw error;
  }
}

/**
 * Throws `envelope.mismatch` for what people say to a group by another way than its one ciphertext for all: it would not be
 * what everybody reads. `isForAll` for that one.
 */
export function assertSaidToAll(
  { conversation }: Pick<OpenDeps, 'conversation'>,
  { control }: Envelope,
  isForAll: boolean,
): void {
  if (conversation.kind !== 'group' || isForAll || control === true) return;
  throw new CryptoError('envelope.mismatch', 'said to one member of a group in the name of all');
}

/**
 * Holds the log that a member has seen against ours. Throws `head.forked` for another entry in the place of one of ours,
 * `log.gap` for one that we were not shown, and `head.rolled-back` when the same device has seen a later one before.
 * Gives back what the device has seen now.
 */
export async function judgeMembership(
  { transaction, conversation }: Pick<OpenDeps, 'transaction' | 'conversation'>,
  { membership }: Envelope,
  before: Head | undefined,
): Promise<Head | undefined> {
  const group = membership && (await getGroup(transaction, conversation.id));
  if (membership === undefined || group === undefined) return before;
  if ((await compareWithLog(transaction, group, membership)) === 'newer') {
    throw new CryptoError('log.gap', 'the sender has seen entries that were not shown here');
  }
  compareHeads(before, membership);
  return { version: membership.version, hash: membership.hash };
}
