/**
 * Everything that a client keeps in its store: the keys, and what lies under them. Numbers in keys are padded, so
 * that the order of keys is the order of numbers. Sessions (`session/…`) are bytes of `@sotto/crypto`; all else is JSON.
 */
import {
  Address,
  bytes,
  bytesOf,
  CIPHERTEXT_BYTES_MAX,
  ConversationId,
  DEVICE_LIST_BYTES_MAX,
  DeviceId,
  MessageId,
  PROVISIONING_BYTES_MAX,
  Recipient,
  Seq,
  SessionId,
  Timestamp,
  UserId,
} from '@sotto/api';
import {
  type AgreementKeyPair,
  type AgreementRole,
  agreementPublicKey,
  agreementSecretKey,
} from '@sotto/crypto';
import * as z from 'zod';
import { Content } from './content.ts';
import { ClientError } from './errors.ts';
import { STORE_PAGE } from './limits.ts';
import type { StoreEntry, StoreTransaction } from './store.ts';

/** Who is logged in. `tokens` is absent after a log-out: the device and its keys stay. */
export const Account = z.object({
  user: UserId,
  device: DeviceId,
  session: SessionId,
  username: z.string(),
  /** The account was made here: no message to it can be older than this device. */
  isFirstDevice: z.boolean().optional(),
  /** The platform knows this device by its key, so log-ins, renewals and changes are signed with it. */
  isBound: z.boolean().optional(),
  tokens: z
    .object({
      access: z.string(),
      /** When the access token is to be renewed, by this machine's clock, in milliseconds. */
      renewAt: z.number(),
      refresh: z.string(),
    })
    .optional(),
});
export type Account = z.infer<typeof Account>;

/** A registration or a recovery whose answer is not known yet, or whose recovery code was not shown. */
export const Entry = z.object({ username: z.string() });

/** This device's Ed25519 seed. */
export const DeviceKeyRecord = z.object({ seed: bytesOf(32) });

/** The account's Ed25519 seed and this device's registration id. */
export const IdentityRecord = z.object({
  seed: bytesOf(32),
  registrationId: z.int(),
  /** The platform had it before this device did: it came from another one, or took the place of the account's. */
  isShared: z.boolean().optional(),
});
export type IdentityRecord = z.infer<typeof IdentityRecord>;

/** `published` once the platform is known to have the key; until then it is uploaded again. */
export const SignedPrekeyRecord = z.object({
  id: z.int(),
  secretKey: bytesOf(32),
  publicKey: bytesOf(32),
  suites: z.array(z.int()),
  signature: bytesOf(64),
  published: z.boolean(),
  /** When the platform was found to have it, in milliseconds by the later of the two clocks; absent in older stores. */
  publishedAt: z.number().optional(),
});
export type SignedPrekeyRecord = z.infer<typeof SignedPrekeyRecord>;

/** Version and hash of a device list, or of an account's leaf in the key log. */
export const HeadRecord = z.object({ version: z.int().min(1), hash: bytesOf(32) });

/** An identity that is to replace the account's, as long as the platform is not known to have it. */
export const NextIdentity = z.object({
  seed: bytesOf(32),
  signedPrekey: SignedPrekeyRecord,
  /** The identity key that it is to replace, and no other one. */
  follows: bytesOf(32),
  /** Its first device list, and the head of that: the same bytes each time, which the platform knows again. */
  deviceList: bytes({ min: 1, max: DEVICE_LIST_BYTES_MAX }),
  head: HeadRecord,
});
export type NextIdentity = z.infer<typeof NextIdentity>;

/** An offer to be linked, with its secret key until the answer has come, and then with what the answer was. */
export const LinkRecord = z.object({
  secretKey: bytesOf(32).optional(),
  publicKey: bytesOf(32),
  madeAt: z.number(),
  joining: z
    .object({
      user: UserId,
      device: DeviceId,
      /** The store was no account's before: all of it came with the link. */
      isNew: z.boolean().optional(),
    })
    .optional(),
});
export type LinkRecord = z.infer<typeof LinkRecord>;

/** An answer to another device's offer that may have left: the same bytes are sent again. */
export const LinkAnswer = z.object({
  device: DeviceId,
  message: bytes({ min: 1, max: PROVISIONING_BYTES_MAX }),
});
export type LinkAnswer = z.infer<typeof LinkAnswer>;

/** A one-time prekey that nobody has used yet, as far as this device knows. */
export const OneTimePrekeyRecord = z.object({
  id: z.int(),
  secretKey: bytesOf(32),
  publicKey: bytesOf(32),
  /** When somebody was found to have been given it, in milliseconds by this machine's clock. */
  claimedAt: z.number().optional(),
});
export type OneTimePrekeyRecord = z.infer<typeof OneTimePrekeyRecord>;

