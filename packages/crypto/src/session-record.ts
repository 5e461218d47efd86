/**
 * All sessions with one remote device: the one in use, and superseded ones for messages still under
 * way. The current session is kept decoded; archived ones stay bytes until they are tried, because
 * the record is read and written for every message.
 */
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { CryptoError } from './errors.ts';
import { type IdentityKey, verifyingKey } from './keys.ts';
import { ARCHIVE_BYTES_MAX, ARCHIVED_SESSIONS_MAX } from './limits.ts';
import type { Suite } from './suite.ts';

/** One session. `State` belongs to the suite. */
export interface Session<State> {
  /** 32 bytes, the same on both sides. */
  readonly id: Uint8Array;
  readonly remoteIdentity: IdentityKey;
  readonly remoteRegistrationId: number;
  /** Milliseconds since 1970, by our clock. */
  readonly createdAt: number;
  /** Goes before each message that we send; undefined once the other side has answered. */
  readonly pendingHandshake: Uint8Array | undefined;
  /** Set when the store may be stale: what we would send could repeat what we sent. */
  readonly receiveOnly: boolean;
  readonly state: State;
}

/** What a client stores for each remote device, encoded. Plain data; every transition makes a new one. */
export interface SessionRecord<State> {
  readonly current: Session<State> | undefined;
  /** Encoded sessions, newest first. */
  readonly archived: readonly Uint8Array[];
}

const VERSION = 1;
const RECEIVE_ONLY = 1;
const SESSION_FIXED_BYTES = 32 + 32 + 2 + 8 + 1 + 2;

/** The record as bytes, about 400 for one session. */
export function encodeSessionRecord<State>(
  suite: Suite<State>,
  record: SessionRecord<State>,
): Uint8Array {
  const current = record.current ? encodeSession(suite, record.current) : noBytes;
  const archivedBytes = record.archived.reduce((sum, session) => sum + 4 + session.length, 0);
  const writer = new ByteWriter(2 + 4 + current.length + 1 + archivedBytes)
    .u8(VERSION)
    .u8(suite.id)
    .u32(current.length)
    .bytes(current)
    .u8(record.archived.length);
  for (const session of record.archived) writer.u32(session.length).bytes(session);
  return writer.finish();
}

/**
 * The inverse of {@link encodeSessionRecord}. Throws `encoding.unsupported` for another version or
 * suite and `encoding.invalid` for anything else that was not written by it. Archived sessions are
 * decoded, and then checked, when they are tried.
 */
export function decodeSessionRecord<State>(
  suite: Suite<State>,
  bytes: Uint8Array,
): SessionRecord<State> {
  const reader = new ByteReader(bytes);
  if (reader.u8() !== VERSION) throw new CryptoError('encoding.unsupported', 'session record');
  if (reader.u8() !== suite.id) throw new CryptoError('encoding.unsupported', 'session suite');
  const current = reader.bytes(reader.u32());
  const count = reader.u8();
  if (count > ARCHIVED_SESSIONS_MAX) {
    throw new CryptoError('encoding.invalid', 'too many archived sessions');
  }
  const archived = Array.from({ length: count }, () => reader.bytes(reader.u32()));
  reader.end();
  return { current: current.length > 0 ? decodeSession(suite, current) : undefined, archived };
}

/** One session as bytes. */
export function encodeSession<State>(suite: Suite<State>, session: Session<State>): Uint8Array {
  const handshake = session.pendingHandshake ?? noBytes;
  const state = suite.encode(session.state);
  return new ByteWriter(SESSION_FIXED_BYTES + handshake.length + state.length)
    .bytes(session.id)
    .bytes(session.remoteIdentity)
    .u16(session.remoteRegistrationId)
    .u64(session.createdAt)
    .u8(session.receiveOnly ? RECEIVE_ONLY : 0)
    .u16(handshake.length)
    .bytes(handshake)
    .bytes(state)
    .finish();
}

/** The inverse of {@link encodeSession}; throws `encoding.*`. */
export function decodeSession<State>(suite: Suite<State>, bytes: Uint8Array): Session<State> {
  const reader = new ByteReader(bytes);
  const id = reader.bytes(32);
  const remoteIdentity = verifyingKey<'identity'>(reader.bytes(32));
  const remoteRegistrationId = reader.u16();
  const createdAt = reader.u64();
  const flags = reader.u8();
  if (flags > RECEIVE_ONLY) throw new CryptoError('encoding.invalid', 'session flags');
  const handshake = reader.bytes(reader.u16());
  const state = suite.decode(reader.rest());
  return {
    id,
    remoteIdentity,
    remoteRegistrationId,
    createdAt,
    pendingHandshake: handshake.length > 0 ? handshake : undefined,
    receiveOnly: flags === RECEIVE_ONLY,
    state,
  };
}

/** The id of an encoded session, without decoding the rest. */
export function encodedSessionId(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(0, 32);
}

/** The record with `session` in use and the one before it, if any, archived. */
export function makeCurrent<State>(
  suite: Suite<State>,
  record: SessionRecord<State>,
  session: Session<State>,
): SessionRecord<State> {
  if (!record.current) return { ...record, current: session };
  const archived = [encodeSession(suite, record.current), ...record.archived];
  return { current: session, archived: withinBounds(archived) };
}

/** Drops the oldest sessions beyond the count and the size that a record may have. */
function withinBounds(archived: readonly Uint8Array[]): readonly Uint8Array[] {
  let bytes = 0;
  const kept = archived.slice(0, ARCHIVED_SESSIONS_MAX);
  return kept.filter((session) => {
    bytes += session.length;
    return bytes <= ARCHIVE_BYTES_MAX;
  });
}

const noBytes = new Uint8Array(0);
