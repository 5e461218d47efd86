/** The key log's leaves and heads, and what owners, contacts and witnesses notice. */
import { describe, expect, test } from 'vitest';
import { concat } from './bytes.ts';
import { withCode } from './crypto-error.fixture.ts';
import { makeSigningKeyPair, signStatement } from './ed25519.ts';
import { CryptoError } from './errors.ts';
import { checkDecoder } from './fuzz.fixture.ts';
import type { Head } from './head.ts';
import {
  type AccountLeaf,
  accountHeadAfter,
  blindAccount,
  checkContactLeaves,
  checkOwnLeaf,
  cosignTreeHead,
  decodeKeyLogLeaf,
  decodeTreeHead,
  digestKey,
  encodeKeyLogLeaf,
  signTreeHead,
  verifyCosignature,
  verifyTreeHead,
} from './key-log.ts';
import { verifyingKey } from './keys.ts';
import {
  appendLeaf,
  consistencyRanges,
  emptyTree,
  joinSubtrees,
  leafHashOf,
  rootOf,
} from './merkle-tree.ts';
import { aliceAddress, bobAddress, now } from './parties.fixture.ts';
import { makeIdentity } from './prekeys.ts';
import { fastProvider as provider, providers } from './providers.fixture.ts';

const blindingKey = new Uint8Array(32).fill(5);
const { user } = aliceAddress;
const account = blindAccount(provider, blindingKey, user);
const identities = [
  makeIdentity(provider),
  makeIdentity(provider),
  makeIdentity(provider),
] as const;
const digests = identities.map(({ publicKey: identityKey }) =>
  digestKey(provider, blindingKey, { user, identityKey }),
) as [Uint8Array, Uint8Array, Uint8Array];

/** The leaves of one account, one for each digest. */
function chain(keyDigests: readonly Uint8Array[], of = account): Uint8Array[] {
  const leaves: Uint8Array[] = [];
  for (const [index, keyDigest] of keyDigests.entries()) {
    const before = leaves.at(-1);
    const previousHash = before ? leafHashOf(provider, before) : new Uint8Array(32);
    const leaf: AccountLeaf = {
      type: 'account',
      account: of,
      version: index + 1,
      previousHash,
      keyDigest,
    };
    leaves.push(encodeKeyLogLeaf(leaf));
  }
  return leaves;
}

const headOf = (leaf: Uint8Array): Head => {
  const decoded = decodeKeyLogLeaf(leaf);
  return {
    version: decoded.type === 'account' ? decoded.version : 0,
    hash: leafHashOf(provider, leaf),
  };
};

const leaves = chain(digests);
const [first, second, third] = leaves as [Uint8Array, Uint8Array, Uint8Array];
const fork = chain([digests[0], digests[2], digests[2]]) as [Uint8Array, Uint8Array, Uint8Array];
const elsewhere = chain(digests, blindAccount(provider, blindingKey, bobAddress.user));
const restored = encodeKeyLogLeaf({ type: 'restored', incarnation: 3, time: now });

describe.each(providers)('blinding with $name', (each) => {
  test('gives each account and key a name under one key, and another under another', () => {
    expect(blindAccount(each, blindingKey, user)).toEqual(account);
    const names = [
      account,
      blindAccount(each, blindingKey, bobAddress.user),
      blindAccount(each, new Uint8Array(32), user),
      ...digests,
      digestKey(each, blindingKey, {
        user: bobAddress.user,
        identityKey: identities[0].publicKey,
      }),
      digestKey(each, new Uint8Array(32), { user, identityKey: identities[0].publicKey }),
    ];
    expect(new Set(names.map(String)).size).toBe(names.length);
    expect(() => blindAccount(each, new Uint8Array(31), user)).toThrow(withCode('input.invalid'));
  });
});

