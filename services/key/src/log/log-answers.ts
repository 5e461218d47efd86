/** What the key log answers: heads, leaves, and an account's leaves, each with its proofs. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Answer,
  ApiError,
  type getKeyLogAccount,
  type getKeyLogHead,
  KEY_LOG_LEAVES_MAX,
  type UserId,
} from '@sotto/api';
import { nodeProvider } from '@sotto/crypto/node';
import { blindAccount } from '@sotto/crypto/verify';
import type { Database } from '@sotto/runtime';
import { KEY_LOG_LOOK_MS, KEY_LOG_WAIT_MS } from '../limits.ts';
import type { KeyTables } from '../schema.ts';
import type { Query } from '../store.ts';
import { findCosignatures, findEarlierCosignatures, newestHead, type SignedHead } from './heads.ts';
import type { KeyLog } from './key-log.ts';
import { findAccountLeaves, findLeaves, findRestoredLeaf, newestVersion } from './leaves.ts';
import { consistencyProof, inclusionProof, type ReadHashes } from './proofs.ts';
import { readHashes } from './tree-store.ts';

export interface LogAnswerDeps {
  database: Pick<Database<KeyTables>, 'query'>;
  keyLog: Pick<KeyLog, 'blindingKey' | 'nudge' | 'witnessKeys'>;
}

/**
 * The newest head, proven to continue a smaller one. Throws `key.log-unknown` before the first was signed, and
 * `service.unavailable` while a restore is not in the log yet: without its leaf the log would look like a shortened one.
 */
export async function headSince(
  deps: LogAnswerDeps,
  from = 0,
): Promise<Omit<Answer<typeof getKeyLogHead>, 'logKey'>> {
  const restored = await requireRestored(deps);
  return provenHead(deps, { from, restored, ...(await requireHead(deps.database.query)) });
}

/** A page of leaves. Throws `key.log-unknown` when there is none at its start. */
export async function leavesFrom(
  { database: { query } }: LogAnswerDeps,
  page: { start: number; count: number },
): Promise<{ leaves: Uint8Array[] }> {
  const leaves = await findLeaves(query, page);
  if (leaves.length === 0) throw new ApiError('key.log-unknown');
  return { leaves };
}

/**
 * An account's leaves from a version on, KEY_LOG_LEAVES_MAX of them at most, the last one proven to be in the tree.
 * Waits for a leaf that is on its way there: without it the account's identity would look like one that is not logged.
 * Throws `key.log-unknown` for an account without such leaves, `service.unavailable` when the wait is too long.
 */
export async function accountSince(
  deps: LogAnswerDeps,
  {
    user,
    from = 1,
    seen = 0,
  }: { user: UserId; from: number | undefined; seen: number | undefined },
): Promise<Answer<typeof getKeyLogAccount>> {
  const { query } = deps.database;
  const account = blindAccount(nodeProvider, deps.keyLog.blindingKey, user);
  const newest = await newestVersion(query, account);
  if (newest === undefined || from > newest) throw new ApiError('key.log-unknown');
  await waitForLeaf(deps, account, newest);
  const restored = await requireRestored(deps);
  const placed = await findAccountLeaves(query, account, { from, limit: KEY_LOG_LEAVES_MAX });
  const last = placed.at(-1);
  if (last === undefined) throw new ApiError('key.log-unknown');
  // Read after the leaves, so it covers them.
  const head = await requireHead(query);
  const { position: index } = last;
  return {
    leaves: placed.map(({ leaf }) => leaf),
    index,
    inclusion: await inclusionProof(readerOf(query), { index, size: head.size }),
    ...(await provenHead(deps, { from: seen, restored, ...head })),
  };
}

async function waitForLeaf(
  { database, keyLog }: LogAnswerDeps,
  account: Uint8Array,
  version: number,
): Promise<void> {
  const deadline = performance.now() + KEY_LOG_WAIT_MS;
  const wanted = { from: version, limit: 1 };
  while ((await findAccountLeaves(database.query, account, wanted)).length === 0) {
    if (performance.now() > deadline) throw new ApiError('service.unavailable', { retryAfter: 1 });
    keyLog.nudge();
    await sleep(KEY_LOG_LOOK_MS);
  }
}

async function requireHead(query: Query): Promise<SignedHead> {
  const head = await newestHead(query);
  if (head === undefined) throw new ApiError('key.log-unknown');
  return head;
}

/** The leaf of the last restore, which is in the tree of every head that is read after it. */
async function requireRestored({ database, keyLog }: LogAnswerDeps) {
  const found = await findRestoredLeaf(database.query);
  if (found === undefined) return undefined;
  const { position, leaf } = found;
  if (position !== undefined) return { index: position, leaf };
  keyLog.nudge();
  throw new ApiError('service.unavailable', { retryAfter: 1 });
}

interface ProvenHead extends SignedHead {
  from: number;
  restored: Awaited<ReturnType<typeof requireRestored>>;
}

async function provenHead(
  { database: { query }, keyLog }: LogAnswerDeps,
  { size, head, from, restored }: ProvenHead,
) {
  const read = readerOf(query);
  const earlier = await findEarlierCosignatures(query, size, keyLog.witnessKeys);
  return {
    head,
    consistency: await consistencyProof(read, { first: from, second: size }),
    cosignatures: await findCosignatures(query, size),
    ...(restored && {
      restored: {
        ...restored,
        inclusion: await inclusionProof(read, { index: restored.index, size }),
      },
    }),
    earlier: await Promise.all(
      earlier.map(async ({ size: first, ...signed }) => ({
        ...signed,
        consistency: await consistencyProof(read, { first, second: size }),
      })),
    ),
  };
}

function readerOf(query: Query): ReadHashes {
  return (subtrees) => readHashes(query, subtrees);
}
