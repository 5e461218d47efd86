import { DeviceId, SessionId, UserId } from '@sotto/api';
import { expect, test } from 'vitest';
import type { Exchange } from '../connection/http.ts';
import { keys } from '../store/key-space.ts';
import type { Store } from '../store/store.ts';
import { openMemoryStore } from '../store/store-memory.ts';
import { getRecord, putRecord } from '../store/stored-record.ts';
import { Account } from './records.ts';
import { createTokens } from './tokens.ts';

const ID = '018f0000-0000-7000-8000-00000000000a';

test('tokens that could not be kept are not used', async () => {
  const store = await storeWithTokens();
  let isFull = true;
  const tokens = createTokens({
    store: refusingWrites(store, () => isFull),
    exchange: renewals(),
    clock: () => 1_000,
    logInAgain: () => expect.unreachable(),
    onEnded: () => expect.unreachable(),
  });
  await expect(tokens.access()).rejects.toThrow('disk full');
  isFull = false;
  const { token } = await tokens.access();
  expect(token).toBe('access 2');
  expect((await storedAccount(store))?.tokens?.access).toBe(token);
});

async function storeWithTokens(): Promise<Store> {
  const store = openMemoryStore();
  const account: Account = {
    user: UserId.parse(ID),
    device: DeviceId.parse(ID),
    session: SessionId.parse(ID),
    username: 'Alice',
    tokens: { access: 'access 0', refresh: 'refresh 0', renewAt: 0 },
  };
  await store.transaction((transaction) =>
    putRecord(transaction, keys.account, [Account, account]),
  );
  return store;
}

function storedAccount(store: Store): Promise<Account | undefined> {
  return store.transaction((transaction) => getRecord(transaction, keys.account, Account));
}

/** The store on a disk that has no room at times. */
function refusingWrites(store: Store, isFull: () => boolean): Store {
  return {
    transaction: (work) =>
      store.transaction(async (transaction) => {
        const result = await work(transaction);
        if (isFull() && (await getRecord(transaction, keys.account, Account))?.tokens?.renewAt)
          throw new Error('disk full');
        return result;
      }),
    close: () => store.close(),
  };
}

/** Gives a new pair at each call. */
function renewals(): Exchange {
  let count = 0;
  const exchange = async () => {
    count += 1;
    return {
      accessToken: `access ${count}`,
      refreshToken: `refresh ${count}`,
      accessExpiresIn: 900,
      refreshExpiresIn: 900,
    };
  };
  return exchange as Exchange;
}