describe('who follows an account leaf by leaf', () => {
  const after = (before: Uint8Array | undefined, leaf: Uint8Array) =>
    accountHeadAfter(provider, { account, before: before && headOf(before) }, leaf);

  test('gets the head of the newest', () => {
    expect(after(undefined, first)).toEqual(headOf(first));
    expect(after(first, second)).toEqual(headOf(second));
  });

  test('refuses a second leaf of a version, even the same one again', () => {
    expect(() => after(second, fork[1])).toThrow(withCode('head.forked'));
    expect(() => after(second, second)).toThrow(withCode('head.forked'));
  });

  test('refuses a leaf that follows on another one, comes too early, or goes back', () => {
    expect(() => after(second, fork[2])).toThrow(withCode('head.forked'));
    expect(() => after(undefined, second)).toThrow(withCode('log.gap'));
    expect(() => after(first, third)).toThrow(withCode('log.gap'));
    expect(() => after(third, second)).toThrow(withCode('head.rolled-back'));
  });

  test('refuses a leaf of another account and one of none', () => {
    expect(() => after(undefined, elsewhere[0]!)).toThrow(withCode('proof.invalid'));
    expect(() => after(first, restored)).toThrow(withCode('proof.invalid'));
  });
});

describe('a contact', () => {
  const check = (
    shown: readonly Uint8Array[],
    seen: Uint8Array | undefined,
    keyDigest: Uint8Array,
  ) => checkContactLeaves(provider, shown, { account, seen: seen && headOf(seen), keyDigest });

  test('accepts the log it saw before, and what follows on it', () => {
    expect(check([first], undefined, digests[0])).toEqual(headOf(first));
    expect(check(leaves, undefined, digests[2])).toEqual(headOf(third));
    expect(check([second], second, digests[1])).toEqual(headOf(second));
    expect(check([second, third], second, digests[2])).toEqual(headOf(third));
  });

  test('notices a key that is not the one in the log', () => {
    expect(() => check([first], undefined, digests[1])).toThrow(withCode('identity.changed'));
    expect(() => check([second, third], second, digests[1])).toThrow(withCode('identity.changed'));
  });

  test('notices a rollback, a fork, a gap, and leaves of someone else', () => {
    expect(() => check([first], second, digests[0])).toThrow(withCode('head.rolled-back'));
    expect(() => check([fork[1]], second, digests[2])).toThrow(withCode('head.forked'));
    expect(() => check([second, fork[2]], second, digests[2])).toThrow(withCode('head.forked'));
    expect(() => check([third], second, digests[2])).toThrow(withCode('log.gap'));
    expect(() => check([second, second], second, digests[1])).toThrow(withCode('head.forked'));
    expect(() => check([second, third], undefined, digests[2])).toThrow(withCode('log.gap'));
    expect(() => check([], second, digests[1])).toThrow(withCode('log.gap'));
    expect(() => check([], undefined, digests[1])).toThrow(withCode('log.gap'));
    expect(() => check([elsewhere[0]!], undefined, digests[0])).toThrow(withCode('proof.invalid'));
    expect(() => check([elsewhere[1]!], second, digests[1])).toThrow(withCode('proof.invalid'));
  });
});

describe('the owner', () => {
  const check = (newest: Uint8Array) => () =>
    checkOwnLeaf(provider, newest, { account, own: headOf(second) });

  test('accepts its own leaf only', () => {
    check(second)();
    expect(check(third)).toThrow(withCode('key-log.foreign'));
    expect(check(first)).toThrow(withCode('head.rolled-back'));
    expect(check(fork[1])).toThrow(withCode('head.forked'));
    expect(check(elsewhere[1]!)).toThrow(withCode('proof.invalid'));
  });
});

