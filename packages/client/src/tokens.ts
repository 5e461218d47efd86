/** The tokens of the session: kept in the store, renewed one at a time. */
import { ApiError, type Login, refresh, type Tokens as TokenPair } from '@sotto/api';
import { ClientError } from './errors.ts';
import type { Exchange } from './http.ts';
import { TOKEN_MARGIN_MS } from './limits.ts';
import { Account, getRecord, keys, putRecord } from './records.ts';
import type { Store } from './store.ts';

export interface Tokens {
  /**
   * An access token that is good for a while yet. Throws `account.missing` or `account.logged-out` when only a
   * log-in helps, `ConnectionError` when the renewal did not get through.
   */
  access(): Promise<string>;
  /** A newer one than `rejected`. Throws as {@link access} does. */
  renew(rejected: string): Promise<string>;
  /** Forgets what is held in memory, after a log-in wrote other tokens to the store. */
  reload(): void;
}

interface TokensOptions {
  readonly store: Store;
  readonly exchange: Exchange;
  readonly clock: () => number;
  /** Called once when the platform has ended the session. */
  readonly onEnded: () => void;
}

/** The tokens of the account in a store. */
export function createTokens(options: TokensOptions): Tokens {
  const { store, clock } = options;
  let held: Account['tokens'];
  let renewing: Promise<string> | undefined;

  async function load(): Promise<NonNullable<Account['tokens']>> {
    held ??= await store.transaction(async (transaction) => {
      const account = await getRecord(transaction, keys.account, Account);
      if (account === undefined) throw new ClientError('account.missing', 'nobody is logged in');
      return account.tokens;
    });
    if (held === undefined) throw new ClientError('account.logged-out', 'the session has ended');
    return held;
  }

  function renew(rejected: string): Promise<string> {
    renewing ??= load()
      .then((tokens) => (tokens.access === rejected ? exchangeAndKeep(tokens.refresh) : tokens))
      .then((tokens) => tokens.access)
      .finally(() => {
        renewing = undefined;
      });
    return renewing;
  }

  async function exchangeAndKeep(refreshToken: string) {
    try {
      const pair = await options.exchange(refresh, { body: { refreshToken } });
      const tokens = tokensOf(pair, clock());
      // Kept before they are used: a first use of them ends the life of the ones that a crash would leave in the store.
      await keepTokens(store, tokens);
      held = tokens;
      return tokens;
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 'auth.refresh-invalid') throw error;
      held = undefined;
      await keepTokens(store, undefined);
      options.onEnded();
      throw new ClientError('account.logged-out', 'the session has ended', { cause: error });
    }
  }

  return {
    async access() {
      const tokens = await load();
      return clock() < tokens.renewAt ? tokens.access : renew(tokens.access);
    },
    renew,
    reload() {
      held = undefined;
    },
  };
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

/** Writes the tokens of the account, or takes them away. */
export function keepTokens(store: Store, tokens: Account['tokens']): Promise<void> {
  return store.transaction(async (transaction) => {
    const account = await getRecord(transaction, keys.account, Account);
    if (account === undefined) return;
    const { tokens: _, ...rest } = account;
    await putRecord(transaction, keys.account, [Account, tokens ? { ...rest, tokens } : rest]);
  });
}
