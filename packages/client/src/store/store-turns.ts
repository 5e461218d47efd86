/** Transactions of a store that wait for their turn. Those that are asked for during a commit share the next one. */
import { ClientError } from '../errors.ts';
import { TRANSACTIONS_PER_COMMIT_MAX } from '../limits.ts';
import type { Store, StoreTransaction, StoreWork } from './store.ts';
import type { StoreChanges } from './store-changes.ts';
import { type CommittedEntries, overlay } from './store-overlay.ts';

/** A transaction that waits. */
export interface Turn {
  /**
   * Does the work. Resolves with what to tell whoever asked once that is on disk, and rejects with the work's own error:
   * then nothing of it is to be written, and there is nobody to tell but by `fail`.
   */
  run(transaction: StoreTransaction): Promise<() => void>;
  fail(error: unknown): void;
}

export interface TurnsDeps {
  /** Runs the turns one after the other, commits what they wrote, and tells each. Never rejects. */
  commitTogether(turns: readonly Turn[]): Promise<void>;
  /** Awaited before each commit, so that what arrived during the last one shares it. */
  gather(): Promise<void>;
  /** Gives the engine free; called once, after the last commit. */
  close(): void;
}

/** A store that commits by turns. */
export function storeOfTurns({ commitTogether, gather, close }: TurnsDeps): Store {
  const waiting: Turn[] = [];
  let draining: Promise<void> | undefined;
  let closing: Promise<void> | undefined;

  async function drain(): Promise<void> {
    while (waiting.length > 0) {
      await gather();
      await commitTogether(waiting.splice(0, TRANSACTIONS_PER_COMMIT_MAX));
    }
    draining = undefined;
  }

  return {
    transaction<T>(work: StoreWork<T>): Promise<T> {
      if (closing) return Promise.reject(new ClientError('store.closed', 'the store is closed'));
      return new Promise<T>((resolve, reject) => {
        const run = async (transaction: StoreTransaction) => {
          const value = await work(transaction);
          return () => resolve(value);
        };
        waiting.push({ run, fail: reject });
        draining ??= drain();
      });
    },
    close() {
      closing ??= (draining ?? Promise.resolve()).then(close);
      return closing;
    },
  };
}

/**
 * Runs turns one after the other: each sees what those before it wrote. Gives what to tell once `changes` are on disk, to
 * which everything was added that they wrote; of a turn that fails nothing is.
 */
export async function runTurns(
  committed: CommittedEntries,
  changes: StoreChanges,
  turns: readonly Turn[],
): Promise<(() => void)[]> {
  const endings: (() => void)[] = [];
  for (const turn of turns) endings.push(await attempt(committed, changes, turn));
  return endings;
}

async function attempt(
  committed: CommittedEntries,
  before: StoreChanges,
  turn: Turn,
): Promise<() => void> {
  const { transaction, changes, end } = overlay(committed, before);
  try {
    const tell = await turn.run(transaction);
    before.add(changes);
    return tell;
  } catch (error) {
    return () => turn.fail(error);
  } finally {
    end();
  }
}
