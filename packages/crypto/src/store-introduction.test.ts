import { expect, test } from 'vitest';
import { withCode } from './crypto-error.fixture.ts';
import { fastProvider as provider } from './providers.fixture.ts';
import { introductionOf, isProof } from './store-introduction.ts';

const bytes = (fill: number) => new Uint8Array(32).fill(fill);
const nonces = { holder: bytes(1), follower: bytes(2) };

test('no proof stands for the other side, for other nonces or for another secret', () => {
  const swapped = { holder: nonces.follower, follower: nonces.holder };
  const shown = [
    introductionOf(provider, bytes(7), nonces),
    introductionOf(provider, bytes(7), swapped),
    introductionOf(provider, bytes(7), { ...nonces, holder: bytes(3) }),
    introductionOf(provider, bytes(7), { ...nonces, follower: bytes(3) }),
    introductionOf(provider, bytes(8), nonces),
  ].flatMap(({ holder, follower }) => [`${holder}`, `${follower}`]);
  expect(new Set(shown).size).toBe(10);
});

test('a proof is known again, and nothing else passes for it', () => {
  const { holder, follower } = introductionOf(provider, bytes(7), nonces);
  expect(isProof(introductionOf(provider, bytes(7), nonces).holder, holder)).toBe(true);
  const changed = holder.with(31, holder[31]! ^ 1);
  for (const wrong of [follower, changed, holder.subarray(1), new Uint8Array()]) {
    expect(isProof(wrong, holder)).toBe(false);
  }
});

test('a secret and nonces of other lengths are refused', () => {
  const short = new Uint8Array(31);
  expect(() => introductionOf(provider, short, nonces)).toThrow(withCode('input.invalid'));
  for (const wrong of [{ holder: short }, { follower: short }]) {
    expect(() => introductionOf(provider, bytes(7), { ...nonces, ...wrong })).toThrow(
      withCode('input.invalid'),
    );
  }
});
