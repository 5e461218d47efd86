/**
 * The key log: every identity that an account ever had, as leaves of one append-only Merkle tree, so that
 * a server cannot hand out another key unseen. An account's leaves are chained to each other; the owner
 * checks that the newest is its own, contacts that it follows on the one they saw, and both that it is in
 * the tree; contacts compare (version, hash) inside their messages, and witnesses follow the whole tree.
 *
 * Accounts and keys appear under an HMAC key that the server gives to its users and not to witnesses:
 * these can check the chains without learning who is who.
 */
import { encodeUuid } from './address.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { assertInteger, assertLength, concat, equal } from './bytes.ts';
import { SIGNATURE_BYTES, signStatement, verifyStatement } from './ed25519.ts';
import { CryptoError } from './errors.ts';
import { compareHeads, type Head } from './head.ts';
import { KDF_LABELS, labelled, type SignaturePurpose } from './kdf.ts';
import type { IdentityKey, SigningKeyPair, VerifyingKey } from './keys.ts';
import { leafHashOf, type TreeRoot, verifyConsistency } from './merkle-tree.ts';
import type { Provider } from './provider.ts';

/** One identity of one account. */
export interface AccountLeaf {
  readonly type: 'account';
  /** {@link blindAccount}, 32 bytes. */
  readonly account: Uint8Array;
  /** 1 for the account's first identity. */
  readonly version: number;
  /** Hash of the account's leaf before; 32 zero bytes for the first. */
  readonly previousHash: Uint8Array;
  /** {@link digestKey}, 32 bytes. */
  readonly keyDigest: Uint8Array;
}

/** The platform was restored from a backup: what it had issued since is void. */
export interface RestoredLeaf {
  readonly type: 'restored';
  readonly incarnation: number;
  /** Milliseconds since 1970 by the server's clock. */
  readonly time: number;
}

/** What a leaf of the tree says. */
export type KeyLogLeaf = AccountLeaf | RestoredLeaf;

const VERSION = 1;
const TYPE_ACCOUNT = 1;
const TYPE_RESTORED = 2;
const NO_HASH = new Uint8Array(32);
const WITNESS: SignaturePurpose = 'keyLogWitness';

/** The name of an account in the log. `blindingKey` is 32 bytes; the user a UUID. */
export function blindAccount(
  provider: Provider,
  blindingKey: Uint8Array,
  user: string,
): Uint8Array {
  return blinded(provider, blindingKey, labelled(KDF_LABELS.keyLogAccount, encodeUuid(user)));
}

/** The name of an account's identity in the log. */
export function digestKey(
  provider: Provider,
  blindingKey: Uint8Array,
  { user, identityKey }: { readonly user: string; readonly identityKey: IdentityKey },
): Uint8Array {
  const key = concat(encodeUuid(user), identityKey);
  return blinded(provider, blindingKey, labelled(KDF_LABELS.keyLogDigest, key));
}

/** A leaf as bytes. Throws `input.invalid` for a value out of range. */
export function encodeKeyLogLeaf(leaf: KeyLogLeaf): Uint8Array {
  const writer = new ByteWriter(102).u8(VERSION);
  if (leaf.type === 'restored') {
    return writer.u8(TYPE_RESTORED).u32(leaf.incarnation).time(leaf.time).finish();
  }
  const { account, version, previousHash, keyDigest } = leaf;
  for (const hash of [account, previousHash, keyDigest]) assertLength(hash, 32, 'a hash');
  assertInteger(version, { min: 1, max: 0xffff_ffff }, 'the version of a leaf');
  if (!isChained(leaf)) throw new CryptoError('input.invalid', 'a leaf without the one before it');
  writer.u8(TYPE_ACCOUNT).bytes(account).u32(version).bytes(previousHash).bytes(keyDigest);
  return writer.finish();
}

/** The inverse of {@link encodeKeyLogLeaf}; throws `encoding.*`. */
export function decodeKeyLogLeaf(bytes: Uint8Array): KeyLogLeaf {
  const reader = new ByteReader(bytes);
  if (reader.u8() !== VERSION) throw new CryptoError('encoding.unsupported', 'key log leaf');
  const leaf = readLeaf(reader);
  reader.end();
  if (leaf.type === 'account' && !isChained(leaf)) {
    throw new CryptoError('encoding.invalid', 'a leaf without the one before it');
  }
  return leaf;
}

