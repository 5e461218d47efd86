/**
 * The Merkle tree of RFC 9162 section 2.1, with SHA-256: hashing, growing, proving and verifying. A
 * proof is a list of subtree hashes; who makes one needs only the hashes of complete subtrees, which
 * never change once they are complete and so can be stored.
 */
import { concat, equal } from './bytes.ts';
import { CryptoError } from './errors.ts';
import type { Provider } from './provider.ts';

/** Consecutive leaves: `start` included, `end` not. */
export interface LeafRange {
  readonly start: number;
  readonly end: number;
}

/** A complete subtree: the leaves from `index` · 2^`level` on, 2^`level` of them. Level 0 is a leaf. */
export interface Subtree {
  readonly level: number;
  readonly index: number;
}

/** A complete subtree with its hash. */
export interface SubtreeHash extends Subtree {
  readonly hash: Uint8Array;
}

/** A growing tree, as far as its next root depends on it. */
export interface TreeEdge {
  /** Leaves so far. */
  readonly size: number;
  /** Hashes of the complete subtrees that make it up, from left to right. */
  readonly peaks: readonly Uint8Array[];
}

/** The size and root hash of a tree. */
export interface TreeRoot {
  readonly size: number;
  readonly root: Uint8Array;
}

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

/** A tree without leaves. */
export const emptyTree: TreeEdge = { size: 0, peaks: [] };

/** The hash of a leaf: SHA-256(0x00 ‖ leaf). */
export function leafHashOf(provider: Provider, leaf: Uint8Array): Uint8Array {
  return provider.sha256(concat(LEAF, leaf));
}

/** The tree with one more leaf, and the subtrees that it completes, from the leaf itself upwards. */
export function appendLeaf(
  provider: Provider,
  { size, peaks }: TreeEdge,
  leafHash: Uint8Array,
): { readonly tree: TreeEdge; readonly completed: readonly SubtreeHash[] } {
  const left = [...peaks];
  const completed: SubtreeHash[] = [{ level: 0, index: size, hash: leafHash }];
  let hash = leafHash;
  let index = size;
  while (index % 2 === 1) {
    hash = nodeHash(provider, left.pop()!, hash);
    index = (index - 1) / 2;
    completed.push({ level: completed.length, index, hash });
  }
  return { tree: { size: size + 1, peaks: [...left, hash] }, completed };
}

/** The root hash of a tree, of SHA-256 of nothing when it is empty. */
export function rootOf(provider: Provider, { peaks }: TreeEdge): Uint8Array {
  return peaks.length === 0 ? provider.sha256(new Uint8Array(0)) : joinSubtrees(provider, peaks);
}

/** The complete subtrees that make up a range of a proof, from left to right. */
export function subtreesOf({ start, end }: LeafRange): Subtree[] {
  const subtrees: Subtree[] = [];
  let at = start;
  while (at < end) {
    let level = 0;
    let width = 1;
    while (at % (width * 2) === 0 && at + width * 2 <= end) {
      level += 1;
      width *= 2;
    }
    subtrees.push({ level, index: at / width });
    at += width;
  }
  return subtrees;
}

/** The hash of a range from the hashes of its {@link subtreesOf}: one element of a proof. */
export function joinSubtrees(provider: Provider, hashes: readonly Uint8Array[]): Uint8Array {
  return hashes.reduceRight((right, left) => nodeHash(provider, left, right));
}

/** Ranges whose hashes prove that leaf `index` is in the tree of `size` (section 2.1.3.1). */
export function inclusionRanges(index: number, size: number): LeafRange[] {
  const path: LeafRange[] = [];
  let start = 0;
  let end = size;
  while (end - start > 1) {
    const middle = start + largestPowerBelow(end - start);
    if (index < middle) {
      path.push({ start: middle, end });
      end = middle;
    } else {
      path.push({ start, end: middle });
      start = middle;
    }
  }
  return path.reverse();
}

