/** Who uses this store: registering, logging in and out. */
import {
  ApiError,
  type DeviceId,
  type Login,
  login,
  logout,
  type ProblemCode,
  register,
  type UserId,
} from '@sotto/api';
import type { Call } from './call.ts';
import { ClientError } from './errors.ts';
import type { Exchange } from './http.ts';
import { Account, getRecord, keys, putRecord, Registration } from './records.ts';
import type { Store } from './store.ts';
import { keepTokens, type Tokens, tokensOf } from './tokens.ts';

/** The account and device that a store belongs to. */
export interface Me {
  readonly user: UserId;
  readonly device: DeviceId;
  readonly username: string;
}

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

export interface AccountDeps {
  readonly store: Store;
  readonly exchange: Exchange;
  readonly call: Call;
  readonly tokens: Tokens;
  readonly clock: () => number;
}

/** The account of a store, or undefined before the first log-in. */
export async function findAccount(store: Store): Promise<Me | undefined> {
  const account = await readAccount(store);
  return account && { user: account.user, device: account.device, username: account.username };
}

/**
 * Makes an account with this store as its first device. Throws `account.exists` when the store has one already, and
 * the platform's problems. When an answer was lost, registering again from the same store logs in instead.
 */
export async function registerAccount(deps: AccountDeps, credentials: Credentials): Promise<Me> {
  const { username } = credentials;
  const triedBefore = await deps.store.transaction(async (transaction) => {
    if (await transaction.get(keys.account)) throw alreadyUsed();
    const before = await getRecord(transaction, keys.registration, Registration);
    await putRecord(transaction, keys.registration, [Registration, { username }]);
    return before?.username === username;
  });
  return keep(deps, await makeOrFind(deps, credentials, triedBefore), true);
}

async function makeOrFind(
  { exchange }: AccountDeps,
  { username, password }: Credentials,
  triedBefore: boolean,
): Promise<Login> {
  const body = { username, password };
  try {
    return await exchange(register, { body });
  } catch (error) {
    if (!triedBefore || !isProblem(error, 'auth.username-taken')) throw error;
    return exchange(login, { body }).catch((cause) => {
      // The name is taken by somebody else after all.
      throw isProblem(cause, 'auth.credentials-wrong') ? error : cause;
    });
  }
}

/**
 * Logs in: on the device of this store when it has one, else as a new device of the account. Throws
 * `account.exists` when the store belongs to another account, `answer.invalid` when the platform answers with another
 * account or device than the store's, and the platform's problems.
 */
export async function logIn(deps: AccountDeps, credentials: Credentials): Promise<Me> {
  const account = await readAccount(deps.store);
  if (account && account.username.toLowerCase() !== credentials.username.toLowerCase()) {
    throw alreadyUsed();
  }
  const { username, password } = credentials;
  const body = { username, password, ...(account && { device: account.device }) };
  return keep(deps, await deps.exchange(login, { body }));
}

/** Ends the session on the platform and forgets its tokens. Keys and messages stay: logging in again goes on. */
export async function logOut({ store, call, tokens }: AccountDeps): Promise<void> {
  await call(logout, {});
  await keepTokens(store, undefined);
  tokens.reload();
}

async function keep(
  { store, tokens, clock }: AccountDeps,
  answer: Login,
  isNew = false,
): Promise<Me> {
  const { user, device, session, username } = answer;
  await store.transaction(async (transaction) => {
    const known = await getRecord(transaction, keys.account, Account);
    if (known && (known.user !== user || known.device !== device)) {
      throw new ClientError('answer.invalid', 'the platform logged in somebody else');
    }
    const isFirstDevice = isNew || known?.isFirstDevice === true;
    const held = tokensOf(answer, clock());
    const account = { user, device, session, username, isFirstDevice, tokens: held };
    await putRecord(transaction, keys.account, [Account, account]);
    await transaction.delete(keys.registration);
  });
  tokens.reload();
  return { user, device, username };
}

function readAccount(store: Store): Promise<Account | undefined> {
  return store.transaction((transaction) => getRecord(transaction, keys.account, Account));
}

function isProblem(error: unknown, code: ProblemCode): boolean {
  return error instanceof ApiError && error.code === code;
}

function alreadyUsed(): ClientError {
  return new ClientError('account.exists', 'the store belongs to an account already');
}