/**
 * The account's newest version and hash after one more of its leaves: for servers, witnesses and clients
 * alike. Throws `encoding.*`; `proof.invalid` for a leaf of another account or none; `log.gap` when one is
 * missing before it; `head.rolled-back` when it is older than `before`; `head.forked` when the account has
 * this version already, or the leaf follows on another one.
 */
export function accountHeadAfter(
  provider: Provider,
  { account, before }: { readonly account: Uint8Array; readonly before: Head | undefined },
  leaf: Uint8Array,
): Head {
  const { version, previousHash } = decodeAccountLeaf(leaf, account);
  const newest = before?.version ?? 0;
  if (version > newest + 1) throw new CryptoError('log.gap', 'leaves are missing before this one');
  if (version < newest) throw new CryptoError('head.rolled-back', 'a leaf older than the newest');
  if (version === newest || !equal(previousHash, before?.hash ?? NO_HASH)) {
    throw new CryptoError('head.forked', 'two different leaves of one version');
  }
  return { version, hash: leafHashOf(provider, leaf) };
}

/** What a contact knows of an account, and what the server hands out for it. */
export interface ContactView {
  /** {@link blindAccount} of the contact. */
  readonly account: Uint8Array;
  /** The newest leaf seen so far, in the log or in the contact's messages. */
  readonly seen: Head | undefined;
  /** {@link digestKey} of the identity that the server hands out. */
  readonly keyDigest: Uint8Array;
}

/**
 * A contact's check. `leaves` are the account's: from `seen` on and with it, or from the first one; at
 * least one. Returns the newest head, to remember. The caller also verifies that the last leaf is in the
 * tree. Throws as {@link accountHeadAfter}, and `identity.changed` when the last leaf is of another key.
 */
export function checkContactLeaves(
  provider: Provider,
  leaves: readonly Uint8Array[],
  { account, seen, keyDigest }: ContactView,
): Head {
  let newest = seen;
  for (const [position, leaf] of leaves.entries()) {
    if (seen && position === 0) compareWithSeen(provider, { account, seen }, leaf);
    else newest = accountHeadAfter(provider, { account, before: newest }, leaf);
  }
  const last = leaves.at(-1);
  if (newest === undefined || last === undefined) throw new CryptoError('log.gap', 'no leaves');
  if (!equal(decodeAccountLeaf(last, account).keyDigest, keyDigest)) {
    throw new CryptoError('identity.changed', 'the log has another identity for the account');
  }
  return newest;
}

/**
 * The owner's check at each start: the log's newest leaf for the account is the one that we know as our
 * own. The caller also verifies that it is in the tree. Throws `key-log.foreign` when there is a newer one
 * that we did not make, `head.rolled-back` for an older one, `head.forked` for another of this version.
 */
export function checkOwnLeaf(
  provider: Provider,
  newest: Uint8Array,
  { account, own }: { readonly account: Uint8Array; readonly own: Head },
): void {
  const { version } = decodeAccountLeaf(newest, account);
  const progress = compareHeads(own, { version, hash: leafHashOf(provider, newest) });
  if (progress !== 'same') {
    throw new CryptoError('key-log.foreign', 'the log has an identity that we did not make');
  }
}

/** The whole log at one time. */
export interface TreeHead extends TreeRoot {
  /** Milliseconds since 1970 by the server's clock. */
  readonly time: number;
}

/** A tree head with the log's signature: 113 bytes. */
export function signTreeHead(
  provider: Provider,
  logKey: SigningKeyPair<'key-log'>,
  head: TreeHead,
): Uint8Array {
  assertLength(head.root, 32, 'a root hash');
  const writer = new ByteWriter(1 + 8 + 8 + 32).u8(VERSION).u64(head.size).time(head.time);
  const message = writer.bytes(head.root).finish();
  const signature = signStatement(provider, logKey.seed, { purpose: 'keyLogHead', message });
  return concat(message, signature);
}

/** What a client or witness holds a new tree head against. */
export interface TreeHeadExpectation {
  readonly logKey: VerifyingKey<'key-log'>;
  /** The largest head seen so far. */
  readonly seen: TreeRoot | undefined;
  /** From the log, between `seen` and the new head; empty when there is none or they are equal. */
  readonly consistency: readonly Uint8Array[];
}

