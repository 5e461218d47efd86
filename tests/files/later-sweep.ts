/** The sweeper's work of days: a file service more, whose clock is ahead, started until it has found what is left over. */
import { loadConfig } from '@sotto/runtime';
import { FileConfig, startFile } from '../../services/file/src/service.ts';
import { type Cluster, withClient } from '../cluster.ts';
import { waitFor } from '../daemon.ts';
import { bucketOf, listObjects, listUnfinished } from './bucket.ts';

/** What belongs to no file that is stored, and files whose bytes are not there. */
export interface LeftOver {
  unsettled: number;
  objectsWithoutRow: number;
  rowsWithoutObject: number;
  unfinished: number;
}

/** Objects without rows go after a week, uploads that nobody goes on with before. */
const AHEAD_MS = 8 * 24 * 3_600_000;

/** What there was to sweep, and what is left when nothing is, or the deadline has come. */
export async function sweepLater(
  { environment }: Pick<Cluster, 'environment'>,
  withinMs: number,
): Promise<{ beforeSweep: LeftOver; afterSweep: LeftOver }> {
  const beforeSweep = await findLeftOver(environment);
  const config = loadConfig(FileConfig, { environment: { ...environment, LOG_LEVEL: 'error' } });
  const service = await startFile(config, { clock: () => Date.now() + AHEAD_MS });
  try {
    await waitFor(async () => isNothing(await findLeftOver(environment)), withinMs).catch(
      () => undefined,
    );
    return { beforeSweep, afterSweep: await findLeftOver(environment) };
  } finally {
    await service.close();
  }
}

function isNothing(left: LeftOver): boolean {
  return Object.values(left).every((count) => count === 0);
}

async function findLeftOver(environment: Readonly<Record<string, string>>): Promise<LeftOver> {
  const place = bucketOf(environment);
  const keys = new Set(await listObjects(place));
  const unfinished = (await listUnfinished(place)).length;
  const rows: { state: string; blob_key: string }[] = [];
  await withClient(environment.DATABASE_URL ?? '', async (client) => {
    rows.push(...(await client.query('select state, blob_key from file.files')).rows);
  });
  const stored = rows.filter(({ state }) => state === 'stored');
  const known = new Set(stored.map(({ blob_key }) => blob_key));
  return {
    unsettled: rows.length - stored.length,
    objectsWithoutRow: [...keys].filter((key) => !known.has(key)).length,
    rowsWithoutObject: [...known].filter((key) => !keys.has(key)).length,
    unfinished,
  };
}
