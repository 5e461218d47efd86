/**
 * Sender keys: each device of a group encrypts with a symmetric chain of its own and signs with a key
 * of that chain, so that one ciphertext serves all members. The chain reaches them by a distribution
 * message, in the pairwise sessions and never in the group itself: send it as the content of an
 * envelope with `control` set, which no group ciphertext can carry (see `envelope.ts`).
 *
 * A chain has no Diffie-Hellman step: whoever learns it reads on until it is replaced. The caller makes
 * a new one when a member or a device leaves, and weekly.
 */
import { type Address, encodeUuid } from './address.ts';
import { openMessage, SALT_BYTES, sealMessage } from './aead.ts';
import { ByteReader } from './byte-reader.ts';
import { concat, equal } from './bytes.ts';
import { type Chain, messageSeed, nextChain, seedsUpTo } from './chain.ts';
import {
  checkVerifyingKey,
  makeSigningKeyPair,
  signStatement,
  verifyStatement,
} from './ed25519.ts';
import { CryptoError } from './errors.ts';
import { KDF_LABELS } from './kdf.ts';
import { type SymmetricKey, symmetricKey } from './keys.ts';
import {
  COUNTER_MAX,
  PLAINTEXT_BYTES_MAX,
  SENDER_CHAIN_FORWARD_MAX,
  SENDER_CHAINS_MAX,
  SKIPPED_KEYS_MAX,
} from './limits.ts';
import type { Provider } from './provider.ts';
import {
  addSkippedSeeds,
  dropForgottenChains,
  type ReceivingChain,
  type SenderChain,
  type SenderKeyRecord,
  takeSkippedSeed,
} from './sender-key-state.ts';
import {
  decodeDistributionMessage,
  decodeGroupMessage,
  encodeDistributionMessage,
  encodeGroupHeader,
  type GroupMessage,
} from './sender-key-wire.ts';

/** Where a group message is sent, and by which device: bound into it, not carried by it. */
export interface GroupPlace {
  /** UUID of the conversation. */
  readonly conversation: string;
  readonly sender: Address;
}

/** A new chain, at its first message. Store it before its distribution message leaves. */
export function makeSenderChain(provider: Provider): SenderChain {
  const id = new ByteReader(provider.randomBytes(4)).u32();
  const key = symmetricKey<'chain'>(provider.randomBytes(32));
  return { id, chain: { key, counter: 0 }, signing: makeSigningKeyPair(provider) };
}

/**
 * The distribution message of a chain: what a member needs for its messages from the next one on.
 * Secret: pairwise sessions only. Throws `input.invalid` for a conversation that is not a UUID.
 */
export function encodeDistribution(
  { id, chain, signing }: SenderChain,
  conversation: string,
): Uint8Array {
  const verifyingKey = signing.publicKey;
  return encodeDistributionMessage({ conversation, chainId: id, chain, verifyingKey });
}

/**
 * The record with the chain of a distribution message, which came from this sender by a pairwise
 * session. A chain that is already known stays as it is; of more than five the oldest goes. Throws
 * `encoding.*`, `key.*`, and `envelope.mismatch` when it is of another conversation.
 */
export function acceptDistribution(
  provider: Provider,
  record: SenderKeyRecord | undefined,
  {
    distribution,
    conversation,
  }: { readonly distribution: Uint8Array; readonly conversation: string },
): SenderKeyRecord {
  const received = decodeDistributionMessage(distribution);
  if (received.conversation !== conversation) {
    throw new CryptoError('envelope.mismatch', 'the sender key is of another conversation');
  }
  const verifyingKey = checkVerifyingKey<'sender-key'>(provider, received.verifyingKey);
  const added: ReceivingChain = { id: received.chainId, chain: received.chain, verifyingKey };
  const known = record?.chains ?? [];
  const same = known.find(({ id }) => id === added.id);
  if (record && same && equal(same.verifyingKey, added.verifyingKey)) return record;
  const others = known.filter((chain) => chain !== same);
  const chains = [added, ...others].slice(0, SENDER_CHAINS_MAX);
  const skipped = record ? dropForgottenChains(record.skipped, chains.slice(1)) : new Uint8Array(0);
  return { chains, skipped };
}

/**
 * Encrypts for all who hold the chain. Store the returned chain before the message leaves. Throws
 * `session.expired` when the chain has used up its counters, `input.invalid` for an overlong plaintext.
 */
