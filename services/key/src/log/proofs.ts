/** Proofs of the key log (RFC 9162 section 2.1), from stored hashes of complete subtrees: some 2 log n of them each. */
import { nodeProvider } from '@sotto/crypto/node';
import {
  consistencyRanges,
  inclusionRanges,
  joinSubtrees,
  type LeafRange,
  type Subtree,
  subtreesOf,
} from '@sotto/crypto/verify';

/** Looks hashes up, in the order of the question. */
export type ReadHashes = (subtrees: readonly Subtree[]) => Promise<Uint8Array[]>;

/** That a leaf is in the tree of a size, which it is when its index is below that. */
export function inclusionProof(
  read: ReadHashes,
  { index, size }: { index: number; size: number },
): Promise<Uint8Array[]> {
  return proofOf(read, inclusionRanges(index, size));
}

/**
 * That the tree of the first size is the beginning of the one of the second. Empty when there is nothing to prove, and
 * when the first is the larger one: then the head says so, and whoever has seen the larger one has caught us.
 */
export async function consistencyProof(
  read: ReadHashes,
  { first, second }: { first: number; second: number },
): Promise<Uint8Array[]> {
  return first >= second ? [] : proofOf(read, consistencyRanges(first, second));
}

/** One hash for each range, each joined from the subtrees that make it up; all are read at once. */
async function proofOf(read: ReadHashes, ranges: readonly LeafRange[]): Promise<Uint8Array[]> {
  const parts = ranges.map(subtreesOf);
  const hashes = await read(parts.flat());
  let start = 0;
  return parts.map((subtrees) => {
    const end = start + subtrees.length;
    const hash = joinSubtrees(nodeProvider, hashes.slice(start, end));
    start = end;
    return hash;
  });
}
