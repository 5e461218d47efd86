import { expect, test, vi } from 'vitest';
import { type Observable, onePerKey, Source } from './observable.ts';
import { collectGarbage } from './state.fixture.ts';

const soon = () => new Promise<void>((resolve) => queueMicrotask(resolve));

test('all that changes together is seen together, and told once', async () => {
  const [first, second] = [new Source(0), new Source(0)];
  const seen: number[][] = [];
  first.subscribe(() => seen.push([first.get(), second.get()]));
  first.set(1);
  first.set(2);
  second.set(3);
  expect([first.get(), seen]).toEqual([2, []]);
  await soon();
  expect(seen).toEqual([[2, 3]]);
});

test('a value that is set again is no change', async () => {
  const value = { same: true };
  const source = new Source(value);
  const listener = vi.fn();
  source.subscribe(listener);
  source.set(value);
  await soon();
  expect(listener).not.toHaveBeenCalled();
});

test('a function that subscribes twice is called twice, and ends once each', async () => {
  const source = new Source(0);
  const listener = vi.fn();
  const ends = [source.subscribe(listener), source.subscribe(listener)];
  source.set(1);
  await soon();
  expect(listener).toHaveBeenCalledTimes(2);
  ends[0]?.();
  ends[0]?.();
  source.set(2);
  await soon();
  expect(listener).toHaveBeenCalledTimes(3);
});

test('a listener that throws stops no other one', async () => {
  const source = new Source(0);
  const surfaced = new Promise((resolve) => process.once('uncaughtException', resolve));
  const others = process.listeners('uncaughtException').slice(0, -1);
  for (const other of others) process.off('uncaughtException', other);
  const listener = vi.fn();
  source.subscribe(() => {
    throw new Error('a bug of the page');
  });
  source.subscribe(listener);
  source.set(1);
  expect(await surfaced).toMatchObject({ message: 'a bug of the page' });
  for (const other of others) process.on('uncaughtException', other);
  expect(listener).toHaveBeenCalledOnce();
});

test('it is kept up from the first listener to the last, over a change of hands', async () => {
  const log: string[] = [];
  const source = new Source(0, () => {
    log.push('begins');
    return () => log.push('ends');
  });
  expect(log).toEqual([]);
  const end = source.subscribe(() => {});
  end();
  const endNext = source.subscribe(() => {});
  await soon();
  expect(log).toEqual(['begins']);
  endNext();
  endNext();
  await soon();
  expect(log).toEqual(['begins', 'ends']);
  source.subscribe(() => {});
  expect(log).toEqual(['begins', 'ends', 'begins']);
});

test('there is one object for a key while anybody has it or one of its methods, and none after that', async () => {
  let made = 0;
  const of = onePerKey((key: string): Observable<string> => {
    made += 1;
    return new Source(key);
  });
  let get: (() => string) | undefined = of('a').get;
  await collectGarbage();
  expect(of('a').get).toBe(get);
  expect(made).toBe(1);
  get = undefined;
  await collectGarbage();
  of('a');
  expect(made).toBe(2);
});
