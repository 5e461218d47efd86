/**
 * Claims of bundles, many in one statement: what arrives while statements are under way is claimed together by the next
 * one, so that a hundred fetches share one flush of the disk. A lone fetch waits for nobody.
 */
import { ApiError } from '@sotto/api';
import type { Database } from '@sotto/runtime';
import { type BundleRequest, claimBundles, type IssuedRow } from './bundle-store.ts';
import { CLAIM_STATEMENTS_MAX, CLAIMS_PER_STATEMENT_MAX, CLAIMS_WAITING_MAX } from './limits.ts';
import type { KeyTables } from './schema.ts';

export interface BundleClaims {
  /**
   * The rows of one request, once they are durably its own. Rejects with `service.unavailable` when too many wait, and
   * with the database's error; what was claimed is then lost, never given to another.
   */
  claim(request: BundleRequest): Promise<IssuedRow[]>;
}

interface Waiting {
  request: BundleRequest;
  resolve(rows: IssuedRow[]): void;
  reject(error: unknown): void;
}

/** An empty queue over one database. */
export function createBundleClaims(database: Pick<Database<KeyTables>, 'pool'>): BundleClaims {
  const waiting: Waiting[] = [];
  let underWay = 0;

  async function run(): Promise<void> {
    const batch = waiting.splice(0, CLAIMS_PER_STATEMENT_MAX);
    underWay++;
    try {
      const rows = await claimBundles(
        database,
        batch.map(({ request }) => request),
      );
      share(batch, rows);
    } catch (error) {
      for (const { reject } of batch) reject(error);
    } finally {
      underWay--;
      start();
    }
  }

  function start(): void {
    while (underWay < CLAIM_STATEMENTS_MAX && waiting.length > 0) void run();
  }

  return {
    claim(request) {
      if (waiting.length >= CLAIMS_WAITING_MAX) {
        return Promise.reject(new ApiError('service.unavailable', { retryAfter: 1 }));
      }
      return new Promise((resolve, reject) => {
        waiting.push({ request, resolve, reject });
        start();
      });
    },
  };
}

function share(batch: readonly Waiting[], rows: readonly IssuedRow[]): void {
  const shares = batch.map((): IssuedRow[] => []);
  for (const row of rows) shares[row.request - 1]?.push(row);
  for (const [index, { resolve }] of batch.entries()) resolve(shares[index] ?? []);
}
