/**
 * A key log that was restored from a backup is another log than the one that was seen, from some leaf on. Only a leaf
 * that says so may explain that, in a tree that the log has signed: what it costs to believe it is in SECURITY.md.
 */
import { CryptoError } from './errors.ts';
import { decodeKeyLogLeaf, type RestoredLeaf, type TreeHead, verifyTreeHead } from './key-log.ts';
import type { VerifyingKey } from './keys.ts';
import { KEY_LOG_SKEW_MS_MAX } from './limits.ts';
import { leafHashOf, verifyInclusion } from './merkle-tree.ts';
import type { Provider } from './provider.ts';

/** The leaf that tells of the restore, and the proof that it is in the tree of the new head. */
export interface RestoredProof {
  readonly leaf: Uint8Array;
  readonly index: number;
  readonly inclusion: readonly Uint8Array[];
}

/** What a head that does not continue the one seen is held against. */
export interface RestoredExpectation {
  readonly logKey: VerifyingKey<'key-log'>;
  /** Time of the newest head seen: a restore explains only what came before it. */
  readonly seenTime: number;
  readonly restored: RestoredProof;
}

/**
 * Verifies a head that follows on a restore, in place of `verifyTreeHead`. Throws `encoding.*`, `signature.invalid`,
 * `proof.invalid` for a leaf that is of another kind, not in the tree, or dated after the head that it is under, and
 * `head.rolled-back` for one that is older than the head seen: that one has told of itself already. The caller holds the
 * head's time against its own clock, with `KEY_LOG_SKEW_MS_MAX`: a leaf from the future would explain all until then.
 */
export function verifyRestoredHead(
  provider: Provider,
  encoded: Uint8Array,
  { logKey, seenTime, restored: { leaf, index, inclusion } }: RestoredExpectation,
): { readonly head: TreeHead; readonly restored: RestoredLeaf } {
  const head = verifyTreeHead(provider, encoded, { logKey, seen: undefined, consistency: [] });
  const restored = decodeKeyLogLeaf(leaf);
  if (restored.type !== 'restored') {
    throw new CryptoError('proof.invalid', 'a leaf that tells of no restore');
  }
  verifyInclusion(provider, head, { leafHash: leafHashOf(provider, leaf), index, path: inclusion });
  if (restored.time > head.time + KEY_LOG_SKEW_MS_MAX) {
    throw new CryptoError('proof.invalid', 'a restore after the head that tells of it');
  }
  if (restored.time < seenTime) {
    throw new CryptoError('head.rolled-back', 'a restore before the newest head seen');
  }
  return { head, restored };
}