describe('a tree head', () => {
  const logKey = makeSigningKeyPair<'key-log'>(provider);
  const leafHashes = leaves.map((leaf) => leafHashOf(provider, leaf));
  const trees = [emptyTree];
  for (const leafHash of leafHashes) trees.push(appendLeaf(provider, trees.at(-1)!, leafHash).tree);
  const headAt = (size: number) => ({ size, root: rootOf(provider, trees[size]!), time: now });
  const signed = (size: number) => signTreeHead(provider, logKey, headAt(size));
  // Of three leaves, every range of a proof is made of single leaves.
  const consistency = (from: number, to: number) =>
    consistencyRanges(from, to).map(({ start, end }) =>
      joinSubtrees(provider, leafHashes.slice(start, end)),
    );
  const expected = { logKey: logKey.publicKey, seen: undefined, consistency: [] };

  test('verifies when the log signed it, and continues what was seen', () => {
    expect(verifyTreeHead(provider, signed(3), expected)).toEqual(headAt(3));
    for (const [from, to] of [
      [0, 2],
      [1, 2],
      [1, 3],
      [2, 3],
      [3, 3],
    ] as const) {
      const expectation = { ...expected, seen: headAt(from), consistency: consistency(from, to) };
      expect(verifyTreeHead(provider, signed(to), expectation)).toEqual(headAt(to));
    }
  });

  test('of another signer, for another purpose, or with a bit changed is refused', () => {
    const other = { ...expected, logKey: makeSigningKeyPair<'key-log'>(provider).publicKey };
    expect(() => verifyTreeHead(provider, signed(2), other)).toThrow(withCode('signature.invalid'));
    const message = signed(2).subarray(0, -64);
    const signature = signStatement(provider, logKey.seed, { purpose: 'keyLogWitness', message });
    const forged = concat(message, signature);
    expect(() => verifyTreeHead(provider, forged, expected)).toThrow(withCode('signature.invalid'));
    for (let at = 1; at < 113; at++) {
      const changed = signed(2).with(at, signed(2)[at]! ^ 1);
      expect(() => verifyTreeHead(provider, changed, expected)).toThrow(CryptoError);
    }
  });

  test('that is smaller, of the same size but another, or does not continue what was seen is refused', () => {
    const root = new Uint8Array(32);
    const verify =
      (size: number, seen: { size: number; root: Uint8Array }, path: Uint8Array[]) => () =>
        verifyTreeHead(provider, signed(size), { ...expected, seen, consistency: path });
    expect(verify(1, headAt(2), [])).toThrow(withCode('head.rolled-back'));
    expect(verify(2, { size: 2, root }, [])).toThrow(withCode('head.forked'));
    expect(verify(3, { size: 2, root }, consistency(2, 3))).toThrow(withCode('proof.invalid'));
    expect(verify(3, headAt(2), [])).toThrow(withCode('proof.invalid'));
  });

  test('is signed by witnesses under a label of their own', () => {
    const witness = makeSigningKeyPair<'witness'>(provider);
    const encoded = signed(3);
    const cosignature = cosignTreeHead(provider, witness, encoded);
    const verify = (of: Uint8Array, key = witness.publicKey) =>
      verifyCosignature(provider, key, { encoded: of, cosignature });
    expect(verify(encoded)).toBe(true);
    expect(verify(signed(2))).toBe(false);
    expect(verify(encoded, makeSigningKeyPair<'witness'>(provider).publicKey)).toBe(false);
    const asLog = { ...expected, logKey: verifyingKey<'key-log'>(witness.publicKey) };
    const forged = concat(encoded.subarray(0, -64), cosignature);
    expect(() => verifyTreeHead(provider, forged, asLog)).toThrow(withCode('signature.invalid'));
  });

  test('comes back from any bytes as it was, or a typed error does', () => {
    const roundTrip = (bytes: Uint8Array) => {
      const { message, signature } = decodeTreeHead(bytes);
      return concat(message, signature);
    };
    checkDecoder({ name: 'tree heads', samples: [signed(3)], roundTrip });
  }, 600_000);
});

describe('a leaf', () => {
  test('comes back from any bytes as it was, or a typed error does', () => {
    const roundTrip = (bytes: Uint8Array) => encodeKeyLogLeaf(decodeKeyLogLeaf(bytes));
    checkDecoder({ name: 'key log leaves', samples: [...leaves, restored], roundTrip });
  }, 600_000);

  test('that no log writes is refused', () => {
    const versionEnd = 2 + 32 + 3;
    const inputs = [
      first.with(1, 3),
      first.with(versionEnd, 0),
      first.with(versionEnd, 2),
      second.with(versionEnd, 1),
      concat(first, new Uint8Array(1)),
      restored.subarray(0, -1),
    ];
    for (const input of inputs) {
      expect(() => decodeKeyLogLeaf(input)).toThrow(withCode('encoding.invalid'));
    }
    expect(() => decodeKeyLogLeaf(first.with(0, 2))).toThrow(withCode('encoding.unsupported'));
    const leaf = decodeKeyLogLeaf(first) as AccountLeaf;
    for (const change of [
      { version: 0 },
      { version: 2 },
      { version: 2 ** 32 },
      { account: new Uint8Array(31) },
    ]) {
      expect(() => encodeKeyLogLeaf({ ...leaf, ...change })).toThrow(withCode('input.invalid'));
    }
    expect(decodeKeyLogLeaf(restored)).toEqual({ type: 'restored', incarnation: 3, time: now });
  });
});
