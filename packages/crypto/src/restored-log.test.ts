/** What a log that was restored from a backup must show before a shorter one is believed. */
import { expect, test } from 'vitest';
import { withCode } from './crypto-error.fixture.ts';
import { makeSigningKeyPair } from './ed25519.ts';
import { blindAccount, encodeKeyLogLeaf, signTreeHead } from './key-log.ts';
import { KEY_LOG_SKEW_MS_MAX } from './limits.ts';
import {
  appendLeaf,
  emptyTree,
  inclusionRanges,
  type LeafRange,
  leafHashOf,
  rootOf,
} from './merkle-tree.ts';
import { aliceAddress, now } from './parties.fixture.ts';
import { fastProvider as provider } from './providers.fixture.ts';
import { verifyRestoredHead } from './restored-log.ts';

const logKey = makeSigningKeyPair<'key-log'>(provider);
const identity = encodeKeyLogLeaf({
  type: 'account',
  account: blindAccount(provider, new Uint8Array(32), aliceAddress.user),
  version: 1,
  previousHash: new Uint8Array(32),
  keyDigest: new Uint8Array(32),
});
const restore = encodeKeyLogLeaf({ type: 'restored', incarnation: 2, time: now });
const leaves = [identity, identity, restore, identity];

const hash = ({ start, end }: LeafRange) =>
  rootOf(
    provider,
    leaves
      .slice(start, end)
      .reduce(
        (tree, leaf) => appendLeaf(provider, tree, leafHashOf(provider, leaf)).tree,
        emptyTree,
      ),
  );
const size = leaves.length;
const headAt = (time: number) =>
  signTreeHead(provider, logKey, { size, root: hash({ start: 0, end: size }), time });
const head = headAt(now);

function judge({
  index = 2,
  leaf = restore,
  seenTime = now,
  key = logKey.publicKey,
  signed = head,
}) {
  const inclusion = inclusionRanges(index, size).map(hash);
  const restored = { leaf, index, inclusion };
  return verifyRestoredHead(provider, signed, { logKey: key, seenTime, restored });
}

test('a leaf in the signed tree tells of a restore after all that was seen', () => {
  const { head: found, restored } = judge({});
  expect(found).toMatchObject({ size, time: now });
  expect(restored).toEqual({ type: 'restored', incarnation: 2, time: now });
});

test('a restore explains nothing that was seen after it', () => {
  expect(() => judge({ seenTime: now + 1 })).toThrow(withCode('head.rolled-back'));
});

test('a restore is not later than the head that tells of it, as far as clocks agree', () => {
  expect(() => judge({ signed: headAt(now - KEY_LOG_SKEW_MS_MAX) })).not.toThrow();
  const early = headAt(now - KEY_LOG_SKEW_MS_MAX - 1);
  expect(() => judge({ signed: early })).toThrow(withCode('proof.invalid'));
});

test('no other leaf, no other place and no other log will do', () => {
  const later = encodeKeyLogLeaf({ type: 'restored', incarnation: 3, time: now + 9 });
  expect(() => judge({ leaf: identity, index: 1 })).toThrow(withCode('proof.invalid'));
  expect(() => judge({ leaf: later })).toThrow(withCode('proof.invalid'));
  expect(() => judge({ index: 1 })).toThrow(withCode('proof.invalid'));
  const other = makeSigningKeyPair<'key-log'>(provider);
  expect(() => judge({ key: other.publicKey })).toThrow(withCode('signature.invalid'));
  expect(() => judge({ signed: head.with(20, 1) })).toThrow(withCode('signature.invalid'));
});
