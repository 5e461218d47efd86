/** The sweeper's work of days: file services more, one after the other, whose clocks are ahead, until nothing is left over. */
import { loadConfig } from '@sotto/runtime';
import { FileConfig, startFile } from '../../services/file/src/service.ts';
import { type Cluster, withClient } from '../cluster.ts';
import { waitFor } from '../daemon.ts';
import { findStored } from './stored.ts';

/** What belongs to no file that is stored, and files whose bytes are not there. */
export interface LeftOver {
  unsettled: number;
  objectsWithoutRow: number;
  rowsWithoutObject: number;
  unfinished: number;
}

const HOUR_MS = 3_600_000;

/** Objects without rows go after a week, uploads that nobody goes on with before. */
const AHEAD_MS = 8 * 24 * HOUR_MS;

/** A store that nobody has marked yet is marked by one round, and looked through by the next. */
const ROUNDS = 2;

/** What there was to sweep, and what is left when nothing is, or the deadline has come. */
export async function sweepLater(
  { environment }: Pick<Cluster, 'environment'>,
  withinMs: number,
): Promise<{ beforeSweep: LeftOver; afterSweep: LeftOver }> {
  const beforeSweep = await findLeftOver(environment);
  for (let round = 0; round < ROUNDS; round++) {
    const aheadMs = AHEAD_MS + round * HOUR_MS;
    if (await sweepAhead(environment, { aheadMs, withinMs: withinMs / ROUNDS })) break;
  }
  return { beforeSweep, afterSweep: await findLeftOver(environment) };
}

/** One service, which sweeps as it starts. True when nothing is left. */
async function sweepAhead(
  environment: Cluster['environment'],
  { aheadMs, withinMs }: { aheadMs: number; withinMs: number },
): Promise<boolean> {
  const config = loadConfig(FileConfig, { environment: { ...environment, LOG_LEVEL: 'error' } });
  const service = await startFile(config, { clock: () => Date.now() + aheadMs });
  const isSwept = async () => isNothing(await findLeftOver(environment));
  try {
    return await waitFor(isSwept, withinMs).then(
      () => true,
      () => false,
    );
  } finally {
    await service.close();
  }
}

function isNothing(left: LeftOver): boolean {
  return Object.values(left).every((count) => count === 0);
}

async function findLeftOver(environment: Readonly<Record<string, string>>): Promise<LeftOver> {
  const { keys, unfinished } = await findStored(environment);
  const there = new Set(keys);
  const rows: { state: string; blob_key: string }[] = [];
  await withClient(environment.DATABASE_URL ?? '', async (client) => {
    rows.push(...(await client.query('select state, blob_key from file.files')).rows);
  });
  const stored = rows.filter(({ state }) => state === 'stored');
  const known = new Set(stored.map(({ blob_key }) => blob_key));
  return {
    unsettled: rows.length - stored.length,
    objectsWithoutRow: keys.filter((key) => !known.has(key)).length,
    rowsWithoutObject: [...known].filter((key) => !there.has(key)).length,
    unfinished,
  };
}