/**
 * Verifies a tree head: signed by the log, and nothing that was in `seen` has changed. Keep it in place of
 * `seen`. Throws `encoding.*`, `signature.invalid`, `head.rolled-back` when it is smaller, `head.forked`
 * when it is another of the same size, `proof.invalid` when it does not continue `seen`.
 */
export function verifyTreeHead(
  provider: Provider,
  encoded: Uint8Array,
  { logKey, seen, consistency }: TreeHeadExpectation,
): TreeHead {
  const { head, message, signature } = decodeTreeHead(encoded);
  const statement = { purpose: 'keyLogHead', message, signature } as const;
  if (!verifyStatement(provider, logKey, statement)) {
    throw new CryptoError('signature.invalid', 'the tree head is not signed by the log');
  }
  if (seen === undefined) return head;
  if (head.size < seen.size) throw new CryptoError('head.rolled-back', 'the log became shorter');
  if (head.size === seen.size && !equal(head.root, seen.root)) {
    throw new CryptoError('head.forked', 'two different logs of one size');
  }
  verifyConsistency(provider, { first: seen, second: head }, consistency);
  return head;
}

/** Takes a tree head apart and verifies nothing but its form. Throws `encoding.*`. */
export function decodeTreeHead(encoded: Uint8Array): {
  readonly head: TreeHead;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
} {
  const reader = new ByteReader(encoded);
  if (reader.u8() !== VERSION) throw new CryptoError('encoding.unsupported', 'tree head');
  const size = reader.u64();
  const time = reader.time();
  const root = reader.bytes(32);
  const signature = reader.bytes(SIGNATURE_BYTES);
  reader.end();
  const message = encoded.slice(0, encoded.length - SIGNATURE_BYTES);
  return { head: { size, time, root }, message, signature };
}

/**
 * A witness's signature, 64 bytes, under a tree head that it has verified and all of whose leaves it has
 * followed with {@link accountHeadAfter}.
 */
export function cosignTreeHead(
  provider: Provider,
  witness: SigningKeyPair<'witness'>,
  encoded: Uint8Array,
): Uint8Array {
  const { message } = decodeTreeHead(encoded);
  return signStatement(provider, witness.seed, { purpose: WITNESS, message });
}

/** Whether a witness has signed this tree head. Throws `encoding.*` when it is none. */
export function verifyCosignature(
  provider: Provider,
  witnessKey: VerifyingKey<'witness'>,
  { encoded, cosignature }: { readonly encoded: Uint8Array; readonly cosignature: Uint8Array },
): boolean {
  const { message } = decodeTreeHead(encoded);
  const statement = { purpose: WITNESS, message, signature: cosignature };
  return verifyStatement(provider, witnessKey, statement);
}

function compareWithSeen(
  provider: Provider,
  { account, seen }: { readonly account: Uint8Array; readonly seen: Head },
  leaf: Uint8Array,
): void {
  const { version } = decodeAccountLeaf(leaf, account);
  if (compareHeads(seen, { version, hash: leafHashOf(provider, leaf) }) === 'newer') {
    throw new CryptoError('log.gap', 'leaves are missing before this one');
  }
}

function decodeAccountLeaf(bytes: Uint8Array, account: Uint8Array): AccountLeaf {
  const leaf = decodeKeyLogLeaf(bytes);
  if (leaf.type !== 'account' || !equal(leaf.account, account)) {
    throw new CryptoError('proof.invalid', 'a leaf of another account');
  }
  return leaf;
}

function readLeaf(reader: ByteReader): KeyLogLeaf {
  const type = reader.u8();
  if (type === TYPE_RESTORED) {
    return { type: 'restored', incarnation: reader.u32(), time: reader.time() };
  }
  if (type !== TYPE_ACCOUNT) throw new CryptoError('encoding.invalid', 'an unknown kind of leaf');
  const account = reader.bytes(32);
  const version = reader.u32();
  const previousHash = reader.bytes(32);
  return { type: 'account', account, version, previousHash, keyDigest: reader.bytes(32) };
}

function isChained({ version, previousHash }: AccountLeaf): boolean {
  return version >= 1 && equal(previousHash, NO_HASH) === (version === 1);
}

function blinded(provider: Provider, blindingKey: Uint8Array, message: Uint8Array): Uint8Array {
  assertLength(blindingKey, 32, 'a blinding key');
  return provider.hmacSha256(blindingKey, message);
}