/** A count that only rises: key ids, send counters. */
export const Counter = z.object({ next: z.int().min(1) });

/** Another account, or the other devices of one's own: the pinned identity, and the devices to encrypt for. */
export const Peer = z.object({
  user: UserId,
  identityKey: bytesOf(32),
  devices: z.array(DeviceId),
  /** The newest device list seen, and a later one that a device of the account has named: to be read before the next send. */
  list: HeadRecord.optional(),
  claimedList: HeadRecord.optional(),
  /** Another identity key that the platform has handed out, and that nobody has accepted yet. */
  changedTo: bytesOf(32).optional(),
});
export type Peer = z.infer<typeof Peer>;

/** A conversation that this device takes part in. */
export const ConversationRecord = z.object({
  id: ConversationId,
  kind: z.enum(['direct']),
  members: z.array(UserId),
});
export type ConversationRecord = z.infer<typeof ConversationRecord>;

/** The place up to which everything of a conversation is in the store. */
export const Cursor = z.object({ seq: Seq });

/** What was seen of a sending device's counter in a conversation. */
export const SenderCounterRecord = z.object({
  highest: z.int(),
  missing: z.array(z.int()),
});

/** A message of ours that is not `stored` yet. It may leave once it is `sealed`: encrypted for every device. */
export const OutboxEntry = z.object({
  id: MessageId,
  conversation: ConversationId,
  counter: z.int(),
  time: z.number(),
  content: bytes({ min: 1, max: CIPHERTEXT_BYTES_MAX }),
  recipients: z.array(Recipient),
  sealed: z.boolean(),
  /** It was stored before, as this number and at this place: the platform may have lost it. */
  resent: z.object({ number: z.int(), seq: Seq }).optional(),
});
export type OutboxEntry = z.infer<typeof OutboxEntry>;

const placed = {
  id: MessageId,
  conversation: ConversationId,
  seq: Seq,
  sender: Address,
  /** By the platform's clock, which nobody vouches for. */
  sentAt: Timestamp,
};

/** A message as people see it. */
export const Message = z.object({
  type: z.literal('message'),
  ...placed,
  /** Milliseconds since 1970 by the sender's clock, as the sender encrypted it. */
  time: z.number(),
  content: Content,
  /** Sent by this account, from this device or another one. */
  own: z.boolean(),
  /** The sender's count skipped a number before this message, or this one comes late: something was held back. */
  order: z.enum(['next', 'gap', 'late']),
});
export type Message = z.infer<typeof Message>;

/** A message that could not be read, and why: a code of `CryptoError` or `ClientError`. */
export const UnreadableMessage = z.object({
  type: z.literal('unreadable'),
  ...placed,
  cause: z.string(),
});
export type UnreadableMessage = z.infer<typeof UnreadableMessage>;

/** One place of a conversation that held something for this device. */
export const HistoryItem = z.discriminatedUnion('type', [Message, UnreadableMessage]);
export type HistoryItem = z.infer<typeof HistoryItem>;

/** Where a message lies. */
export const Place = z.object({ conversation: ConversationId, seq: Seq });
export type Place = z.infer<typeof Place>;

const padded = (number: number) => String(number).padStart(16, '0');

