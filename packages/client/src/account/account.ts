/** Who uses this store: logging in and out. */
import {
  type DeviceId,
  endSession,
  type Login,
  login,
  loginByDevice,
  logout,
  openChallenge,
  type SessionId,
  type UserId,
} from '@sotto/api';
import { encodeStatement, encodeUuid, type Provider } from '@sotto/crypto';
import type { Call } from '../connection/call.ts';
import type { Exchange } from '../connection/http.ts';
import { ClientError, isProblem } from '../errors.ts';
import { keys } from '../store/key-space.ts';
import type { Store } from '../store/store.ts';
import { getRecord, putRecord } from '../store/stored-record.ts';
import type { DeviceKey } from './device-key.ts';
import type { becomeAnotherDevice } from './device-move.ts';
import { Account } from './records.ts';
import { restoredAccount } from './restored-account.ts';
import { isLoggedOutError, keepTokens, loggedOutError, type Tokens, tokensOf } from './tokens.ts';

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

export interface NewAccount extends Credentials {
  /** Needed where the platform registers by invitation. */
  readonly invite?: string;
  /** For the platform's operator to reach the account's owner. */
  readonly email?: string;
}

/** To be shown once, for its owner to write down: it sets a new password when the old one is forgotten. */
export interface Registered extends Me {
  readonly recoveryCode: string;
}

export interface AccountDeps {
  readonly store: Store;
  readonly provider: Provider;
  readonly exchange: Exchange;
  readonly call: Call;
  readonly tokens: Tokens;
  readonly clock: () => number;
  readonly deviceKey: () => Promise<DeviceKey>;
  /** Whether log-ins are bound to the device key, even if the device has gone without it so far. */
  readonly proofs: boolean;
}

/** The account of a store, or undefined before the first log-in. */
export async function findAccount(store: Store): Promise<Me | undefined> {
  const account = await readAccount(store);
  return account && { user: account.user, device: account.device, username: account.username };
}

/**
 * Logs in with a password: on the device of this store when it has one, else as a new device of the account. When the
 * platform does not take the store's device back without its key, as the device that it knows by the key, or as a new
 * one, for which `loadMove` is asked: the client's `LocalParty` may be another one after it. Throws `account.exists` when
 * the store belongs to another account, `answer.invalid` when the platform answers with another account or device than the
 * store's, and the platform's problems.
 */
export async function logIn(
  deps: AccountDeps,
  credentials: Credentials,
  loadMove: () => Promise<Move>,
): Promise<Me> {
  const account = await accountFor(deps.store, credentials.username);
  try {
    return await keep(deps, await exchangePassword(deps, credentials));
  } catch (error) {
    const isRefused = isProblem(error, 'auth.device-unknown', 'auth.proof-missing');
    if (account === undefined || !isRefused) throw error;
    const { username, password } = credentials;
    const move = await loadMove();
    const answer = await deps.exchange(login, { body: { username, password } }, { signed: true });
    return keep(deps, answer, { byKey: true, move });
  }
}

/** What the platform answers to a password, for the device of this store when it has one. */
export async function exchangePassword(
  { store, exchange, proofs }: AccountDeps,
  { username, password }: Credentials,
): Promise<Login> {
  const account = await accountFor(store, username);
  const body = { username, password, ...(account && { device: account.device }) };
  return exchange(login, { body }, { signed: proofs || account?.isBound === true });
}

/**
 * Logs in with the device key instead of a password: on the device of this store, or on the one that another device of
 * the account has made for this store's key. Throws `account.missing` when neither is known, `auth.challenge-wrong`
 * when the platform does not know the device by this key (any more), or somebody has ended its session from elsewhere,
 * after which it takes a password, and what {@link logIn} throws of the platform.
 */
export async function logInByDevice(deps: AccountDeps, linked?: DeviceId): Promise<Me> {
  const device = linked ?? (await readAccount(deps.store))?.device;
  if (device === undefined) throw new ClientError('account.missing', 'nobody is logged in');
  return keep(deps, await exchangeChallenge(deps, device), { byKey: true });
}

/**
 * The same for a session that has run out, or that the platform has lost: throws `account.logged-out` when somebody has
 * logged out meanwhile.
 */
export async function logInAgain(deps: AccountDeps): Promise<void> {
  const account = await readAccount(deps.store);
  if (account === undefined) throw new ClientError('account.missing', 'nobody is logged in');
  const instead = account.tokens?.refresh;
  if (instead === undefined) throw loggedOutError();
  await keep(deps, await exchangeChallenge(deps, account.device), { byKey: true, instead });
}

