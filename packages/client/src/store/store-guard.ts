/** What every store's transactions refuse alike: keys and ranges that are none, and anything after their end. */
import { ClientError } from '../errors.ts';
import { checkStoreKey, checkStoreRange, type StoreTransaction } from './store.ts';

/** A transaction that is checked before it does anything, until `end`. */
export interface GuardedTransaction {
  readonly transaction: StoreTransaction;
  end(): void;
}

/** Guards a store's own transaction, which may take its arguments for sound. */
export function guardTransaction(inner: StoreTransaction): GuardedTransaction {
  let over = false;
  const check = () => {
    if (over) throw new ClientError('store.closed', 'the transaction is over');
  };
  const checkKey = (key: string) => {
    check();
    checkStoreKey(key);
  };
  return {
    transaction: {
      async get(key) {
        checkKey(key);
        return inner.get(key);
      },
      async put(key, value) {
        checkKey(key);
        return inner.put(key, value);
      },
      async delete(key) {
        checkKey(key);
        return inner.delete(key);
      },
      async list(range) {
        check();
        checkStoreRange(range);
        return inner.list(range);
      },
    },
    end() {
      over = true;
    },
  };
}
