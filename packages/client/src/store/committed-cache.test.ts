import { expect, test, vi } from 'vitest';
import { STORE_CACHE_BYTES } from '../limits.ts';
import { cacheCommitted } from './committed-cache.ts';
import type { StoreRange } from './store.ts';
import { createStoreChanges } from './store-changes.ts';

const one = Uint8Array.of(1);
const two = Uint8Array.of(2);

test('what was read once, or looked for in vain, is not asked for again until it is written', () => {
  const { cache, get, write } = engine();
  write('a', one);
  get.mockClear();
  for (let time = 0; time < 3; time++) {
    expect(cache.get('a')).toBe(one);
    expect(cache.get('b')).toBeUndefined();
  }
  expect(get.mock.calls).toEqual([['a'], ['b']]);
  write('a', two);
  write('b', two);
  expect([cache.get('a'), cache.get('b')]).toEqual([two, two]);
  write('a', undefined);
  expect(cache.get('a')).toBeUndefined();
  // What is written over what was there is known; what is written for the first time is seldom read.
  expect(get.mock.calls).toEqual([['a'], ['b'], ['b']]);
});

test('an answer of the engine that a commit has overtaken is given, and not kept', async () => {
  const answers: ((value: Uint8Array) => void)[] = [];
  const list = () => [];
  const cache = cacheCommitted({
    get: () => new Promise<Uint8Array>((resolve) => answers.push(resolve)),
    list,
  });
  const late = cache.get('a');
  const changes = createStoreChanges();
  changes.set('a', two);
  cache.note(changes);
  answers[0]!(one);
  expect(await late).toBe(one);
  const next = cache.get('a');
  answers[1]!(two);
  expect(await next).toBe(two);
  expect(await cache.get('a')).toBe(two);
});

test('what is read again and again stays, whatever else goes through', async () => {
  const { cache, get } = engine();
  const passing = Math.ceil(STORE_CACHE_BYTES / 64);
  let asked = 0;
  for (let number = 0; number < passing; number++) {
    await cache.get(`passing/${number}`);
    if (number % 100 === 0) await cache.get('often');
    asked += 1;
  }
  expect(get.mock.calls.filter(([key]) => key === 'often')).toHaveLength(1);
  expect(get).toHaveBeenCalledTimes(asked + 1);
  get.mockClear();
  await cache.get('passing/0');
  expect(get).toHaveBeenCalledOnce();
});

test('where there is nothing of a kind, nothing is looked for until something of it is written', () => {
  const { cache, list, write } = engine();
  const look = (prefix: string) => cache.list({ prefix, limit: 9 });
  expect([look('a/b/'), look('a/c/'), look('a/')]).toEqual([[], [], []]);
  expect(list.mock.calls).toEqual([[{ prefix: 'a/', limit: 1 }]]);
  write('aa', one);
  write('a', one);
  write('b/c', one);
  expect(look('a/b/')).toEqual([]);
  expect(list).toHaveBeenCalledOnce();
  write('a/b/c', one);
  expect(look('a/b/')).toEqual([{ key: 'a/b/c', value: one }]);
  expect(look('a/c/')).toEqual([]);
  write('a/b/c', undefined);
  expect(look('a/b/')).toEqual([]);
});

/** A cache over entries in memory, and what was asked of them. */
function engine() {
  const entries = new Map<string, Uint8Array>();
  const get = vi.fn((key: string) => entries.get(key));
  const list = vi.fn(({ prefix, limit }: StoreRange) => {
    const found = [...entries].filter(([key]) => key.startsWith(prefix));
    return found.slice(0, limit).map(([key, value]) => ({ key, value }));
  });
  const cache = cacheCommitted({ get, list });
  const write = (key: string, value: Uint8Array | undefined) => {
    const changes = createStoreChanges();
    changes.set(key, value);
    if (value === undefined) entries.delete(key);
    else entries.set(key, value);
    cache.note(changes);
  };
  return { cache, get, list, write };
}
