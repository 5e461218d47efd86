/**
 * Sessions with one remote device: which one sends, which one decrypts, when one takes over. Knows no
 * keys of the ratchet and no message format; those are the suite's. Follows the Sesame specification
 * where it speaks of one device: a session that decrypts becomes the one to send with.
 */
import type { Address } from './address.ts';
import { equal } from './bytes.ts';
import { CryptoError, type CryptoErrorCode } from './errors.ts';
import type { IdentityKey } from './keys.ts';
import { PLAINTEXT_BYTES_MAX, UNANSWERED_SESSION_MS_MAX } from './limits.ts';
import type { VerifiedBundle } from './prekeys.ts';
import type { Provider } from './provider.ts';
import {
  decodeSession,
  encodedSessionId,
  encodeSession,
  makeCurrent,
  type Session,
  type SessionRecord,
} from './session-record.ts';
import type { FirstMessageFacts, LocalParty, PrekeySource, Suite } from './suite.ts';

/** Made once by the application: where primitives come from, and which suite is spoken. */
export interface SessionDeps<State> {
  readonly provider: Provider;
  readonly suite: Suite<State>;
}

/** A bundle that was verified, and whom it is said to belong to. */
export interface StartInput<State> {
  readonly local: LocalParty;
  readonly remoteAddress: Address;
  readonly bundle: VerifiedBundle;
  /** The identity that this account is known by, if it is known. */
  readonly pinnedIdentity: IdentityKey | undefined;
  /** The record that exists for this device, whose current session is then archived. */
  readonly record?: SessionRecord<State> | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** What to encrypt, and for whom. */
export interface EncryptInput {
  /** At most 64 KiB; padded, see `sealEnvelope`. */
  readonly plaintext: Uint8Array;
  /** The identity that this account is known by: no session with another one is used. */
  readonly pinnedIdentity: IdentityKey;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** A message, the one it is said to be from, and what we know of them. */
export interface DecryptInput {
  readonly message: Uint8Array;
  readonly local: LocalParty;
  readonly remoteAddress: Address;
  /** The identity that this account is known by, if it is known. */
  readonly pinnedIdentity: IdentityKey | undefined;
  readonly prekeys: PrekeySource;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** The outcome of {@link decryptMessage}. Save the record, delete the prekey, then show the plaintext. */
export interface DecryptedMessage<State> {
  readonly record: SessionRecord<State>;
  readonly plaintext: Uint8Array;
  /** The identity of the session that decrypted. Not the pinned one when an old session is used up. */
  readonly remoteIdentity: IdentityKey;
  /** Delete this one-time prekey in the same transaction. */
  readonly usedOneTimePrekeyId: number | undefined;
}

/**
 * A session towards the owner of a bundle, as current in the returned record. Throws
 * `suite.unsupported` when the bundle does not list our suite, and `identity.changed` when it is from
 * another identity than the pinned one.
 */
export function startSession<State>(
  deps: SessionDeps<State>,
  { record, ...input }: StartInput<State>,
): SessionRecord<State> {
  return adoptSession(deps, record, initiateSession(deps, input));
}

/**
 * The slow part of {@link startSession}, which needs no record: a session that is in none yet. Throws as
 * that does.
 */
export function initiateSession<State>(
  { provider, suite }: SessionDeps<State>,
  input: Omit<StartInput<State>, 'record'>,
): Session<State> {
  const { local, remoteAddress, bundle, pinnedIdentity, now } = input;
  if (pinnedIdentity && !equal(pinnedIdentity, bundle.identityKey)) {
    throw new CryptoError('identity.changed', 'the bundle is from another identity');
  }
  if (!bundle.suites.includes(suite.id)) {
    throw new CryptoError('suite.unsupported', 'the bundle does not offer our suite');
  }
  const initiated = suite.initiate(provider, { local, bundle, remoteAddress });
  return {
    id: initiated.sessionId,
    remoteIdentity: bundle.identityKey,
    remoteRegistrationId: bundle.registrationId,
    createdAt: now,
    pendingHandshake: initiated.handshake,
    receiveOnly: false,
    state: initiated.state,
  };
}

/** The record in which an initiated session is current, and the one that was is archived. */
export function adoptSession<State>(
  { suite }: Pick<SessionDeps<State>, 'suite'>,
  record: SessionRecord<State> | undefined,
  session: Session<State>,
): SessionRecord<State> {
  return makeCurrent(suite, record ?? emptyRecord(), session);
}

/**
 * Encrypts with the current session. Save the record before the message leaves. Throws `session.none`
 * when no session with the pinned identity may send, and `session.expired` when the current one was
 * not answered in 30 days or has no counter left: then fetch a bundle and {@link startSession}, giving
 * it this record. Throws `input.invalid` for a plaintext of more than 64 KiB.
 */
export function encryptMessage<State>(
  { provider, suite }: SessionDeps<State>,
  record: SessionRecord<State>,
  { plaintext, pinnedIdentity, now }: EncryptInput,
): { readonly record: SessionRecord<State>; readonly message: Uint8Array } {
  if (plaintext.length > PLAINTEXT_BYTES_MAX) {
    throw new CryptoError('input.invalid', `a plaintext has at most ${PLAINTEXT_BYTES_MAX} bytes`);
  }
  const session = record.current;
  if (!session || session.receiveOnly || !equal(session.remoteIdentity, pinnedIdentity)) {
    throw new CryptoError('session.none', 'there is no session to send with');
  }
  const handshake = session.pendingHandshake;
  if (handshake && now - session.createdAt > UNANSWERED_SESSION_MS_MAX) {
    throw new CryptoError('session.expired', 'the session was never answered');
  }
  const { state, message } = suite.encrypt(provider, session.state, plaintext);
  return {
    record: { ...record, current: { ...session, state } },
    message: handshake ? suite.withHandshake(handshake, message) : message,
  };
}

/**
 * Decrypts with whichever session can, or with a new one that the message itself starts. On any
 * failure the record is as it was: `identity.changed` when a first message is from another identity
 * than the pinned one, `prekey.unknown`, `message.*`, `session.none`, `encoding.*`, `key.*`, and
 * `session.unreadable` when none decrypts and an archived one does not decode.
 */
export function decryptMessage<State>(
  deps: SessionDeps<State>,
  record: SessionRecord<State> | undefined,
  input: DecryptInput,
): DecryptedMessage<State> {
  const facts = deps.suite.inspect(input.message);
  const known = record ?? emptyRecord<State>();
  if (facts.kind === 'ongoing') {
    return decryptOngoing(deps, known, { ...input, inner: facts.inner });
  }
  if (input.pinnedIdentity && !equal(input.pinnedIdentity, facts.identityKey)) {
    throw new CryptoError('identity.changed', 'the first message is from another identity');
  }
  return decryptFirst(deps, known, { ...input, first: facts });
}

/**
 * Marks all sessions as for receiving only, after a store was found to be older than what the server
 * has seen of it. What was encrypted for them still decrypts; sending needs a new session. An archived
 * session that does not decode cannot be marked, and is dropped.
 */
export function retireSessions<State>(
  { suite }: SessionDeps<State>,
  record: SessionRecord<State>,
): SessionRecord<State> {
  const retire = (session: Session<State>) => ({ ...session, receiveOnly: true });
  return {
    current: record.current && retire(record.current),
    archived: record.archived
      .map((bytes) => readArchived(suite, bytes))
      .filter((session) => session !== undefined)
      .map((session) => encodeSession(suite, retire(session))),
  };
}

function emptyRecord<State>(): SessionRecord<State> {
  return { current: undefined, archived: [] };
}

/** A message with a handshake: for the session that it made before, or for a new one. */
function decryptFirst<State>(
  deps: SessionDeps<State>,
  record: SessionRecord<State>,
  input: DecryptInput & { readonly first: FirstMessageFacts },
): DecryptedMessage<State> {
  const { provider, suite } = deps;
  const { local, remoteAddress, first, prekeys, now } = input;
  const { inner } = first;
  const id = suite.sessionIdOf(provider, { local, remoteAddress, first });
  const position = positionsOf(record).find((at) => equal(sessionIdAt(record, at), id));
  if (position !== undefined) return decryptAt(deps, record, { ...input, position, inner });

  const accepted = suite.accept(provider, { local, remoteAddress, first, prekeys, sessionId: id });
  const { state, plaintext } = suite.decrypt(provider, accepted, inner);
  const session: Session<State> = {
    id,
    remoteIdentity: first.identityKey,
    remoteRegistrationId: first.registrationId,
    createdAt: now,
    pendingHandshake: undefined,
    receiveOnly: false,
    state,
  };
  return {
    record: makeCurrent(suite, record, session),
    plaintext,
    remoteIdentity: first.identityKey,
    usedOneTimePrekeyId: first.oneTimePrekeyId,
  };
}

/** What a failed trial may say while others go on, the most telling first. */
const TRIAL_FAILURES: readonly CryptoErrorCode[] = [
  'message.duplicate',
  'message.too-far-ahead',
  'session.unreadable',
  'message.undecryptable',
];

/**
 * Trial decryption: the message does not say which session it is for. A session that knows the
 * message's chain, but not its key any more, has the last word only if no other session decrypts it;
 * an archived session that cannot be read stays where it is and is reported only then, too.
 */
function decryptOngoing<State>(
  deps: SessionDeps<State>,
  record: SessionRecord<State>,
  input: { readonly inner: Uint8Array; readonly pinnedIdentity: IdentityKey | undefined },
): DecryptedMessage<State> {
  const positions = positionsOf(record);
  if (positions.length === 0) throw new CryptoError('session.none', 'no session with this device');
  const failures = new Map<CryptoErrorCode, CryptoError>();
  for (const position of positions) {
    try {
      return decryptAt(deps, record, { ...input, position });
    } catch (error) {
      if (!(error instanceof CryptoError) || !TRIAL_FAILURES.includes(error.code)) throw error;
      failures.set(error.code, error);
    }
  }
  throw failures.get(TRIAL_FAILURES.find((code) => failures.has(code))!);
}

/** Decrypts with one session, and puts it where it then belongs. */
function decryptAt<State>(
  { provider, suite }: SessionDeps<State>,
  record: SessionRecord<State>,
  input: {
    readonly position: Position;
    readonly inner: Uint8Array;
    readonly pinnedIdentity: IdentityKey | undefined;
  },
): DecryptedMessage<State> {
  const { position, inner, pinnedIdentity } = input;
  const session =
    position === 'current' ? record.current! : readArchived(suite, record.archived[position]!);
  if (session === undefined) {
    throw new CryptoError('session.unreadable', 'an archived session does not decode');
  }
  const { state, plaintext } = suite.decrypt(provider, session.state, inner);
  const advanced: Session<State> = { ...session, pendingHandshake: undefined, state };
  const { remoteIdentity } = session;
  const trusted = !pinnedIdentity || equal(pinnedIdentity, remoteIdentity);
  const mayPromote = trusted && !session.receiveOnly;
  return {
    record: place(suite, record, { position, session: advanced, mayPromote }),
    plaintext,
    remoteIdentity,
    usedOneTimePrekeyId: undefined,
  };
}

/** Undefined when it does not decode: no error of the message's, so the caller says what it means. */
function readArchived<State>(suite: Suite<State>, bytes: Uint8Array): Session<State> | undefined {
  try {
    return decodeSession(suite, bytes);
  } catch (error) {
    if (error instanceof CryptoError) return undefined;
    throw error;
  }
}

/** An archived session that decrypted takes over if it may, because the other side sends with it. */
function place<State>(
  suite: Suite<State>,
  record: SessionRecord<State>,
  input: {
    readonly position: Position;
    readonly session: Session<State>;
    readonly mayPromote: boolean;
  },
): SessionRecord<State> {
  const { position, session, mayPromote } = input;
  if (position === 'current') return { ...record, current: session };
  if (mayPromote) {
    const archived = record.archived.filter((_, index) => index !== position);
    return makeCurrent(suite, { ...record, archived }, session);
  }
  return { ...record, archived: record.archived.with(position, encodeSession(suite, session)) };
}

/** Where a session is in a record: in use, or at an index of the archive. */
type Position = 'current' | number;

function positionsOf<State>(record: SessionRecord<State>): Position[] {
  return [...(record.current ? (['current'] as const) : []), ...record.archived.keys()];
}

function sessionIdAt<State>(record: SessionRecord<State>, position: Position): Uint8Array {
  return position === 'current' ? record.current!.id : encodedSessionId(record.archived[position]!);
}
