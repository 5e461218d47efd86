import { expect, test } from 'vitest';
import { createTurnstile } from './turnstile.ts';

test('so much runs at a time, the rest in order, and failures free their place', async () => {
  const turnstile = createTurnstile(2);
  const started: number[] = [];
  const ends = Array.from({ length: 5 }, () => Promise.withResolvers<void>());
  const works = ends.map(({ promise }, index) =>
    turnstile(() => {
      started.push(index);
      return promise;
    }).catch(() => undefined),
  );
  await Promise.resolve();
  expect(started).toEqual([0, 1]);
  ends[1]?.reject(new Error('failed'));
  await works[1];
  expect(started).toEqual([0, 1, 2]);
  for (const { resolve } of ends) resolve();
  await Promise.all(works);
  expect(started).toEqual([0, 1, 2, 3, 4]);
});
