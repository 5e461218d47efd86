/** No kind of record is in an archive, or kept out of it, without somebody having decided that. */
import { expect, test } from 'vitest';
import { keys } from '../store/key-space.ts';
import { KINDS, kindOf, kindsFor } from './archive-kinds.ts';

test('every kind of the key space is sorted, and nothing else is', () => {
  const kinds = Object.values(keys).map((key) =>
    kindOf(typeof key === 'string' ? key : String(Reflect.apply(key, undefined, ['x', 'x', 'x']))),
  );
  expect(Object.keys(KINDS).sort()).toEqual([...new Set(kinds)].sort());
});

test('keys, sessions and what is encrypted under them are in no archive', () => {
  const secret = [keys.deviceKey, keys.session({ user: 'u', device: 'd' }), keys.signedPrekey(1)];
  for (const key of [
    ...secret,
    keys.oneTimePrekey(1),
    keys.nextIdentity,
    keys.link,
    keys.outbox(),
  ]) {
    for (const purpose of ['backup', 'history'] as const) {
      expect(kindsFor(purpose)).not.toContain(kindOf(key));
    }
  }
});

test('what a link hands over by itself is not in the history that goes with it', () => {
  const [backup, history] = [kindsFor('backup'), kindsFor('history')];
  expect(backup).toEqual(expect.arrayContaining([...history, kindOf(keys.peers), keys.ownList]));
  expect(history).not.toContain(kindOf(keys.peers));
  expect(history).not.toContain(keys.ownList);
});
