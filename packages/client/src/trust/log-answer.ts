/** The key log's answer about one account, held against what was seen of the log. Pure: asks nobody, keeps nothing. */
import type { Answer, getKeyLogAccount, UserId } from '@sotto/api';
import {
  accountHeadAfter,
  blindAccount,
  CryptoError,
  checkContactLeaves,
  checkOwnLeaf,
  decodeKeyLogLeaf,
  decodeTreeHead,
  digestKey,
  type Head,
  KEY_LOG_SKEW_MS_MAX,
  leafHashOf,
  type Provider,
  type RestoredLeaf,
  type TreeHead,
  type VerifyingKey,
  verifyCosignature,
  verifyInclusion,
  verifyingKey,
  verifyRestoredHead,
  verifyTreeHead,
} from '@sotto/crypto';
import { sameBytes } from '../account/records.ts';
import { ClientError } from '../errors.ts';
import type { ContactLeaf, LogPin, OwnLeaf, SeenTree } from './log-standing.ts';

export type AccountAnswer = Answer<typeof getKeyLogAccount>;

/** What an answer is held against. */
export interface LogView {
  readonly pin: LogPin;
  readonly seen: SeenTree | undefined;
  /** Every one of them must have signed the head, or one of the last hour that it continues. */
  readonly witnesses: readonly Uint8Array[];
  readonly now: number;
}

/**
 * How long a witness's signature is good for the heads that continue the one it is under. While leaves come in, the newest
 * head is younger than any witness's last look; what came since could be taken back for as long before a witness sees it.
 */
const WITNESSED_MS = 3_600_000;

/** What came of an answer. */
export interface VerifiedTree {
  /** To keep in place of the one seen. */
  readonly tree: SeenTree;
  /** Set when the tree does not continue the one seen, because the platform was restored since. */
  readonly restored?: RestoredLeaf;
}

/**
 * Verifies that the answer's head continues the largest tree seen, or follows on a restore since, that every witness has
 * signed it or a recent one that it continues, and that the last leaf is in its tree. Throws `CryptoError` as
 * `verifyTreeHead` and `verifyInclusion` do; `key-log.unwitnessed`, which passes when a witness has come by; and
 * `answer.invalid` for a restore under a head from the future, which passes when one of the two clocks was put right.
 */
export function verifyTree(
  provider: Provider,
  answer: AccountAnswer,
  { pin, seen, witnesses, now }: LogView,
): VerifiedTree {
  const { index, inclusion, leaves } = answer;
  const logKey = verifyingKey<'key-log'>(pin.logKey);
  const { head: tree, restored } = verifyHead(provider, answer, { logKey, seen, now });
  const leafHash = leafHashOf(provider, leaves.at(-1)!);
  verifyInclusion(provider, tree, { leafHash, index, path: inclusion });
  for (const witness of witnesses) {
    if (hasSigned(provider, answer, witness)) continue;
    if (hasSignedBefore(provider, answer, { witness, logKey, now })) continue;
    throw new ClientError(
      'key-log.unwitnessed',
      'a witness has not signed the head of the key log',
    );
  }
  const { size, root, time } = tree;
  return { tree: { size, root, time }, ...(restored && { restored }) };
}

/** The head that continues the one seen; or, where it does not, one with the leaf of a restore that came after that. */
function verifyHead(
  provider: Provider,
  { head, consistency, restored }: AccountAnswer,
  { logKey, seen, now }: Pick<LogView, 'seen' | 'now'> & { logKey: VerifyingKey<'key-log'> },
): { head: TreeHead; restored?: RestoredLeaf } {
  try {
    return { head: verifyTreeHead(provider, head, { logKey, seen, consistency }) };
  } catch (error) {
    if (seen === undefined || restored === undefined || !isOtherTree(error)) throw error;
    const seenTime = seen.time ?? 0;
    const following = verifyRestoredHead(provider, head, { logKey, seenTime, restored });
    if (following.head.time <= now + KEY_LOG_SKEW_MS_MAX) return following;
    throw new ClientError('answer.invalid', 'a restored key log signs its head in the future');
  }
}

function isOtherTree(error: unknown): boolean {
  if (!(error instanceof CryptoError)) return false;
  return ['head.rolled-back', 'head.forked', 'proof.invalid'].includes(error.code);
}

