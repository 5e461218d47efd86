/**
 * The one error of this package. Callers switch over `code`; messages are for people and logs,
 * short, and never contain a key, a plaintext or an identifier.
 */

/** Everything that can go wrong, as stable names. A new failure gets a new name; none is ever reused. */
export type CryptoErrorCode =
  /** The caller broke the contract of a function: wrong length, value out of range. A bug, not an attack. */
  | 'input.invalid'
  /** Bytes that are not the canonical encoding of anything: truncated, trailing, unknown field, over a bound. */
  | 'encoding.invalid'
  /** A well-formed version or suite that this release does not read. */
  | 'encoding.unsupported'
  /** A public key that is not the one canonical encoding of a point on the curve. */
  | 'key.invalid'
  /** A public key of low order: every agreement with it is the same known value. */
  | 'key.low-order'
  /** A public key with a torsion component: another encoding of the same key. */
  | 'key.torsion'
  /** A signature that does not verify strictly under the given key and label. */
  | 'signature.invalid'
  /** The other side offers no suite that we speak. */
  | 'suite.unsupported'
  /** A first message names a prekey that we do not hold (any more). Ask for a re-send in a new session. */
  | 'prekey.unknown'
  /** A first message or a membership entry comes from another identity key than the pinned one. Warn; never accept silently. */
  | 'identity.changed'
  /** Wrong key, changed bytes, wrong sender or receiver: one error for all of them, on purpose. */
  | 'message.undecryptable'
  /** The key of this message was used or dropped already: a duplicate, or far too late. */
  | 'message.duplicate'
  /** The message would need more skipped keys than the limit allows; refused before any derivation. */
  | 'message.too-far-ahead'
  /** There is no session that could encrypt or decrypt. Fetch a bundle and start one. */
  | 'session.none'
  /** The session was never answered within its time, or has used up its counters. Start a new one. */
  | 'session.expired'
  /** No session decrypts, and a stored one could not be read: damaged, or written by a later release. */
  | 'session.unreadable'
  /** A group message of a chain whose distribution message has not come: keep it, and ask for that. */
  | 'sender-key.unknown'
  /** The envelope names another conversation, message or sender than the transport did. */
  | 'envelope.mismatch'
  /** A file's bytes do not authenticate: wrong key or context, changed, cut short or extended. One for all. */
  | 'file.undecryptable'
  /** Entries of a membership log or leaves of an account are missing before this one: fetch them first. */
  | 'log.gap'
  /** An entry of a membership log that its author may not make, or that changes nothing. */
  | 'log.refused'
  /** A proof of the key log does not hold, or a leaf is of another account: the log is not what it claims. */
  | 'proof.invalid'
  /** The key log has an identity for our own account that we did not make. Show it; trust nothing meanwhile. */
  | 'key-log.foreign'
  /** A membership log, device list or key log head older than one already seen. */
  | 'head.rolled-back'
  /** Two different heads of one version: a fork. */
  | 'head.forked';

/** Thrown by every function of this package for every failure that is not a defect of the package itself. */
export class CryptoError extends Error {
  override readonly name = 'CryptoError';
  readonly code: CryptoErrorCode;

  constructor(code: CryptoErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