/** A machine that slept meanwhile answers too late, which looks the same: only a second refusal is one of the device. */
function exchangeChallenge(deps: AccountDeps, device: DeviceId): Promise<Login> {
  return answerChallenge(deps, device).catch((error) => {
    if (!isProblem(error, 'auth.challenge-wrong')) throw error;
    return answerChallenge(deps, device);
  });
}

async function answerChallenge(
  { exchange, deviceKey }: AccountDeps,
  device: DeviceId,
): Promise<Login> {
  const key = await deviceKey();
  const { challenge } = await exchange(openChallenge, { body: { device } });
  const message = new Uint8Array([...encodeUuid(device), ...challenge]);
  const signature = await key.sign(encodeStatement({ purpose: 'loginChallenge', message }));
  return exchange(loginByDevice, { body: { device, challenge, signature } }, { signed: true });
}

/**
 * Ends a session of the account. This store's own has ended, too, when nobody is logged in here any more: it was asked for
 * before, and the answer was lost.
 */
export async function endOneSession(
  { store, call }: AccountDeps,
  session: SessionId,
): Promise<void> {
  try {
    await call(endSession, { params: { session_id: session } });
  } catch (error) {
    const isOwn = (await readAccount(store))?.session === session;
    if (!isOwn || !isLoggedOutError(error)) throw error;
  }
}

/** Ends the session on the platform and forgets its tokens. Keys and messages stay: logging in again goes on. */
export async function logOut({ store, call, tokens }: AccountDeps): Promise<void> {
  await call(logout, {});
  await forgetTokens({ store, tokens });
}

/** Forgets the tokens of a session that has ended. */
export async function forgetTokens({ store, tokens }: Pick<AccountDeps, 'store' | 'tokens'>) {
  await keepTokens(store, undefined);
  tokens.reload();
}

type Move = typeof becomeAnotherDevice;

interface Keeping {
  readonly isNew?: boolean;
  readonly byKey?: boolean;
  /** Has the store go on as another device of the account; without it that is refused. */
  readonly move?: Move;
  /** Only in place of the session with this refresh token. */
  readonly instead?: string;
}

/** Has the store belong to the account and device of an answer. Throws as {@link logIn} does of the store. */
export async function keep(
  { store, provider, tokens, clock, proofs }: AccountDeps,
  answer: Login,
  { isNew = false, byKey = false, move, instead }: Keeping = {},
): Promise<Me> {
  const { user, device, session, username } = answer;
  await store.transaction(async (transaction) => {
    const known = await getRecord(transaction, keys.account, Account);
    if (instead !== undefined && known?.tokens?.refresh !== instead) {
      if (known?.tokens === undefined) throw loggedOutError();
      return; // Somebody has logged in meanwhile.
    }
    const owner = known ?? (await restoredAccount(transaction));
    const isMoved = known !== undefined && known.device !== device;
    if ((isMoved && !move) || (owner && owner.user !== user)) {
      throw new ClientError('answer.invalid', 'the platform logged in somebody else');
    }
    if (isMoved) await move?.(transaction, provider, { from: known.device, to: device });
    const isFirstDevice = isNew || (!isMoved && known?.isFirstDevice === true);
    const isBound = byKey || proofs || known?.isBound === true;
    const held = tokensOf(answer, clock());
    const account = { user, device, session, username, isFirstDevice, isBound, tokens: held };
    await putRecord(transaction, keys.account, [Account, account]);
    await transaction.delete(keys.restored);
  });
  tokens.reload();
  return { user, device, username };
}

/** The account of the store, if any. Throws `account.exists` when it is another one than named, or its backup is. */
export async function accountFor(store: Store, username: string): Promise<Account | undefined> {
  const account = await readAccount(store);
  const owner = account ?? (await store.transaction(restoredAccount));
  if (owner && owner.username.toLowerCase() !== username.toLowerCase()) throw alreadyUsed();
  return account;
}

/** Whose store it is; undefined before the first log-in. */
export function readAccount(store: Store): Promise<Account | undefined> {
  return store.transaction((transaction) => getRecord(transaction, keys.account, Account));
}

/** For a store that another account, or another device of it, has used. */
export function alreadyUsed(): ClientError {
  return new ClientError('account.exists', 'the store belongs to an account already');
}