function hasSigned(
  provider: Provider,
  { head: encoded, cosignatures }: AccountAnswer,
  witness: Uint8Array,
): boolean {
  const key = verifyingKey<'witness'>(witness);
  return cosignatures
    .filter(({ witnessKey }) => sameBytes(witnessKey, witness))
    .some(({ signature: cosignature }) =>
      verifyCosignature(provider, key, { encoded, cosignature }),
    );
}

/** Throws as `verifyTreeHead` does when a witness has signed a head that this one does not continue: a fork. */
function hasSignedBefore(
  provider: Provider,
  { head: newest, earlier = [] }: AccountAnswer,
  { witness, logKey, now }: { witness: Uint8Array; logKey: VerifyingKey<'key-log'>; now: number },
): boolean {
  const key = verifyingKey<'witness'>(witness);
  return earlier
    .filter(({ witnessKey }) => sameBytes(witnessKey, witness))
    .some(({ head: encoded, signature: cosignature, consistency }) => {
      if (!verifyCosignature(provider, key, { encoded, cosignature })) return false;
      const { head: seen } = decodeTreeHead(encoded);
      verifyTreeHead(provider, newest, { logKey, seen, consistency });
      return now - seen.time <= WITNESSED_MS;
    });
}

/** An account in a log. */
export interface LoggedAccount {
  readonly pin: LogPin;
  readonly user: UserId;
  readonly identityKey: Uint8Array;
}

/**
 * Our newest leaf, found to be ours. When we knew it before, nothing may have changed; the first one of an identity may
 * follow on others, unless this device made the account. Throws `CryptoError`, `key-log.foreign` among them.
 */
export function verifyOwnLeaves(
  provider: Provider,
  leaves: readonly Uint8Array[],
  { known, isFirst, ...own }: LoggedAccount & { known: OwnLeaf | undefined; isFirst: boolean },
): Head {
  const { account, keyDigest } = namesOf(provider, own);
  if (known && sameBytes(known.identityKey, own.identityKey)) {
    checkOwnLeaf(provider, leaves.at(-1)!, { account, own: known.head });
    return known.head;
  }
  const head = checkContactLeaves(provider, leaves, { account, seen: known?.head, keyDigest });
  if (known !== undefined || !isFirst || head.version === 1) return head;
  throw new CryptoError('key-log.foreign', 'the log has an identity that we did not make');
}

/** A contact's newest leaf, of this identity and later than all that is known of it. Throws `CryptoError`. */
export function verifyContactLeaves(
  provider: Provider,
  leaves: readonly Uint8Array[],
  { known, ...contact }: LoggedAccount & { known: ContactLeaf },
): Head {
  const view = { ...namesOf(provider, contact), seen: known.head };
  const head = checkContactLeaves(provider, leaves, view);
  if (known.claimed === undefined) return head;
  const { version, hash } = known.claimed;
  const claimed = leaves.at(version - head.version - 1);
  const isThere = version <= head.version && claimed !== undefined;
  if (isThere && sameBytes(leafHashOf(provider, claimed), hash)) return head;
  throw new CryptoError('head.forked', 'the contact names a leaf that the log does not have');
}

/** The identities that an account has had. */
export interface IdentityVersions {
  /** How many leaves it has. */
  readonly newest: number;
  /** The number of its newest leaf that is of this identity; undefined when it never had that. */
  versionOf(identityKey: Uint8Array): number | undefined;
}

/** Takes all of the account's leaves, from the first one. Throws `CryptoError` when they are no chain. */
export function identitiesIn(
  provider: Provider,
  leaves: readonly Uint8Array[],
  { pin, user }: Pick<LoggedAccount, 'pin' | 'user'>,
): IdentityVersions {
  const account = blindAccount(provider, pin.blindingKey, user);
  let before: Head | undefined;
  const digests = leaves.map((leaf) => {
    before = accountHeadAfter(provider, { account, before }, leaf);
    const decoded = decodeKeyLogLeaf(leaf);
    return decoded.type === 'account' ? decoded.keyDigest : undefined;
  });
  return {
    newest: digests.length,
    versionOf(identityKey) {
      const { keyDigest } = namesOf(provider, { pin, user, identityKey });
      const index = digests.findLastIndex((digest) => digest && sameBytes(digest, keyDigest));
      return index < 0 ? undefined : index + 1;
    },
  };
}

function namesOf(provider: Provider, { pin, user, identityKey }: LoggedAccount) {
  const identity = { user, identityKey: verifyingKey<'identity'>(identityKey) };
  return {
    account: blindAccount(provider, pin.blindingKey, user),
    keyDigest: digestKey(provider, pin.blindingKey, identity),
  };
}
