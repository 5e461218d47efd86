/** What every store promises, as tests. An adapter's test file calls this with a way to open it. */
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import type { Store, StoreTransaction } from './store.ts';

const bytes = (...values: number[]) => Uint8Array.from(values);

/** Declares the suite. `open` gives an empty store each time. */
export function storeContract(name: string, open: () => Store | Promise<Store>): void {
  describe(name, () => {
    const opened: Store[] = [];
    const openStore = async () => {
      const store = await open();
      opened.push(store);
      return store;
    };
    afterEach(async () => {
      for (const store of opened.splice(0)) await store.close();
    });

    test('what one transaction wrote the next one reads', async () => {
      const store = await openStore();
      await store.transaction(async (first) => {
        await first.put('a/1', bytes(1, 2, 3));
        await first.put('a/2', bytes());
        expect(await first.get('a/1')).toEqual(bytes(1, 2, 3));
      });
      const read = await store.transaction(async (second) => [
        await second.get('a/1'),
        await second.get('a/2'),
        await second.get('a/3'),
      ]);
      expect(read).toEqual([bytes(1, 2, 3), bytes(), undefined]);
    });

    test('a transaction that fails has written nothing, and its error comes out', async () => {
      const store = await openStore();
      await store.transaction((transaction) => transaction.put('kept', bytes(1)));
      const failure = new Error('of the application');
      const failing = store.transaction(async (transaction) => {
        await transaction.put('kept', bytes(2));
        await transaction.put('new', bytes(2));
        throw failure;
      });
      await expect(failing).rejects.toBe(failure);
      const [kept, fresh] = await store.transaction(async (transaction) => [
        await transaction.get('kept'),
        await transaction.get('new'),
      ]);
      expect([kept, fresh]).toEqual([bytes(1), undefined]);
    });

    test('one failing transaction among many at once takes none of the others along', async () => {
      const store = await openStore();
      const work = (index: number) => async (transaction: StoreTransaction) => {
        await transaction.put(`at/${index}`, bytes(index));
        if (index % 3 === 0) throw new Error(`number ${index}`);
      };
      const outcomes = await Promise.allSettled(
        Array.from({ length: 30 }, (_, index) => store.transaction(work(index))),
      );
      expect(outcomes.map((outcome) => outcome.status === 'rejected')).toEqual(
        Array.from({ length: 30 }, (_, index) => index % 3 === 0),
      );
      const found = await store.transaction((transaction) =>
        transaction.list({ prefix: 'at/', limit: 100 }),
      );
      expect(found).toHaveLength(20);
    });

    test('transactions run one after the other: no increment is lost', async () => {
      const store = await openStore();
      const increment = () =>
        store.transaction(async (transaction) => {
          const before = (await transaction.get('count'))?.[0] ?? 0;
          await Promise.resolve();
          await transaction.put('count', bytes(before + 1));
        });
      await Promise.all(Array.from({ length: 100 }, increment));
      expect(await store.transaction((transaction) => transaction.get('count'))).toEqual(
        bytes(100),
      );
    });

    test('a list of numbers ascends, begins behind a key, ends at its limit and sees its own transaction', async () => {
      const store = await openStore();
      const at = (number: number) => `b/${String(number).padStart(16, '0')}`;
      await store.transaction(async (transaction) => {
        for (const key of [at(10), at(2), at(1), 'a/9', 'b0', `c/${at(1)}`, at(30), 'bb/1']) {
          await transaction.put(key, bytes(key.length));
        }
      });
      const keys = await store.transaction(async (transaction) => {
        await transaction.delete(at(2));
        await transaction.put(at(15), bytes(4));
        const all = await transaction.list({ prefix: 'b/', limit: 100 });
        const fromStart = await transaction.list({ prefix: 'b/', after: 'b/', limit: 3 });
        const some = await transaction.list({ prefix: 'b/', after: at(9), limit: 2 });
        const none = await transaction.list({ prefix: 'b/', after: at(30), limit: 2 });
        return [all, fromStart, some, none].map((page) => page.map((entry) => entry.key));
      });
      expect(keys).toEqual([
        [at(1), at(10), at(15), at(30)],
        [at(1), at(10), at(15)],
        [at(10), at(15)],
        [],
      ]);
    });

    test('pages of any size, one behind the other, give every entry once', async () => {
      const store = await openStore();
      const names = Array.from({ length: 20 }, (_, index) => `peer/${index % 7}/at/${index}`);
      await store.transaction(async (transaction) => {
        for (const name of names) await transaction.put(name, bytes(1));
        await transaction.put('other/1', bytes(2));
      });
      for (const limit of [1, 3, 20, 21]) {
        const seen: string[] = [];
        for (let page: readonly string[] = ['peer/']; page.length > 0; ) {
          const after = page.at(-1)!;
          const entries = await store.transaction((transaction) =>
            transaction.list({ prefix: 'peer/', after, limit }),
          );
          page = entries.map(({ key }) => key);
          seen.push(...page);
        }
        expect(seen.toSorted()).toEqual(names.toSorted());
      }
      const all = await store.transaction((transaction) =>
        transaction.list({ prefix: '', limit: 100 }),
      );
      expect(all.map(({ key }) => key).toSorted()).toEqual([...names, 'other/1'].toSorted());
    });

    test.each([
      { prefix: 'b', limit: 1 },
      { prefix: '/', limit: 1 },
      { prefix: 'b/', after: 'c/1', limit: 1 },
      { prefix: 'b/', after: 'a', limit: 1 },
    ])('a range that parts of keys are cut by is refused: %j', async (range) => {
      const store = await openStore();
      const listing = store.transaction((transaction) => transaction.list(range));
      await expect(listing).rejects.toMatchObject({ code: 'store.invalid' });
    });

    test('bytes given belong to the caller, who may change them', async () => {
      const store = await openStore();
      const mine = bytes(1, 2, 3);
      await store.transaction(async (transaction) => {
        await transaction.put('mine', mine);
        mine.fill(9);
        expect(await transaction.get('mine')).toEqual(bytes(1, 2, 3));
      });
      mine.fill(8);
      expect(await store.transaction((transaction) => transaction.get('mine'))).toEqual(
        bytes(1, 2, 3),
      );
    });

    test('what was read before is read as it is now: written anew, written first, gone', async () => {
      const store = await openStore();
      const read = () =>
        store.transaction(async (transaction) => [
          await transaction.get('a/1'),
          await transaction.get('a/2'),
        ]);
      const write = (...values: (Uint8Array | undefined)[]) =>
        store.transaction(async (transaction) => {
          for (const [index, value] of values.entries()) {
            if (value) await transaction.put(`a/${index + 1}`, value);
            else await transaction.delete(`a/${index + 1}`);
          }
        });
      expect(await read()).toEqual([undefined, undefined]);
      for (const values of [
        [bytes(1), undefined],
        [bytes(2), bytes(3)],
        [undefined, bytes(4)],
        [bytes(5), bytes()],
      ]) {
        await write(...values);
        expect(await read()).toEqual(values);
        expect(await read()).toEqual(values);
        const failing = store.transaction(async (transaction) => {
          await transaction.put('a/1', bytes(9));
          await transaction.delete('a/2');
          throw new Error('of the application');
        });
        await expect(failing).rejects.toThrow('of the application');
        expect(await read()).toEqual(values);
      }
    });

    test.each([
      '',
      'with space',
      'ümlaut',
      '~',
      'a\n',
      'a\0',
      'a//b',
      'a/',
      '/',
      'x'.repeat(257),
      'x/'.repeat(9),
    ])('a key that engines might sort differently is refused: %j', async (key) => {
      const store = await openStore();
      const writing = store.transaction((transaction) => transaction.put(key, bytes()));
      await expect(writing).rejects.toMatchObject({ code: 'store.invalid' });
    });

    test('a transaction is of no use after its end', async () => {
      const store = await openStore();
      const escaped = await store.transaction(async (transaction) => ({ transaction }));
      await expect(escaped.transaction.put('late', bytes(1))).rejects.toMatchObject({
        code: 'store.closed',
      });
    });

    test('closing lets transactions under way end, and refuses new ones', async () => {
      const store = await openStore();
      const running = store.transaction((transaction) => transaction.put('a', bytes(1)));
      const closing = store.close();
      await expect(store.transaction(async () => {})).rejects.toMatchObject({
        code: 'store.closed',
      });
      await Promise.all([running, closing, store.close()]);
    });

    test('any sequence of writes reads back like a map', async () => {
      const key = fc.stringMatching(/^[ab](\/[ab]){0,3}$/);
      const write = fc.record({ key, value: fc.option(fc.uint8Array({ maxLength: 3 })) });
      await fc.assert(
        fc.asyncProperty(fc.array(fc.array(write)), async (transactions) => {
          const store = await open();
          const expected = new Map<string, Uint8Array>();
          for (const writes of transactions) {
            await store.transaction(async (transaction) => {
              for (const { key, value } of writes) {
                if (value === null) await transaction.delete(key);
                else await transaction.put(key, value);
              }
            });
            for (const { key, value } of writes) {
              if (value === null) expected.delete(key);
              else expected.set(key, value);
            }
          }
          const found = await store.transaction((transaction) =>
            transaction.list({ prefix: 'a/', limit: 1000 }),
          );
          const given = found.map(({ key, value }) => [key, ...value]);
          const left = [...expected].filter(([name]) => name.startsWith('a/'));
          expect(given.toSorted()).toEqual(
            left.map(([name, value]) => [name, ...value]).toSorted(),
          );
          await store.close();
        }),
        { numRuns: 30 },
      );
    });
  });
}