/** The store's key space. */
export const keys = {
  account: 'account',
  registration: 'registration',
  recovery: 'recovery',
  deviceKey: 'device-key',
  identity: 'identity',
  nextIdentity: 'next-identity',
  link: 'link',
  /** By the channel's name, in base64url. */
  linkAnswer: (channel: string) => `link-answer/${channel}`,
  signedPrekey: (id: number) => `signed-prekey/${padded(id)}`,
  signedPrekeys: 'signed-prekey/',
  oneTimePrekey: (id: number) => `one-time-prekey/${padded(id)}`,
  oneTimePrekeys: 'one-time-prekey/',
  signedPrekeyIds: 'signed-prekey-ids',
  oneTimePrekeyIds: 'one-time-prekey-ids',
  /** A mark beside each one-time prekey that the platform is not known to have. */
  unpublishedPrekey: (id: number) => `unpublished-prekey/${padded(id)}`,
  unpublishedPrekeys: 'unpublished-prekey/',
  /** See `prekey-retention.ts`. */
  runTime: 'run-time',
  session: (address: { user: string; device: string }) =>
    `session/${address.user}/${address.device}`,
  sessions: (user?: UserId) => (user === undefined ? 'session/' : `session/${user}/`),
  peers: 'peer/',
  peer: (user: UserId) => `peer/${user}`,
  conversation: (id: ConversationId) => `conversation/${id}`,
  conversations: 'conversation/',
  cursor: (conversation: ConversationId) => `cursor/${conversation}`,
  sendCounter: (conversation: ConversationId) => `send-counter/${conversation}`,
  sendCounters: 'send-counter/',
  /** Where conversations begin that have no counter yet; see `send-counter.ts`. */
  sendCounterLowest: 'send-counter-lowest',
  senderCounter: (conversation: ConversationId, device: DeviceId) =>
    `sender-counter/${conversation}/${device}`,
  outboxEntry: (conversation: ConversationId, counter: number) =>
    `outbox/${conversation}/${padded(counter)}`,
  outbox: (conversation?: ConversationId) =>
    conversation === undefined ? 'outbox/' : `outbox/${conversation}/`,
  failed: (id: MessageId) => `failed/${id}`,
  /** See `sent-log.ts` and `greeting.ts`. By device, which a store may change. */
  sent: (device: DeviceId, number: number) => `sent/${device}/${padded(number)}`,
  allSent: (device: DeviceId) => `sent/${device}/`,
  sentCount: (device: DeviceId) => `sent-count/${device}`,
  sentAgain: (conversation: ConversationId) => `sent-again/${conversation}`,
  incarnation: 'incarnation',
  leftBehind: 'left-behind',
  message: (conversation: ConversationId, seq: number) => `message/${conversation}/${padded(seq)}`,
  messages: (conversation: ConversationId) => `message/${conversation}/`,
  /** By sending device too: an id is its sender's, and nobody else's can stand in its way. */
  messageId: (sender: DeviceId, id: MessageId) => `message-id/${sender}/${id}`,
  /** Head of the newest list of our own devices that was seen; and the list, see `own-list.ts`. */
  ownList: 'own-list',
  ownListState: 'own-list-state',
  /** What was seen of the key log; see `log-standing.ts`. */
  logPin: 'log-pin',
  logTree: 'log-tree',
  logAlarm: 'log-alarm',
  logOwnLeaf: 'log-own-leaf',
  logLeaf: (user: UserId) => `log-leaf/${user}`,
  logLeaves: 'log-leaf/',
  /** Messages that the loop over `messages()` has not taken yet, in order of arrival. */
  arrivals: 'arrival/',
  arrival: (number: number) => `arrival/${padded(number)}`,
  arrivalIds: 'arrival-ids',
  /** See `file-progress.ts`. */
  fileUpload: (conversation: ConversationId, fingerprint: string) =>
    `file-upload/${conversation}/${fingerprint}`,
  fileUploads: 'file-upload/',
} as const;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** Writes a record under a key. */
export function putRecord<S extends z.ZodType>(
  transaction: StoreTransaction,
  key: string,
  [schema, value]: [S, z.output<S>],
): Promise<void> {
  return transaction.put(key, encoder.encode(JSON.stringify(z.encode(schema, value))));
}

/** Reads a record. Throws `store.invalid` when what lies there is not one: the store is damaged. */
export async function getRecord<S extends z.ZodType>(
  transaction: StoreTransaction,
  key: string,
  schema: S,
): Promise<z.output<S> | undefined> {
  const value = await transaction.get(key);
  return value === undefined ? undefined : decodeRecord(schema, value);
}

/** The record that the bytes of a store entry stand for. */
export function decodeRecord<S extends z.ZodType>(schema: S, value: Uint8Array): z.output<S> {
  try {
    return z.decode(schema, JSON.parse(decoder.decode(value)));
  } catch (cause) {
    throw new ClientError('store.invalid', 'a record of the store is damaged', { cause });
  }
}

/** The entries under a prefix, in ascending order; those that were read may be deleted meanwhile. */
export async function* entriesUnder(
  transaction: StoreTransaction,
  prefix: string,
): AsyncGenerator<StoreEntry, void> {
  for (let after: string | undefined; ; ) {
    const from = after === undefined ? {} : { after };
    const page = await transaction.list({ prefix, ...from, limit: STORE_PAGE });
    yield* page;
    after = page.at(-1)?.key;
    if (page.length < STORE_PAGE) return;
  }
}

/** Another account as it is known, or undefined. */
export function getPeer(transaction: StoreTransaction, user: UserId): Promise<Peer | undefined> {
  return getRecord(transaction, keys.peer(user), Peer);
}

/** Takes the next number of a counter, from 1; with `count`, that many in a row and the first of them. */
export async function takeNumber(
  transaction: StoreTransaction,
  key: string,
  count = 1,
): Promise<number> {
  const { next } = (await getRecord(transaction, key, Counter)) ?? { next: 1 };
  await putRecord(transaction, key, [Counter, { next: next + count }]);
  return next;
}

/** A stored prekey as the key pair that it was. */
export function agreementKeyPair<Role extends AgreementRole>(record: {
  secretKey: Uint8Array;
  publicKey: Uint8Array;
}): AgreementKeyPair<Role> {
  return {
    secretKey: agreementSecretKey<Role>(record.secretKey),
    publicKey: agreementPublicKey<Role>(record.publicKey),
  };
}

/** Whether two public keys are the same. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
