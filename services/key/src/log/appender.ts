/**
 * Puts pending leaves into the tree and signs its new head.
 *
 * Every process tries. Whichever gets the advisory lock appends one batch in one transaction and lets go with its end,
 * so a process that is killed leaves nothing half done and nobody waits for it; one that hangs is ended by PostgreSQL
 * with its transaction.
 */
import { nodeProvider } from '@sotto/crypto/node';
import {
  appendLeaf,
  decodeTreeHead,
  emptyTree,
  leafHashOf,
  rootOf,
  type SigningKeyPair,
  type SubtreeHash,
  type TreeEdge,
} from '@sotto/crypto/verify';
import type { Clock, Database } from '@sotto/runtime';
import { sql } from 'kysely';
import { KEY_LOG_APPEND_MS, KEY_LOG_BATCH_MAX, KEY_LOG_GATHER_MS } from '../limits.ts';
import type { KeyTables } from '../schema.ts';
import type { KeyTransaction, Query } from '../store.ts';
import { newestHead, putHead, type SignedHead, signHead } from './heads.ts';
import { findPending, growTree, type PendingLeaf, readEdge } from './tree-store.ts';

export interface AppenderDeps {
  database: Pick<Database<KeyTables>, 'query'>;
  logKey: SigningKeyPair<'key-log'>;
  clock: Clock;
  events: {
    leavesAppended(count: number): void;
    appendFailed(error: unknown): void;
  };
}

export interface Appender {
  /** Leaves have been committed: they are appended soon. Cheap, and safe to call at any time. */
  nudge(): void;
  /** Lets the batch under way finish. What still waits is appended by another process or after the next start. */
  close(): Promise<void>;
}

/** Appends after each nudge, and every second what other processes have left. Close it. */
export function startAppender(deps: AppenderDeps): Appender {
  let turning = Promise.resolve();
  let isBusy = false;
  let isClosed = false;
  let soon: NodeJS.Timeout | undefined;

  async function turn(): Promise<void> {
    isBusy = true;
    try {
      let appended: number | undefined;
      do {
        appended = await appendBatch(deps);
        if (appended !== undefined && appended > 0) deps.events.leavesAppended(appended);
      } while (appended === KEY_LOG_BATCH_MAX && !isClosed);
    } catch (error) {
      // The next turn tries again: nothing of this one is left.
      deps.events.appendFailed(error);
    } finally {
      isBusy = false;
    }
  }

  function start(): void {
    if (isClosed || isBusy) return;
    turning = turn();
  }

  const ticker = setInterval(start, KEY_LOG_APPEND_MS);
  start();
  return {
    nudge() {
      if (isClosed || soon !== undefined) return;
      soon = setTimeout(() => {
        soon = undefined;
        start();
      }, KEY_LOG_GATHER_MS);
    },
    async close() {
      isClosed = true;
      clearInterval(ticker);
      clearTimeout(soon);
      await turning;
    },
  };
}

/**
 * Appends what waits, one batch at most, and signs the new head; signs the head of an empty log, and the newest one
 * anew when the log has got another key. How many leaves; undefined when another process is at it.
 */
export async function appendBatch(deps: AppenderDeps): Promise<number | undefined> {
  const { database, logKey } = deps;
  if (!(await hasWork(database.query, logKey.publicKey))) return 0;
  return database.query.transaction().execute(async (transaction) => {
    if (!(await takeLock(transaction))) return undefined;
    // The lock first, so that this statement sees all that its last holder has written.
    const before = await newestHead(transaction);
    const edge = await readVerifiedEdge(transaction, before);
    const pending = await findPending(transaction, KEY_LOG_BATCH_MAX);
    if (pending.length === 0) {
      await putHead(transaction, signAgain(deps, before, edge));
      return 0;
    }
    const { tree, completed } = grow(edge, pending);
    const head = signHead(logKey, headOf(deps, tree));
    await growTree(transaction, { start: edge.size, leaves: pending, completed, head });
    return pending.length;
  });
}

/** Looked at without the lock, so that processes with nothing to do never meet. */
async function hasWork(query: Query, logKey: Uint8Array): Promise<boolean> {
  const { rows } = await sql<{ has_work: boolean }>`
    select exists (select 1 from key_log_pending) or ${logKey}::bytea is distinct from
      (select log_key from key_log_heads order by size desc limit 1) as has_work
  `.execute(query);
  return rows[0]?.has_work === true;
}

/** One for each schema; PostgreSQL's advisory locks are those of a whole database. It goes with the transaction. */
async function takeLock(transaction: KeyTransaction): Promise<boolean> {
  const { rows } = await sql<{ taken: boolean }>`
    select pg_try_advisory_xact_lock(hashtextextended('key-log:' || current_schema(), 0)) as taken
  `.execute(transaction);
  return rows[0]?.taken === true;
}

/** Signing what the database has become by itself would vouch for a change that nobody made by this service. */
async function readVerifiedEdge(
  transaction: KeyTransaction,
  before: SignedHead | undefined,
): Promise<TreeEdge> {
  if (before === undefined) return emptyTree;
  const edge = await readEdge(transaction, before.size);
  const { root } = decodeTreeHead(before.head).head;
  if (!Buffer.from(root).equals(rootOf(nodeProvider, edge))) {
    throw new Error('the stored tree of the key log does not have the root of its head');
  }
  return edge;
}

/** The newest head under the log's present key. Its time stays, and with it the signatures of witnesses. */
function signAgain(deps: AppenderDeps, before: SignedHead | undefined, edge: TreeEdge): SignedHead {
  const head = before === undefined ? headOf(deps, edge) : decodeTreeHead(before.head).head;
  return signHead(deps.logKey, head);
}

function headOf({ clock }: AppenderDeps, tree: TreeEdge) {
  return { size: tree.size, root: rootOf(nodeProvider, tree), time: clock() };
}

function grow(edge: TreeEdge, leaves: readonly PendingLeaf[]) {
  let tree = edge;
  const completed: SubtreeHash[] = [];
  for (const { leaf } of leaves) {
    const next = appendLeaf(nodeProvider, tree, leafHashOf(nodeProvider, leaf));
    tree = next.tree;
    completed.push(...next.completed);
  }
  return { tree, completed };
}
