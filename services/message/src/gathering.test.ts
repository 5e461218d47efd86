import { expect, test } from 'vitest';
import { createGathering } from './gathering.ts';

/** Work whose rounds a test ends by hand. */
function heldWork() {
  const rounds: { things: readonly string[]; end(error?: Error): void }[] = [];
  const work = (things: readonly string[]) =>
    new Promise<string>((resolve, reject) => {
      const end = (error?: Error) => (error ? reject(error) : resolve(things.join()));
      rounds.push({ things, end });
    });
  return { rounds, work };
}

const LIMITS = { atOnceMax: 2, waitingMax: 3 };
const turn = () => new Promise((resolve) => setImmediate(resolve));

test('who asks together is answered together, and who asks meanwhile by the next round', async () => {
  const { rounds, work } = heldWork();
  const ask = createGathering(work, LIMITS);
  const first = [ask('a'), ask('b'), ask('a')];
  await turn();
  const second = ask('a');
  rounds[0]?.end();
  expect(await Promise.all(first)).toEqual(['a,b', 'a,b', 'a,b']);
  await turn();
  rounds[1]?.end();
  expect(await second).toBe('a');
  expect(rounds.map(({ things }) => things)).toEqual([['a', 'b'], ['a']]);
});

test('a round that fails fails for those who asked, and the next one begins', async () => {
  const { rounds, work } = heldWork();
  const ask = createGathering(work, LIMITS);
  const first = ask('a');
  await turn();
  const second = ask('b');
  rounds[0]?.end(new Error('gone'));
  await expect(first).rejects.toThrow('gone');
  await turn();
  rounds[1]?.end();
  expect(await second).toBe('b');
});

test('when too many wait, one more is refused at once, unless it asks for what others wait for', async () => {
  const { rounds, work } = heldWork();
  const ask = createGathering(work, LIMITS);
  const waiting = ['a', 'b', 'c', 'c'].map((thing) => ask(thing));
  await expect(ask('d')).rejects.toMatchObject({ code: 'service.unavailable' });
  await turn();
  rounds[0]?.end();
  await turn();
  rounds[1]?.end();
  expect(await Promise.all(waiting)).toEqual(['a,b', 'a,b', 'c', 'c']);
});