export function encryptGroupMessage(
  provider: Provider,
  sender: SenderChain,
  { place, plaintext }: { readonly place: GroupPlace; readonly plaintext: Uint8Array },
): { readonly chain: SenderChain; readonly message: Uint8Array } {
  const { id, chain, signing } = sender;
  if (chain.counter > COUNTER_MAX) throw new CryptoError('session.expired', 'the chain is used up');
  if (plaintext.length > PLAINTEXT_BYTES_MAX) {
    throw new CryptoError('input.invalid', `a plaintext has at most ${PLAINTEXT_BYTES_MAX} bytes`);
  }
  const salt = provider.randomBytes(SALT_BYTES);
  const header = encodeGroupHeader({ chainId: id, counter: chain.counter, salt });
  const input = {
    seed: messageSeed(provider, chain),
    salt,
    label: KDF_LABELS.senderMessage,
    associatedData: concat(encodePlace(place), header),
  };
  const ciphertext = sealMessage(provider, input, plaintext);
  const message = concat(input.associatedData, ciphertext);
  const signature = signStatement(provider, signing.seed, { purpose: 'senderMessage', message });
  return {
    chain: { ...sender, chain: nextChain(provider, chain) },
    message: concat(header, ciphertext, signature),
  };
}

/**
 * Decrypts a message of `place.sender`. Store the returned record together with what becomes of the
 * plaintext, and open its envelope without `controlAllowed`. On an error nothing has changed:
 * `sender-key.unknown` when the chain's distribution message has not come, `message.duplicate`,
 * `message.too-far-ahead` (both before any key is derived), `message.undecryptable`, `encoding.*`.
 */
export function decryptGroupMessage(
  provider: Provider,
  record: SenderKeyRecord | undefined,
  { place, message }: { readonly place: GroupPlace; readonly message: Uint8Array },
): { readonly record: SenderKeyRecord; readonly plaintext: Uint8Array } {
  const parsed = decodeGroupMessage(message);
  const receiving = record?.chains.find(({ id }) => id === parsed.chainId);
  if (record === undefined || receiving === undefined) {
    throw new CryptoError('sender-key.unknown', 'the distribution of this chain has not come');
  }
  const skippedSeed = takeSkippedSeed(record.skipped, parsed);
  if (skippedSeed === undefined) assertWithinReach(receiving.chain, parsed.counter);
  const associatedData = concat(encodePlace(place), parsed.encodedHeader);
  verifySender(provider, receiving, { associatedData, parsed });
  const next = skippedSeed
    ? { seed: skippedSeed.seed, record: { ...record, skipped: skippedSeed.rest } }
    : advance(provider, { record, receiving }, parsed.counter);
  const input = {
    seed: next.seed,
    salt: parsed.salt,
    label: KDF_LABELS.senderMessage,
    associatedData,
  };
  return { record: next.record, plaintext: openMessage(provider, input, parsed.ciphertext) };
}

function assertWithinReach(chain: Chain, counter: number): void {
  if (counter < chain.counter) {
    throw new CryptoError('message.duplicate', 'the key of this message is gone');
  }
  if (counter - chain.counter > SENDER_CHAIN_FORWARD_MAX) {
    throw new CryptoError('message.too-far-ahead', 'the chain would go too far ahead');
  }
}

/** Only the sender can make the chain move: its signature is checked before anything is derived. */
function verifySender(
  provider: Provider,
  { verifyingKey }: ReceivingChain,
  { associatedData, parsed }: { associatedData: Uint8Array; parsed: GroupMessage },
): void {
  const message = concat(associatedData, parsed.ciphertext);
  const statement = { purpose: 'senderMessage', message, signature: parsed.signature } as const;
  if (!verifyStatement(provider, verifyingKey, statement)) {
    throw new CryptoError('message.undecryptable', 'the message does not authenticate');
  }
}

/** The seed of a message at or ahead of the chain, and the record with the seeds in between. */
function advance(
  provider: Provider,
  { record, receiving }: { record: SenderKeyRecord; receiving: ReceivingChain },
  counter: number,
): { readonly seed: SymmetricKey<'message-seed'>; readonly record: SenderKeyRecord } {
  let chain = receiving.chain;
  while (counter - chain.counter > SKIPPED_KEYS_MAX) chain = nextChain(provider, chain);
  const from = { chainId: receiving.id, counter: chain.counter };
  const ahead = seedsUpTo(provider, chain, counter);
  const skipped = addSkippedSeeds(record.skipped, from, ahead.seeds);
  const moved = { ...receiving, chain: nextChain(provider, ahead.chain) };
  const chains = record.chains.map((each) => (each === receiving ? moved : each));
  return { seed: messageSeed(provider, ahead.chain), record: { chains, skipped } };
}

function encodePlace({ conversation, sender }: GroupPlace): Uint8Array {
  return concat(encodeUuid(conversation), encodeUuid(sender.user), encodeUuid(sender.device));
}
