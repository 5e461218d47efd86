/**
 * What a client keeps in its store of itself and of others: account, identity, prekeys, contacts. Messages are in
 * `history-item.ts` and `outbox-entry.ts`. Sessions (`session/…`) are bytes of `@sotto/crypto`; all else is JSON.
 */
import {
  bytes,
  bytesOf,
  DEVICE_LIST_BYTES_MAX,
  DeviceId,
  FileId,
  PROVISIONING_BYTES_MAX,
  Seq,
  SessionId,
  UserId,
} from '@sotto/api';
import {
  type AgreementKeyPair,
  type AgreementRole,
  agreementPublicKey,
  agreementSecretKey,
} from '@sotto/crypto';
import * as z from 'zod/mini';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { getSharedRecord } from '../store/stored-record.ts';

/** Who is logged in. `tokens` is absent after a log-out: the device and its keys stay. */
export const Account = z.object({
  user: UserId,
  device: DeviceId,
  session: SessionId,
  username: z.string(),
  /** The account was made here: no message to it can be older than this device. */
  isFirstDevice: z.optional(z.boolean()),
  /** The platform knows this device by its key, so log-ins, renewals and changes are signed with it. */
  isBound: z.optional(z.boolean()),
  /** The session in which this device asked to be taken off the account, as long as nothing shows that it was not. */
  leaving: z.optional(SessionId),
  tokens: z.optional(
    z.object({
      access: z.string(),
      /** When the access token is to be renewed, by this machine's clock, in milliseconds. */
      renewAt: z.number(),
      refresh: z.string(),
    }),
  ),
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
  isShared: z.optional(z.boolean()),
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
  publishedAt: z.optional(z.number()),
});
export type SignedPrekeyRecord = z.infer<typeof SignedPrekeyRecord>;

/** Version and hash of a device list, or of an account's leaf in the key log. */
export const HeadRecord = z.object({ version: z.int().check(z.minimum(1)), hash: bytesOf(32) });

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

/** The file in which another device of the account has left its recent history. */
export const HistoryReference = z.object({
  file: FileId,
  key: bytesOf(32),
  /** SHA-256 of the ciphertext. */
  digest: bytesOf(32),
});
export type HistoryReference = z.infer<typeof HistoryReference>;

/** An offer to be linked, with its secret key until the answer has come, and then with what the answer was. */
export const LinkRecord = z.object({
  secretKey: z.optional(bytesOf(32)),
  publicKey: bytesOf(32),
  madeAt: z.number(),
  joining: z.optional(
    z.object({
      user: UserId,
      device: DeviceId,
      /** The store was no account's before: all of it came with the link. */
      isNew: z.optional(z.boolean()),
      /** To be fetched once it is a device of the account. */
      history: z.optional(HistoryReference),
    }),
  ),
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
  claimedAt: z.optional(z.number()),
});
export type OneTimePrekeyRecord = z.infer<typeof OneTimePrekeyRecord>;

/** Another account, or the other devices of one's own: the pinned identity, and the devices to encrypt for. */
export const Peer = z.object({
  user: UserId,
  identityKey: bytesOf(32),
  devices: z.array(DeviceId),
  /** The newest device list seen, and a later one that a device of the account has named: to be read before the next send. */
  list: z.optional(HeadRecord),
  claimedList: z.optional(HeadRecord),
  /**
   * The platform's count of changes of the account's devices as it was when `devices` was read or before. Absent when that
   * was not known: then there may be devices that are not among them.
   */
  version: z.optional(z.int().check(z.minimum(0))),
  /** Another identity key that the platform has handed out, and that nobody has accepted yet. */
  changedTo: z.optional(bytesOf(32)),
  /**
   * When this identity was accepted in the place of another one, or came from another device of ours, by this machine's
   * clock: what was written before was not for it, as far as this device knows.
   */
  acceptedAt: z.optional(z.number()),
});
export type Peer = z.infer<typeof Peer>;

/** The place up to which everything of a conversation is in the store. */
export const Cursor = z.object({ seq: Seq });

/** What was seen of a sending device's counter in a conversation. */
export const SenderCounterRecord = z.object({
  highest: z.int(),
  missing: z.array(z.int()),
  /** Of a group: the newest entry of its log that the device has named. */
  membership: z.optional(HeadRecord),
});

/** Another account as it is known, or undefined. The record is not to be changed. */
export function getPeer(
  transaction: StoreTransaction,
  user: UserId,
): Promise<Readonly<Peer> | undefined> {
  return getSharedRecord(transaction, keys.peer(user), Peer);
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
