/**
 * Claims of bundles, many in one statement: what arrives while statements are under way is claimed together by the next
 * one, so that a hundred fetches share one flush of the disk. A lone fetch waits for nobody.
 *
 * What nobody waits for any more leaves the queue, so that no prekey is used up for it.
 */
import { ApiError, type UserId } from '@sotto/api';
import { type Database, openUrgentPool } from '@sotto/runtime';
import { type BundleRequest, claimBundles, type IssuedRow } from './bundle-store.ts';
import {
  CLAIM_CONNECTIONS_MAX,
  CLAIM_LOCKED_MS,
  CLAIM_MS,
  CLAIM_STATEMENTS_MAX,
  CLAIMS_PER_STATEMENT_MAX,
  CLAIMS_WAITING_MAX,
} from './limits.ts';
import type { KeyTables } from './schema.ts';

export interface BundleClaims {
  /**
   * The rows of one request, once they are durably its own. Rejects with `service.unavailable` when too many wait or
   * the wait is too long, with `request.malformed` when the signal comes first, and with the database's error; what
   * was claimed is then lost, never given to another.
   */
  claim(request: BundleRequest, signal?: AbortSignal): Promise<IssuedRow[]>;
  close(): Promise<void>;
}

interface Waiting {
  request: BundleRequest;
  resolve(rows: IssuedRow[]): void;
  reject(error: unknown): void;
}

/** An empty queue over one database, by connections of its own. Close it. */
export function createBundleClaims(database: Pick<Database<KeyTables>, 'pool'>): BundleClaims {
  const pool = openUrgentPool(database, CLAIM_CONNECTIONS_MAX);
  const waiting = new Set<Waiting>();
  const locked = createLockedUsers();
  let underWay = 0;

  function nextBatch(): Waiting[] {
    for (const one of waiting) {
      const error = locked.errorOf(one.request.user);
      if (error === undefined) continue;
      waiting.delete(one);
      one.reject(error);
    }
    const batch = [...waiting.values().take(CLAIMS_PER_STATEMENT_MAX)];
    for (const one of batch) waiting.delete(one);
    return batch;
  }

  async function run(): Promise<void> {
    const batch = nextBatch();
    underWay++;
    await claimTogether({ pool, locked }, batch);
    underWay--;
    start();
  }

  function start(): void {
    while (underWay < CLAIM_STATEMENTS_MAX && waiting.size > 0) void run();
  }

  return {
    claim(request, signal) {
      if (waiting.size >= CLAIMS_WAITING_MAX) return Promise.reject(tooBusy());
      const { promise, resolve, reject } = Promise.withResolvers<IssuedRow[]>();
      const one = { request, resolve, reject };
      // Once its statement is under way it is not called back, and what it claims is lost.
      const leave = (error: ApiError): void => {
        waiting.delete(one);
        reject(error);
      };
      const abort = (): void => leave(endedEarly());
      const timer = setTimeout(() => leave(tooBusy()), CLAIM_MS);
      signal?.addEventListener('abort', abort, { once: true });
      waiting.add(one);
      if (signal?.aborted) abort();
      start();
      return promise.finally(() => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
      });
    },
    close: () => pool.end(),
  };
}

interface Claiming {
  pool: Database<KeyTables>['pool'];
  locked: LockedUsers;
}

/** Never rejects: each of the batch learns what became of it. */
async function claimTogether(claiming: Claiming, batch: readonly Waiting[]): Promise<void> {
  if (batch.length === 0) return;
  try {
    const requests = batch.map(({ request }) => request);
    share(batch, await claimBundles(claiming, requests));
  } catch (error) {
    const byUser = Map.groupBy(batch, ({ request }) => request.user);
    if (isLocked(error) && byUser.size > 1) {
      // Somebody holds prekeys of one user: the others are not to wait for them.
      await Promise.all([...byUser.values()].map((apart) => claimTogether(claiming, apart)));
      return;
    }
    for (const { request, reject } of batch) {
      if (isLocked(error)) claiming.locked.add(request.user, error);
      reject(error);
    }
  }
}

interface LockedUsers {
  /** Why nothing of this user is claimed for the moment. */
  errorOf(user: UserId): Error | undefined;
  add(user: UserId, error: Error): void;
}

/** Users whose prekeys were locked a moment ago: each further statement for them would keep a connection waiting. */
function createLockedUsers(): LockedUsers {
  const errors = new Map<UserId, Error>();
  return {
    errorOf: (user) => errors.get(user),
    add(user, error) {
      if (errors.has(user)) return;
      errors.set(user, error);
      setTimeout(() => errors.delete(user), CLAIM_LOCKED_MS).unref();
    },
  };
}

/** Whether a claim failed because somebody held prekeys that it wanted. It took none then. */
export function isLocked(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && error.code === LOCK_NOT_AVAILABLE;
}

const LOCK_NOT_AVAILABLE = '55P03';

function share(batch: readonly Waiting[], rows: readonly IssuedRow[]): void {
  const shares = batch.map((): IssuedRow[] => []);
  for (const row of rows) shares[row.request - 1]?.push(row);
  for (const [index, { resolve }] of batch.entries()) resolve(shares[index] ?? []);
}

function tooBusy(): ApiError {
  return new ApiError('service.unavailable', { retryAfter: 1 });
}

function endedEarly(): ApiError {
  return new ApiError('request.malformed', { detail: 'the request ended early' });
}
