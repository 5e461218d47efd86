/** A key log in memory, which tests can also make lie. */
import { type Answer, ApiError, type getKeyLogAccount, type getKeyLogKeys } from '@sotto/api';
import { makeSigningKeyPair, verifyingKey } from '@sotto/crypto';
import { nodeProvider } from '@sotto/crypto/node';
import {
  appendLeaf,
  blindAccount,
  consistencyRanges,
  cosignTreeHead,
  decodeKeyLogLeaf,
  digestKey,
  emptyTree,
  encodeKeyLogLeaf,
  inclusionRanges,
  type LeafRange,
  leafHashOf,
  rootOf,
  type SigningKeyPair,
  signTreeHead,
} from '@sotto/crypto/verify';

type AccountAnswer = Answer<typeof getKeyLogAccount>;

/** A log; the arrays are the test's to change. */
export interface KeyLogFixture {
  /** Every leaf, in order, with whose it is. */
  readonly leaves: { user: string; leaf: Uint8Array }[];
  readonly witnesses: SigningKeyPair<'witness'>[];
  /** What witnesses have signed before, by the size of the log at that time. */
  readonly signedBefore: { size: number; witness: SigningKeyPair<'witness'> }[];
  /** When its heads are signed. */
  readonly clock: { time: number };
  keys(): Answer<typeof getKeyLogKeys>;
  /** Gives an account another identity; the same again changes nothing. */
  append(user: string, identityKey: Uint8Array): void;
  /** Throws `key.log-unknown`. */
  answer(user: string, query: { from?: number; seen?: number }): AccountAnswer;
  /** The log as a backup of so many leaves had it, with the leaf that says so. */
  restore(size: number, time: number): void;
  /** Another log with the same keys and the same leaves so far: a fork. */
  fork(): KeyLogFixture;
}

const provider = nodeProvider;

/** An empty log with keys of its own. */
export function makeKeyLog(): KeyLogFixture {
  return logOf({
    logKey: makeSigningKeyPair<'key-log'>(provider),
    blindingKey: provider.randomBytes(32),
    leaves: [],
    witnesses: [],
    signedBefore: [],
    clock: { time: 0 },
  });
}

interface Parts extends Pick<KeyLogFixture, 'leaves' | 'witnesses' | 'signedBefore' | 'clock'> {
  readonly logKey: SigningKeyPair<'key-log'>;
  readonly blindingKey: Uint8Array;
}

function logOf(parts: Parts): KeyLogFixture {
  const { logKey, blindingKey, leaves, witnesses, signedBefore, clock } = parts;
  const hash = ({ start, end }: LeafRange) =>
    rootOf(
      provider,
      leaves
        .slice(start, end)
        .reduce(
          (tree, { leaf }) => appendLeaf(provider, tree, leafHashOf(provider, leaf)).tree,
          emptyTree,
        ),
    );
  const digestOf = (user: string, identityKey: Uint8Array) =>
    digestKey(provider, blindingKey, { user, identityKey: verifyingKey(identityKey) });
  const digests = new Map<string, string>();
  const isRestore = ({ leaf }: { leaf: Uint8Array }) => decodeKeyLogLeaf(leaf).type === 'restored';
  const headOf = (size: number) => {
    const root = hash({ start: 0, end: size });
    return signTreeHead(provider, logKey, { size, root, time: clock.time });
  };

  return {
    leaves,
    witnesses,
    signedBefore,
    clock,
    keys: () => ({ logKey: logKey.publicKey, blindingKey, witnessKeys: [] }),
    append(user, identityKey) {
      const keyDigest = digestOf(user, identityKey);
      const digest = Buffer.from(keyDigest).toString('hex');
      if (digests.get(user) === digest) return;
      digests.set(user, digest);
      const before = leaves.filter((known) => known.user === user);
      const last = before.at(-1);
      const leaf = encodeKeyLogLeaf({
        type: 'account',
        account: blindAccount(provider, blindingKey, user),
        version: before.length + 1,
        previousHash: last ? leafHashOf(provider, last.leaf) : new Uint8Array(32),
        keyDigest,
      });
      leaves.push({ user, leaf });
    },
    restore(size, time) {
      leaves.splice(size);
      digests.clear();
      const leaf = encodeKeyLogLeaf({ type: 'restored', incarnation: 2, time });
      leaves.push({ user: 'nobody', leaf });
    },
    answer(user, { from = 1, seen = 0 }) {
      const size = leaves.length;
      const own = leaves.filter((known) => known.user === user).map(({ leaf }) => leaf);
      const index = leaves.findLastIndex((known) => known.user === user);
      const restored = leaves.findLastIndex(isRestore);
      if (own.length < from) throw new ApiError('key.log-unknown');
      const head = headOf(size);
      return {
        leaves: own.slice(from - 1),
        index,
        inclusion: inclusionRanges(index, size).map(hash),
        head,
        ...(restored >= 0 && {
          restored: {
            leaf: leaves[restored]!.leaf,
            index: restored,
            inclusion: inclusionRanges(restored, size).map(hash),
          },
        }),
        consistency: seen === 0 || seen > size ? [] : consistencyRanges(seen, size).map(hash),
        cosignatures: witnesses.map((witness) => ({
          witnessKey: witness.publicKey,
          signature: cosignTreeHead(provider, witness, head),
        })),
        earlier: signedBefore.map(({ size: first, witness }) => ({
          head: headOf(first),
          witnessKey: witness.publicKey,
          signature: cosignTreeHead(provider, witness, headOf(first)),
          consistency: first === size ? [] : consistencyRanges(first, size).map(hash),
        })),
      };
    },
    fork: () =>
      logOf({
        ...parts,
        leaves: [...leaves],
        witnesses: [...witnesses],
        signedBefore: [...signedBefore],
      }),
  };
}
