/**
 * The chain by which this device writes to a group, and whom it was handed to. It is handed out when a message needs it,
 * to whoever does not have it yet; another one takes its place when somebody who has it must not read on, weekly, and
 * when it may have been used by somebody else.
 */
import { Address, bytes, type ConversationId } from '@sotto/api';
import {
  decodeSenderChain,
  encodeDistribution,
  encodeSenderChain,
  encryptGroupMessage,
  makeSenderChain,
  type Provider,
  type SenderChain,
} from '@sotto/crypto';
import * as z from 'zod/mini';
import { SENDER_CHAIN_BYTES_MAX, SENDER_CHAIN_MESSAGES_MAX, SENDER_CHAIN_MS } from '../limits.ts';
import type { Control } from '../messages/control.ts';
import { enqueueControl } from '../messages/control-outbox.ts';
import { ConversationRecord, type GroupRecord } from '../messages/conversation-record.ts';
import { addressKey, keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { entriesUnder, getRecord, putRecord } from '../store/stored-record.ts';
import type { SessionsDeps } from '../trust/sessions.ts';
import { findOpenDevices } from './group-reach.ts';

/** It changes with each message. */
const SenderChainRecord = z.object({
  chain: bytes({ min: 1, max: SENDER_CHAIN_BYTES_MAX }),
  /** In milliseconds by this machine's clock. */
  madeAt: z.number(),
});

/** Who has it, or gets it by what waits in the outbox: changes seldom, and is long. */
export const ChainHolders = z.object({
  /** They only become more: whoever has a chain does not lose it. */
  devices: z.array(Address),
  /** Those of them that may not have got it, and get it with the next message. */
  owed: z.array(Address),
});

/** A chain with whom it was handed to. */
export interface OwnChain {
  readonly chain: SenderChain;
  readonly madeAt: number;
  readonly holders: readonly Address[];
  readonly owed: readonly Address[];
}

/** This device's chain in a group, as far as there is one. */
export async function findChain(
  transaction: StoreTransaction,
  conversation: ConversationId,
): Promise<OwnChain | undefined> {
  const record = await getRecord(transaction, keys.senderChain(conversation), SenderChainRecord);
  if (record === undefined) return undefined;
  const holders = await getRecord(transaction, keys.chainHolders(conversation), ChainHolders);
  const { madeAt } = record;
  const { devices = [], owed = [] } = holders ?? {};
  return { chain: decodeSenderChain(record.chain), madeAt, holders: devices, owed };
}

/** A chain that nobody has. */
export function makeChain({ provider, clock }: SessionsDeps): OwnChain {
  return { chain: makeSenderChain(provider), madeAt: clock(), holders: [], owed: [] };
}

/** Whether a chain may go on being used among these devices. */
export function isGood(
  { chain: { chain }, madeAt, holders }: OwnChain,
  devices: readonly Address[],
  now: number,
): boolean {
  const known = new Set(devices.map(addressKey));
  const isYoung = Math.abs(now - madeAt) < SENDER_CHAIN_MS;
  return (
    isYoung &&
    chain.counter < SENDER_CHAIN_MESSAGES_MAX &&
    holders.every((holder) => known.has(addressKey(holder)))
  );
}

/** Keeps a chain as it is after a message. */
export function putChain(
  transaction: StoreTransaction,
  conversation: ConversationId,
  { chain, madeAt }: OwnChain,
): Promise<void> {
  const record = { chain: encodeSenderChain(chain), madeAt };
  return putRecord(transaction, keys.senderChain(conversation), [SenderChainRecord, record]);
}

/** Takes down that a chain goes to devices, now or for the second time. */
export function putHolders(
  transaction: StoreTransaction,
  conversation: ConversationId,
  { own, to }: { readonly own: OwnChain; readonly to: readonly Address[] },
): Promise<void> {
  const devices = union(own.holders, to);
  const given = new Set(to.map(addressKey));
  const owed = own.owed.filter((address) => !given.has(addressKey(address)));
  return putRecord(transaction, keys.chainHolders(conversation), [ChainHolders, { devices, owed }]);
}

/**
 * Takes down that devices may not have got it after all: the next message hands it out to them. They stay among those who
 * have it, since some do and only something else did not reach them.
 */
export async function noteOwed(
  transaction: StoreTransaction,
  conversation: ConversationId,
  addresses: readonly Address[],
): Promise<void> {
  const key = keys.chainHolders(conversation);
  const known = await getRecord(transaction, key, ChainHolders);
  if (known === undefined || addresses.length === 0) return;
  const owed = union(known.owed, addresses);
  await putRecord(transaction, key, [ChainHolders, { ...known, owed }]);
}

function union(known: readonly Address[], added: readonly Address[]): Address[] {
  return [...new Map([...known, ...added].map((one) => [addressKey(one), one])).values()];
}

/** What hands a chain out, with the key of the group's title. */
export function distributionOf(
  { id, titleKey }: Pick<GroupRecord, 'id' | 'titleKey'>,
  { chain }: OwnChain,
): Control {
  const distribution = encodeDistribution(chain, id);
  return { type: 'sender-key', distribution, ...(titleKey && { titleKey }) };
}

/** Encrypts by a chain. The chain that comes back is to be kept before the ciphertext leaves. */
export function encryptBy(
  { provider, local }: { provider: Provider; local: SessionsDeps['local'] },
  own: OwnChain,
  { conversation, plaintext }: { conversation: ConversationId; plaintext: Uint8Array },
): { readonly own: OwnChain; readonly ciphertext: Uint8Array } {
  const place = { conversation, sender: local.address };
  const { chain, message } = encryptGroupMessage(provider, own.chain, { place, plaintext });
  return { own: { ...own, chain }, ciphertext: message };
}

/**
 * Hands this device's chain to devices of members that turned out not to have it, behind everything that waits in the
 * outbox. Nothing happens in what is no group, or where there is no chain yet: the next message makes one. What is
 * encrypted later decides who may have it. The caller wakes the conversation after the commit.
 */
export async function enqueueDistribution(
  deps: SessionsDeps,
  transaction: StoreTransaction,
  { conversation: id, to }: { conversation: ConversationId; to: readonly Address[] },
): Promise<void> {
  const conversation = await getRecord(transaction, keys.conversation(id), ConversationRecord);
  const own = await findChain(transaction, id);
  if (conversation?.kind !== 'group' || own === undefined) return;
  const control = distributionOf(conversation, own);
  await enqueueControl(deps, transaction, { conversation: id, control, to });
  await putHolders(transaction, id, { own, to });
}

/**
 * The ciphertext of something that is not worth handing a chain out for, such as a typing mark; undefined when there is
 * none that may be used. Store the transaction before the ciphertext leaves.
 */
export async function encryptForGroup(
  deps: SessionsDeps,
  transaction: StoreTransaction,
  { conversation, plaintext }: { conversation: GroupRecord; plaintext: Uint8Array },
): Promise<Uint8Array | undefined> {
  const own = await findChain(transaction, conversation.id);
  if (own === undefined || own.holders.length === 0) return undefined;
  const devices = await findOpenDevices(transaction, deps.local, conversation.members);
  if (!isGood(own, devices, deps.clock())) return undefined;
  const encrypted = encryptBy(deps, own, { conversation: conversation.id, plaintext });
  await putChain(transaction, conversation.id, encrypted.own);
  return encrypted.ciphertext;
}

/** Forgets every chain of this device: for a store that is behind what has left it, and for one that changes devices. */
export async function forgetOwnChains(transaction: StoreTransaction): Promise<void> {
  for (const prefix of [keys.senderChains, keys.allChainHolders]) {
    for await (const { key } of entriesUnder(transaction, prefix)) await transaction.delete(key);
  }
}