/** Ranges whose hashes prove that the tree of `first` leaves is the beginning of that of `second` (2.1.4.1). */
export function consistencyRanges(first: number, second: number): LeafRange[] {
  const path: LeafRange[] = [];
  let start = 0;
  let end = second;
  while (first !== 0 && end !== first) {
    const middle = start + largestPowerBelow(end - start);
    if (first <= middle) {
      path.push({ start: middle, end });
      end = middle;
    } else {
      path.push({ start, end: middle });
      start = middle;
    }
  }
  // The verifier knows the hash of the first tree, so that is left out; of a part of it, it does not.
  if (start > 0) path.push({ start, end });
  return path.reverse();
}

/** A leaf and the hashes that should lead from it to a root. */
export interface InclusionProof {
  readonly leafHash: Uint8Array;
  readonly index: number;
  readonly path: readonly Uint8Array[];
}

/** Verifies that a leaf is in a tree (section 2.1.3.2). Throws `proof.invalid`. */
export function verifyInclusion(
  provider: Provider,
  { size, root }: TreeRoot,
  { leafHash, index, path }: InclusionProof,
): void {
  if (!isCount(size) || !isCount(index) || index >= size) throw invalid();
  let at = index;
  let last = size - 1;
  let hash = leafHash;
  for (const sibling of path) {
    if (last === 0) throw invalid();
    if (at % 2 === 1 || at === last) {
      hash = nodeHash(provider, sibling, hash);
      while (at % 2 === 0 && at !== 0) [at, last] = [half(at), half(last)];
    } else {
      hash = nodeHash(provider, hash, sibling);
    }
    [at, last] = [half(at), half(last)];
  }
  if (last !== 0 || !equal(hash, root)) throw invalid();
}

/** Verifies that one tree is the beginning of another (section 2.1.4.2). Throws `proof.invalid`. */
export function verifyConsistency(
  provider: Provider,
  { first, second }: { readonly first: TreeRoot; readonly second: TreeRoot },
  path: readonly Uint8Array[],
): void {
  if (!isCount(first.size) || !isCount(second.size) || first.size > second.size) throw invalid();
  if (first.size === second.size || first.size === 0) {
    const empty = rootOf(provider, emptyTree);
    const same = first.size === 0 ? equal(first.root, empty) : equal(first.root, second.root);
    const bothEmpty = second.size > 0 || equal(second.root, empty);
    if (path.length > 0 || !same || !bothEmpty) throw invalid();
    return;
  }
  const hashes = isPowerOfTwo(first.size) ? [first.root, ...path] : path;
  const roots = rootsFrom(provider, { first: first.size, second: second.size }, hashes);
  if (!equal(roots.first, first.root) || !equal(roots.second, second.root)) throw invalid();
}

/** Both roots, as a consistency proof gives them. */
function rootsFrom(
  provider: Provider,
  sizes: { readonly first: number; readonly second: number },
  [start, ...siblings]: readonly Uint8Array[],
) {
  if (start === undefined) throw invalid();
  let at = sizes.first - 1;
  let last = sizes.second - 1;
  while (at % 2 === 1) [at, last] = [half(at), half(last)];
  let first = start;
  let second = start;
  for (const sibling of siblings) {
    if (last === 0) throw invalid();
    if (at % 2 === 1 || at === last) {
      first = nodeHash(provider, sibling, first);
      second = nodeHash(provider, sibling, second);
      while (at % 2 === 0 && at !== 0) [at, last] = [half(at), half(last)];
    } else {
      second = nodeHash(provider, second, sibling);
    }
    [at, last] = [half(at), half(last)];
  }
  if (last !== 0) throw invalid();
  return { first, second };
}

function nodeHash(provider: Provider, left: Uint8Array, right: Uint8Array): Uint8Array {
  return provider.sha256(concat(NODE, left, right));
}

/** The largest power of two that is smaller than `count`, which is at least 2. */
function largestPowerBelow(count: number): number {
  let power = 1;
  while (power * 2 < count) power *= 2;
  return power;
}

function isPowerOfTwo(count: number): boolean {
  return largestPowerBelow(count * 2) === count;
}

/** Sizes may exceed 32 bits, where shifting stops to work. */
function half(value: number): number {
  return Math.floor(value / 2);
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function invalid(): CryptoError {
  return new CryptoError('proof.invalid', 'the proof does not hold');
}
