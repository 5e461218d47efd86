import { stretchPassphrase } from '@sotto/crypto';
import { nodeProvider as provider } from '@sotto/crypto/node';
import { expect, test } from 'vitest';
import { PASSPHRASE_COST } from '../limits.ts';
import { comeIn, type Knowledge, openDoors } from './introduction.ts';
import type { Ask } from './wire.ts';

const key = provider.randomBytes(32);
const inside: Ask = async (name) => `inside: ${name}`;

test.each<[string, Knowledge['secret']]>([
  ['nothing', undefined],
  ['a key', { key }],
  ['a passphrase', { passphrase: 'sesame' }],
])('who knows what opens the store comes in and gets answers: %s', async (_, secret) => {
  const door = openDoors({ secret, provider })(() => inside);
  await expect(door('me', [])).rejects.toThrow(TypeError);
  await comeIn(door, { secret, provider });
  expect(await door('me', [])).toBe('inside: me');
});

test('who knows another secret learns that, and stays outside', async () => {
  const door = openDoors({ secret: { key }, provider })(() => inside);
  const other = { secret: { key: provider.randomBytes(32) }, provider };
  await expect(comeIn(door, other)).rejects.toMatchObject({ code: 'store.key-wrong' });
  await expect(door('me', [])).rejects.toThrow(TypeError);
});

test('one who only plays the holder is told nothing that opens the store, by no choice of a salt', async () => {
  const secret = { passphrase: 'sesame' };
  const salt = provider.randomBytes(16); // That of the store, which lies in the clear.
  const heard: unknown[] = [];
  const thief: Ask = async (name, args) => {
    heard.push(...args);
    const nonce = provider.randomBytes(32);
    return name === 'greet' ? { release: 3, secret: 'passphrase', salt, nonce } : nonce;
  };
  await expect(comeIn(thief, { secret, provider })).rejects.toMatchObject({
    code: 'store.key-wrong',
  });
  const opening = await stretchPassphrase(secret.passphrase, salt, PASSPHRASE_COST);
  expect(heard).toHaveLength(1); // The nonce.
  expect(heard).not.toContainEqual(opening);
});

test('what was shown at one door opens no other one of the same holder', async () => {
  const doors = openDoors({ secret: { key }, provider });
  const heard: (readonly unknown[])[] = [];
  const first = doors(() => inside);
  const overheard: Ask = (name, args, signal) => {
    if (name === 'show') heard.push(args);
    return first(name, args, signal);
  };
  await comeIn(overheard, { secret: { key }, provider });
  const second = doors(() => inside);
  await expect(second('show', heard[0]!)).rejects.toMatchObject({ code: 'store.key-wrong' });
  await expect(second('me', [])).rejects.toThrow(TypeError);
});

test('what the holder has shown does not pass for what a follower shows', async () => {
  const door = openDoors({ secret: { key }, provider })(() => inside);
  const nonce = provider.randomBytes(32);
  const proof = await door('prove', [nonce]);
  await expect(door('show', [nonce, proof])).rejects.toMatchObject({ code: 'store.key-wrong' });
});

test('another build is not followed, nor one that has no name', async () => {
  const door = openDoors({ build: 'old', provider })(() => inside);
  for (const build of ['new', undefined]) {
    await expect(comeIn(door, { build, provider })).rejects.toMatchObject({ code: 'store.locked' });
  }
  await comeIn(door, { build: 'old', provider });
  expect(await door('me', [])).toBe('inside: me');
});

test('another release is not followed', async () => {
  const other: Ask = async () => ({ release: 1, secret: 'none', salt: new Uint8Array(16) });
  await expect(comeIn(other, { provider })).rejects.toMatchObject({ code: 'store.locked' });
});
