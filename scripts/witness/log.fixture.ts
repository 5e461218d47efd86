/** A key log in memory that signs whatever it is told to, as a dishonest platform would. */
import { makeSigningKeyPair } from '@sotto/crypto';
import { nodeProvider } from '@sotto/crypto/node';
import {
  appendLeaf,
  consistencyRanges,
  emptyTree,
  joinSubtrees,
  type LeafRange,
  leafHashOf,
  rootOf,
  type SigningKeyPair,
  signTreeHead,
  subtreesOf,
  type TreeEdge,
} from '@sotto/crypto/verify';

export class LogInMemory {
  readonly logKey: SigningKeyPair<'key-log'>;
  readonly leafList: readonly Uint8Array[];
  /** What it shows when it is asked for leaves. */
  shown: readonly Uint8Array[];
  /** The key that it says it signs with. */
  claimedKey: Uint8Array;
  /** When an empty one signs its head; others as many milliseconds later as they have leaves. */
  time = 1_790_000_000_000;
  /** How many leaves it was asked for, each time. */
  readonly reads: number[] = [];
  readonly #hashes = new Map<string, Uint8Array>();
  readonly #tree: TreeEdge;

  constructor(leaves: readonly Uint8Array[], logKey = makeSigningKeyPair<'key-log'>(nodeProvider)) {
    this.logKey = logKey;
    this.claimedKey = logKey.publicKey;
    this.leafList = leaves;
    this.shown = leaves;
    let tree = emptyTree;
    for (const leaf of leaves) {
      const next = appendLeaf(nodeProvider, tree, leafHashOf(nodeProvider, leaf));
      tree = next.tree;
      for (const { level, index, hash } of next.completed) {
        this.#hashes.set(`${level}:${index}`, hash);
      }
    }
    this.#tree = tree;
  }

  /** Another log under the same key. */
  withLeaves(leaves: readonly Uint8Array[]): LogInMemory {
    return new LogInMemory(leaves, this.logKey);
  }

  async head(from?: number) {
    return this.headSince(from);
  }

  /** The signed head, proven to continue a smaller one. */
  headSince(from = 0) {
    const { size } = this.#tree;
    const head = { size, root: rootOf(nodeProvider, this.#tree), time: this.time + size };
    return {
      logKey: this.claimedKey,
      head: signTreeHead(nodeProvider, this.logKey, head),
      consistency:
        from < size ? consistencyRanges(from, size).map((range) => this.#hash(range)) : [],
      cosignatures: [],
    };
  }

  async leaves({ start, count }: { start: number; count: number }) {
    this.reads.push(count);
    const page = this.shown.slice(start, start + count);
    return page.length === 0 ? undefined : page;
  }

  #hash(range: LeafRange): Uint8Array {
    const hashes = subtreesOf(range).map(({ level, index }) =>
      this.#hashes.get(`${level}:${index}`),
    );
    return joinSubtrees(nodeProvider, hashes as Uint8Array[]);
  }
}
