/** One entry of a group's membership log: what it says, and its encoding, version 1. */
import { decodeUuid, encodeUuid, UUID_BYTES } from './address.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { assertLength, concat, equal } from './bytes.ts';
import { SIGNATURE_BYTES } from './ed25519.ts';
import { CryptoError } from './errors.ts';
import { type IdentityKey, verifyingKey } from './keys.ts';
import { GROUP_MEMBERS_MAX } from './limits.ts';

/** What a member may do. */
export type MemberRole = 'member' | 'admin';

/** What an entry changes. Users are UUIDs; lists of them are ascending. */
export type MembershipAction =
  /** The first entry, and only that. The author becomes admin; `users` are the other members. */
  | { readonly type: 'create'; readonly users: readonly string[] }
  | { readonly type: 'add'; readonly users: readonly string[] }
  /** Of others; one goes oneself by `leave`. */
  | { readonly type: 'remove'; readonly users: readonly string[] }
  | { readonly type: 'role'; readonly user: string; readonly role: MemberRole }
  | { readonly type: 'leave' }
  /** SHA-256 of the encrypted title, which the log does not hold. */
  | { readonly type: 'rename'; readonly titleHash: Uint8Array }
  /** The account was deleted. The only entry without author and signature; it can only take away. */
  | { readonly type: 'departed'; readonly user: string };

/** Who made an entry, and under which identity. */
export interface MembershipAuthor {
  readonly user: string;
  readonly identityKey: IdentityKey;
}

/** One entry of a log. */
export interface MembershipEntry {
  /** UUID of the conversation. */
  readonly conversation: string;
  /** Its number in the log, from 1. */
  readonly version: number;
  /** Hash of the entry before; 32 zero bytes for the first. */
  readonly previousHash: Uint8Array;
  /** Milliseconds since 1970 by the author's clock. */
  readonly time: number;
  /** Absent for `departed`, and for that only. */
  readonly author: MembershipAuthor | undefined;
  readonly action: MembershipAction;
}

/** An entry taken apart. */
export interface DecodedMembershipEntry {
  readonly entry: MembershipEntry;
  /** What the author signed. */
  readonly signedBytes: Uint8Array;
  /** Empty for `departed`. */
  readonly signature: Uint8Array;
}

const VERSION = 1;
const NO_HASH = new Uint8Array(32);
const types = ['create', 'add', 'remove', 'role', 'leave', 'rename', 'departed'] as const;
const roles = ['member', 'admin'] as const;
const FIXED_BYTES = 2 + UUID_BYTES + 4 + 32 + 8 + UUID_BYTES + 32;

/** All of an entry but its signature. Throws `input.invalid` for what the decoder would refuse. */
export function encodeMembershipEntry(entry: MembershipEntry): Uint8Array {
  const { action, author } = entry;
  if (!isSound(entry)) throw new CryptoError('input.invalid', 'not a membership entry');
  assertLength(entry.previousHash, 32, 'a hash');
  const payload = encodePayload(action);
  const writer = new ByteWriter(FIXED_BYTES + payload.length)
    .u8(VERSION)
    .u8(types.indexOf(action.type) + 1)
    .bytes(encodeUuid(entry.conversation))
    .u32(entry.version)
    .bytes(entry.previousHash)
    .time(entry.time);
  if (author) writer.bytes(encodeUuid(author.user)).bytes(author.identityKey);
  return writer.bytes(payload).finish();
}

/** Takes an entry apart and verifies nothing but its form. Throws `encoding.*`. */
export function decodeMembershipEntry(encoded: Uint8Array): DecodedMembershipEntry {
  const reader = new ByteReader(encoded);
  if (reader.u8() !== VERSION) throw new CryptoError('encoding.unsupported', 'membership entry');
  const type = types[reader.u8() - 1];
  if (type === undefined) throw malformed('an unknown membership action');
  const conversation = readUuid(reader);
  const version = reader.u32();
  const previousHash = reader.bytes(32);
  const time = reader.time();
  const author = type === 'departed' ? undefined : readAuthor(reader);
  const action = readAction(reader, type);
  const signedBytes = encoded.slice(0, encoded.length - reader.remaining);
  const signature = reader.bytes(author ? SIGNATURE_BYTES : 0);
  reader.end();
  const entry = { conversation, version, previousHash, time, author, action };
  if (!isSound(entry)) throw malformed('not a membership entry');
  return { entry, signedBytes, signature };
}

/** What holds for every entry beyond the form of its fields; whether it may be made, the log decides. */
function isSound({ version, previousHash, author, action }: MembershipEntry): boolean {
  const first = version === 1;
  const placed = version >= 1 && first === equal(previousHash, NO_HASH);
  const authored = (author === undefined) === (action.type === 'departed');
  return placed && authored && first === (action.type === 'create') && listsUsers(action);
}

function listsUsers(action: MembershipAction): boolean {
  if (!('users' in action)) return true;
  const { users, type } = action;
  const ascending = users.every((user, index) => index === 0 || users[index - 1]! < user);
  return ascending && users.length < GROUP_MEMBERS_MAX && (type === 'create' || users.length > 0);
}

function encodePayload(action: MembershipAction): Uint8Array {
  switch (action.type) {
    case 'create':
    case 'add':
    case 'remove':
      return concat(Uint8Array.of(action.users.length), ...action.users.map(encodeUuid));
    case 'role':
      return concat(encodeUuid(action.user), Uint8Array.of(roles.indexOf(action.role)));
    case 'leave':
      return new Uint8Array(0);
    case 'rename':
      assertLength(action.titleHash, 32, 'a hash');
      return action.titleHash;
    case 'departed':
      return encodeUuid(action.user);
  }
}

function readAction(reader: ByteReader, type: MembershipAction['type']): MembershipAction {
  switch (type) {
    case 'create':
    case 'add':
    case 'remove':
      return { type, users: Array.from({ length: reader.u8() }, () => readUuid(reader)) };
    case 'role': {
      const user = readUuid(reader);
      const role = roles[reader.u8()];
      if (role === undefined) throw malformed('an unknown role');
      return { type, user, role };
    }
    case 'leave':
      return { type };
    case 'rename':
      return { type, titleHash: reader.bytes(32) };
    case 'departed':
      return { type, user: readUuid(reader) };
  }
}

function readAuthor(reader: ByteReader): MembershipAuthor {
  const user = readUuid(reader);
  return { user, identityKey: verifyingKey(reader.bytes(32)) };
}

function readUuid(reader: ByteReader): string {
  return decodeUuid(reader.bytes(UUID_BYTES));
}

function malformed(message: string): CryptoError {
  return new CryptoError('encoding.invalid', message);
}
