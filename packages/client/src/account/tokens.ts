/** The tokens of the session: kept in the store, renewed one at a time. */
import { type Login, refresh, type Tokens as TokenPair } from '@sotto/api';
import type { Exchange } from '../connection/http.ts';
import { ClientError, isProblem } from '../errors.ts';
import { TOKEN_MARGIN_MS } from '../limits.ts';
import { keys } from '../store/key-space.ts';
import type { Store, StoreTransaction } from '../store/store.ts';
import { getRecord, putRecord } from '../store/stored-record.ts';
import { Account } from './records.ts';

/** An access token, and whether it is good only together with the device key. */
export interface AccessToken {
  readonly token: string;
  readonly bound: boolean;
}

export interface Tokens {
  /**
   * An access token that is good for a while yet. Throws `account.missing` or `account.logged-out` when only a
   * log-in helps, `ConnectionError` when the renewal did not get through.
   */
  access(): Promise<AccessToken>;
  /** A newer one than `rejected`. Throws as {@link access} does. */
  renew(rejected: string): Promise<AccessToken>;
  /** Forgets what is held in memory, after a log-in wrote other tokens to the store. */
  reload(): void;
}

interface TokensOptions {
  readonly store: Store;
  readonly exchange: Exchange;
  readonly clock: () => number;
  /** Opens another session with the device key and writes its tokens to the store. */
  readonly logInAgain: () => Promise<void>;
  /** Called once when the platform has ended the session. */
  readonly onEnded: () => void;
}

type Held = NonNullable<Account['tokens']> & { readonly bound: boolean };

/** The tokens of the account in a store. */
export function createTokens(options: TokensOptions): Tokens {
  const { store, clock } = options;
  let held: Held | undefined;
  let renewing: Promise<Held> | undefined;

  async function load(): Promise<Held> {
    held ??= await store.transaction(async (transaction) => {
      const account = await getRecord(transaction, keys.account, Account);
      if (account === undefined) throw new ClientError('account.missing', 'nobody is logged in');
      return account.tokens && { ...account.tokens, bound: account.isBound === true };
    });
    if (held === undefined) throw loggedOutError();
    return held;
  }

  function renew(rejected: string): Promise<AccessToken> {
    renewing ??= load()
      .then((tokens) => (tokens.access === rejected ? exchangeAndKeep(tokens) : tokens))
      .finally(() => {
        renewing = undefined;
      });
    return renewing.then(accessOf);
  }

  async function exchangeAndKeep({ refresh: refreshToken, bound }: Held): Promise<Held> {
    try {
      const pair = await options.exchange(refresh, { body: { refreshToken } }, { signed: bound });
      const tokens = tokensOf(pair, clock());
      // Kept before they are used: a first use of them ends the life of the ones that a crash would leave in the store.
      const isKept = await keepTokens(store, tokens, refreshToken);
      held = isKept ? { ...tokens, bound } : undefined;
      return held ?? load();
    } catch (error) {
      if (!isProblem(error, 'auth.refresh-invalid')) throw error;
      held = undefined;
      const { refresh: current } = await load();
      // Somebody has logged in meanwhile, which ends what is renewed here.
      if (current !== refreshToken) return load();
      return bound ? comeBack(refreshToken) : end(error, refreshToken);
    }
  }

  /** The session is gone. Its key opens another one, unless somebody ended it from elsewhere or took the device off. */
  async function comeBack(ended: string): Promise<Held> {
    await options.logInAgain().catch((error) => {
      // Out of reach: the ended tokens stay, and lead here again.
      if (!isProblem(error, 'auth.challenge-wrong', 'auth.account-disabled')) throw error;
      return end(error, ended);
    });
    return load();
  }

  async function end(cause: unknown, ended: string): Promise<Held> {
    if (!(await keepTokens(store, undefined, ended))) return load();
    options.onEnded();
    throw loggedOutError({ cause });
  }

  return {
    async access() {
      const tokens = await load();
      return clock() < tokens.renewAt ? accessOf(tokens) : renew(tokens.access);
    },
    renew,
    reload() {
      held = undefined;
    },
  };
}

function accessOf({ access, bound }: Held): AccessToken {
  return { token: access, bound };
}

/** Whether the session of the account has ended, here or elsewhere. False before the first log-in. */
export async function isLoggedOut(transaction: StoreTransaction): Promise<boolean> {
  const account = await getRecord(transaction, keys.account, Account);
  return account !== undefined && account.tokens === undefined;
}

/** The error for a session that has ended. */
export function loggedOutError(options?: ErrorOptions): ClientError {
  return new ClientError('account.logged-out', 'the session has ended: log in again', options);
}

/** Whether a call was refused because the session has ended. */
export function isLoggedOutError(error: unknown): boolean {
  return error instanceof ClientError && error.code === 'account.logged-out';
}

/** A pair as it is kept. Both ends of its life are by this machine's clock, so a clock that is wrong does no harm. */
export function tokensOf(pair: TokenPair | Login, now: number): NonNullable<Account['tokens']> {
  const lifeMs = pair.accessExpiresIn * 1000;
  return {
    access: pair.accessToken,
    refresh: pair.refreshToken,
    renewAt: now + lifeMs - Math.min(TOKEN_MARGIN_MS, lifeMs / 2),
  };
}

/**
 * Writes the tokens of the account, or takes them away. Whoever gets other ones was not taken off the account. With
 * `instead`, only in place of that refresh token: false when another session has begun meanwhile, or none is left.
 */
export function keepTokens(
  store: Store,
  tokens: Account['tokens'],
  instead?: string,
): Promise<boolean> {
  return store.transaction(async (transaction) => {
    const account = await getRecord(transaction, keys.account, Account);
    if (account === undefined) return false;
    const { tokens: current, leaving, ...rest } = account;
    if (instead !== undefined && current?.refresh !== instead) return false;
    const next = tokens ? { ...rest, tokens } : { ...rest, leaving };
    await putRecord(transaction, keys.account, [Account, next]);
    return true;
  });
}
