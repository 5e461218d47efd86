/** The reference tree of Certificate Transparency, and all proofs of all small trees. */
import { describe, expect, test } from 'vitest';
import reference from '../vectors/merkle/certificate_transparency.json' with { type: 'json' };
import { withCode } from './crypto-error.fixture.ts';
import { fromHex, toHex } from './hex.fixture.ts';
import {
  appendLeaf,
  consistencyRanges,
  emptyTree,
  inclusionRanges,
  joinSubtrees,
  type LeafRange,
  leafHashOf,
  rootOf,
  subtreesOf,
  verifyConsistency,
  verifyInclusion,
} from './merkle-tree.ts';
import type { Provider } from './provider.ts';
import { fastProvider, providers } from './providers.fixture.ts';
import { u32be } from './u32be.fixture.ts';

/** A tree as a server keeps it: every complete subtree by level and index, and the root of each size. */
function grow(provider: Provider, leaves: readonly Uint8Array[]) {
  const leafHashes = leaves.map((leaf) => leafHashOf(provider, leaf));
  const nodes = new Map<string, Uint8Array>();
  let tree = emptyTree;
  const roots = [rootOf(provider, tree)];
  for (const leafHash of leafHashes) {
    const appended = appendLeaf(provider, tree, leafHash);
    tree = appended.tree;
    for (const { level, index, hash } of appended.completed) nodes.set(`${level}/${index}`, hash);
    roots.push(rootOf(provider, tree));
  }
  const prove = (ranges: readonly LeafRange[]) =>
    ranges.map((range) =>
      joinSubtrees(
        provider,
        subtreesOf(range).map(({ level, index }) => nodes.get(`${level}/${index}`)!),
      ),
    );
  const treeOf = (size: number) => ({ size, root: roots[size]! });
  return { leafHashes, roots, prove, treeOf };
}

describe.each(providers)('the reference tree with $name', (provider) => {
  const { leafHashes, roots, prove, treeOf } = grow(provider, reference.leaves.map(fromHex));

  test('has the reference roots', () => {
    expect(roots.map(toHex)).toEqual(reference.roots_by_size);
  });

  test('gives and verifies the reference inclusion proofs', () => {
    for (const { index, size, path } of reference.inclusion) {
      expect(prove(inclusionRanges(index, size)).map(toHex)).toEqual(path);
      const proof = { leafHash: leafHashes[index]!, index, path: path.map(fromHex) };
      verifyInclusion(provider, treeOf(size), proof);
    }
  });

  test('gives and verifies the reference consistency proofs', () => {
    for (const { first, second, path } of reference.consistency) {
      expect(prove(consistencyRanges(first, second)).map(toHex)).toEqual(path);
      const trees = { first: treeOf(first), second: treeOf(second) };
      verifyConsistency(provider, trees, path.map(fromHex));
    }
  });
});

describe('a tree of up to 33 leaves', () => {
  const provider = fastProvider;
  const { leafHashes, prove, treeOf } = grow(
    provider,
    Array.from({ length: 33 }, (_, index) => u32be(index)),
  );
  const sizes = Array.from({ length: 34 }, (_, size) => size);
  const other = new Uint8Array(32).fill(9);

  test('proves every leaf in every size, and with a wrong proof none', () => {
    for (const size of sizes) {
      for (let index = 0; index < size; index++) {
        const leafHash = leafHashes[index]!;
        const path = prove(inclusionRanges(index, size));
        const verify =
          (change: object, tree: object = {}) =>
          () =>
            verifyInclusion(
              provider,
              { ...treeOf(size), ...tree },
              { leafHash, index, path, ...change },
            );
        verify({})();
        const wrong = [
          verify({ leafHash: other }),
          verify({ index: index + 1 }),
          verify({ index: index - 1 }),
          verify({ path: [...path, other] }),
          verify({ path: [other, ...path] }),
          verify({}, { root: other }),
          ...path.map((_, at) => verify({ path: path.with(at, other) })),
          ...path.map((_, at) => verify({ path: path.toSpliced(at, 1) })),
        ];
        for (const attempt of wrong) expect(attempt).toThrow(withCode('proof.invalid'));
      }
    }
  });

  test('proves every size to be the beginning of every later one, and with a wrong proof none', () => {
    for (const second of sizes) {
      for (let first = 0; first <= second; first++) {
        const path = prove(consistencyRanges(first, second));
        const trees = { first: treeOf(first), second: treeOf(second) };
        const verify =
          (changed: Partial<typeof trees>, changedPath = path) =>
          () =>
            verifyConsistency(provider, { ...trees, ...changed }, changedPath);
        verify({})();
        const wrong = [
          verify({ first: { size: first, root: other } }),
          ...(first > 0 ? [verify({ second: { size: second, root: other } })] : []),
          verify({}, [...path, other]),
          ...path.map((_, at) => verify({}, path.with(at, other))),
          ...path.map((_, at) => verify({}, path.toSpliced(at, 1))),
        ];
        for (const attempt of wrong) expect(attempt).toThrow(withCode('proof.invalid'));
      }
    }
  });

  test('is not the beginning of a smaller one, and has no leaf at an index that is none', () => {
    const backwards = { first: treeOf(5), second: treeOf(4) };
    expect(() => verifyConsistency(provider, backwards, [])).toThrow(withCode('proof.invalid'));
    for (const index of [-1, 0.5, Number.NaN, 2 ** 53]) {
      const proof = { leafHash: leafHashes[0]!, index, path: [] };
      expect(() => verifyInclusion(provider, treeOf(1), proof)).toThrow(withCode('proof.invalid'));
      const odd = { first: { size: index, root: other }, second: treeOf(3) };
      expect(() => verifyConsistency(provider, odd, [])).toThrow(withCode('proof.invalid'));
    }
    const empty = { size: 0, root: other };
    expect(() => verifyConsistency(provider, { first: treeOf(0), second: empty }, [])).toThrow(
      withCode('proof.invalid'),
    );
  });
});

test('proofs of trees beyond 2³² leaves have the right ranges', () => {
  const size = 2 ** 40 + 3;
  expect(inclusionRanges(2 ** 40 + 2, size)).toEqual([
    { start: 2 ** 40, end: 2 ** 40 + 2 },
    { start: 0, end: 2 ** 40 },
  ]);
  expect(subtreesOf({ start: 0, end: size })).toEqual([
    { level: 40, index: 0 },
    { level: 1, index: 2 ** 39 },
    { level: 0, index: 2 ** 40 + 2 },
  ]);
  expect(consistencyRanges(2 ** 40, size)).toEqual([{ start: 2 ** 40, end: size }]);
});

test('a leaf deep in a tree beyond 2³² leaves verifies', () => {
  const provider = fastProvider;
  const leafHash = leafHashOf(provider, new Uint8Array(1));
  const sibling = new Uint8Array(32).fill(1);
  const size = 2 ** 40 + 1;
  const left = new Uint8Array(32).fill(2);
  const root = joinSubtrees(provider, [left, leafHash]);
  verifyInclusion(provider, { size, root }, { leafHash, index: 2 ** 40, path: [left] });
  expect(() =>
    verifyInclusion(provider, { size, root }, { leafHash, index: 2 ** 40, path: [sibling] }),
  ).toThrow(withCode('proof.invalid'));
});
