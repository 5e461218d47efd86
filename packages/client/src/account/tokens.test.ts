import { ApiError, DeviceId, SessionId, UserId } from '@sotto/api';
import { describe, expect, test } from 'vitest';
import type { Exchange } from '../connection/http.ts';
import { keys } from '../store/key-space.ts';
import type { Store } from '../store/store.ts';
import { openMemoryStore } from '../store/store-memory.ts';
import { getRecord, putRecord } from '../store/stored-record.ts';
import { Account } from './records.ts';
import { createTokens, keepTokens } from './tokens.ts';

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

describe('what a renewal brings when another session has begun meanwhile', () => {
  const NEWER = { access: 'access of the newer', refresh: 'refresh of the newer', renewAt: 9_000 };

  test('is left alone', async () => {
    const { store, tokens, answer } = await renewing();
    const access = tokens.access();
    await keepTokens(store, NEWER);
    tokens.reload();
    answer.resolve(PAIR);
    expect(await access).toMatchObject({ token: NEWER.access });
    expect((await storedAccount(store))?.tokens).toEqual(NEWER);
  });

  test('does not log in again when it was refused, nor ends the newer one', async () => {
    const { store, tokens, answer } = await renewing();
    const access = tokens.access();
    await keepTokens(store, NEWER);
    tokens.reload();
    answer.reject(new ApiError('auth.refresh-invalid'));
    expect(await access).toMatchObject({ token: NEWER.access });
    expect((await storedAccount(store))?.tokens).toEqual(NEWER);
  });

  test('does not bring back a session that was ended', async () => {
    const { store, tokens, answer } = await renewing();
    const access = tokens.access();
    await keepTokens(store, undefined);
    tokens.reload();
    answer.resolve(PAIR);
    await expect(access).rejects.toMatchObject({ code: 'account.logged-out' });
    expect((await storedAccount(store))?.tokens).toBeUndefined();
  });

  async function renewing() {
    const store = await storeWithTokens();
    const answer = Promise.withResolvers<typeof PAIR>();
    const tokens = createTokens({
      store,
      exchange: (() => answer.promise) as Exchange,
      clock: () => 1_000,
      logInAgain: () => expect.unreachable(),
      onEnded: () => expect.unreachable(),
    });
    return { store, tokens, answer };
  }
});

const PAIR = {
  ...{ accessToken: 'access 1', refreshToken: 'refresh 1' },
  ...{ accessExpiresIn: 900, refreshExpiresIn: 900 },
};

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
