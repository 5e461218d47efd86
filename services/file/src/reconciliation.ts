/**
 * Holds the store against the rows, in both directions: blobs that no row names go, and so do files whose blob is lost.
 *
 * Rows are written with their blobs and go after them, so an old blob without a row is nobody's. Both sides are read in
 * the order of their keys, a stretch at a time. A store that is marked as another platform's, or differs by more than
 * crashes could explain, is the wrong one: then no file and no blob is touched, and an operator is told.
 */
import type { Blobs, Clock, PartsAttempt } from '@sotto/runtime';
import type { Kysely } from 'kysely';
import type { Events } from './events.ts';
import {
  CLOCKS_APART_MS,
  LOST_MAX,
  ORPHAN_MS,
  ORPHANS_MAX,
  ORPHANS_SHARE,
  ORPHANS_UNQUESTIONED,
  RECONCILE_BLOBS_MAX,
  RECONCILE_STRETCH,
  UNSETTLED_MS,
} from './limits.ts';
import {
  beginRound,
  endRound,
  findLiveAttempts,
  findLost,
  findWanted,
  giveBackRound,
  hideLost,
  type Round,
  type Stretch,
} from './reconciliation-store.ts';
import { removeEach } from './removals.ts';
import type { FileTables } from './schema.ts';
import type { Leftover } from './store.ts';
import { claimStore, MARKER_KEY } from './store-marker.ts';

export interface ReconciliationDeps {
  query: Kysely<FileTables>;
  blobs: Blobs;
  events: Pick<Events, 'swept' | 'damaged' | 'foreign' | 'leftover'>;
  clock: Clock;
  /** Ends a round early. */
  signal: AbortSignal;
}

/**
 * One round, when it is time for one. Of several processes one does it. Any step may be repeated. One that throws, is
 * ended early, or can only mark the store is left to the next sweep, and not lost for an hour.
 */
export async function reconcile(deps: ReconciliationDeps): Promise<void> {
  const round = await beginRound(deps.query, deps.clock());
  if (round === undefined) return;
  let isDone = false;
  try {
    isDone = await lookThrough(deps, round);
  } finally {
    if (!isDone) await giveBackRound(deps.query, deps.clock());
  }
}

/** False when it is to be done again soon. */
async function lookThrough(deps: ReconciliationDeps, round: Round): Promise<boolean> {
  const { query, events, signal } = deps;
  const owner = await claimStore(deps);
  if (owner === 'foreign') events.foreign('marker', 1);
  if (owner !== 'ours') return owner === 'foreign';
  const { found, reached } = await compare(deps, round);
  const difference = suspicionOf(found);
  if (difference === undefined) {
    await removeOrphans(deps, found);
    await giveUpLost(deps, found);
  } else {
    events.foreign(difference, found[difference].length);
  }
  // What is left of a round that was ended early is found again.
  if (signal.aborted) return false;
  await endRound(query, reached);
  // Parts are no files yet, whatever else the store has. One that cannot list them is not read anew for that.
  await abortAbandoned(deps).catch(events.leftover);
  return true;
}

interface Findings {
  /** Blobs that have a row. */
  kept: number;
  orphans: string[];
  /** Some orphan is older than our first row can be. */
  hasElder: boolean;
  lost: Leftover[];
}

/** What speaks against the store being ours, and ours alone. */
function suspicionOf({ kept, orphans, hasElder, lost }: Findings): 'orphans' | 'lost' | undefined {
  const explained = Math.max(ORPHANS_UNQUESTIONED, kept * ORPHANS_SHARE);
  if (hasElder || orphans.length > explained) return 'orphans';
  return lost.length > Math.min(LOST_MAX, kept) ? 'lost' : undefined;
}

interface Listed {
  key: string;
  modifiedAt: Date;
}

/** Reads the store from where the round before ended, as far as one round goes. */
async function compare(
  deps: ReconciliationDeps,
  { reached, bornAt }: Round,
): Promise<{ found: Findings; reached: string | undefined }> {
  const found: Findings = { kept: 0, orphans: [], hasElder: false, lost: [] };
  let after = reached;
  let read = 0;
  for await (const listed of inStretches(deps.blobs.list(after))) {
    const isLast = listed.length < RECONCILE_STRETCH;
    const keys = listed.map(({ key }) => key);
    const upTo = isLast ? undefined : keys.at(-1);
    await findOrphans(deps, found, { listed, bornAt });
    await findLosses(deps, found, { after, upTo, keys });
    after = upTo;
    read += listed.length;
    const isFull = read >= RECONCILE_BLOBS_MAX || found.orphans.length >= ORPHANS_MAX;
    if (isLast || isFull || deps.signal.aborted) break;
  }
  return { found, reached: after };
}

/** All stretches have the same length but the last, which may be empty. */
async function* inStretches(blobs: AsyncIterable<Listed>): AsyncGenerator<Listed[]> {
  let stretch: Listed[] = [];
  for await (const blob of blobs) {
    stretch.push(blob);
    if (stretch.length < RECONCILE_STRETCH) continue;
    yield stretch;
    stretch = [];
  }
  yield stretch;
}

async function findOrphans(
  { query, clock }: ReconciliationDeps,
  found: Findings,
  { listed, bornAt }: { listed: readonly Listed[]; bornAt: Date },
): Promise<void> {
  const wanted = await findWanted(
    query,
    listed.map(({ key }) => key),
  );
  found.kept += wanted.size;
  for (const { key, modifiedAt } of listed) {
    const isOld = modifiedAt.getTime() < clock() - ORPHAN_MS;
    if (!isOld || wanted.has(key) || key === MARKER_KEY) continue;
    found.orphans.push(key);
    found.hasElder ||= modifiedAt.getTime() < bornAt.getTime() - CLOCKS_APART_MS;
  }
}

async function findLosses(
  { query, clock }: ReconciliationDeps,
  found: Findings,
  stretch: Stretch,
): Promise<void> {
  const before = new Date(clock() - UNSETTLED_MS);
  // One more than are given up: that says that there are too many.
  const limit = LOST_MAX + 1 - found.lost.length;
  if (limit > 0) found.lost.push(...(await findLost(query, stretch, { before, limit })));
}

async function removeOrphans(
  { query, blobs, events, signal }: ReconciliationDeps,
  { orphans }: Findings,
): Promise<void> {
  // Asked once more: whatever got a row since has one of this minute.
  const wanted = await findWanted(query, orphans);
  const nobodys = orphans.filter((key) => !wanted.has(key));
  const removeOne = async (key: string) => {
    await blobs.delete(key);
    events.swept();
  };
  // From anywhere: several in a row that cannot be removed are not always the first.
  const from = Math.floor(Math.random() * nobodys.length);
  const turned = [...nobodys.slice(from), ...nobodys.slice(0, from)];
  await removeEach(turned, removeOne, { signal, onFailure: events.leftover });
}

async function giveUpLost(
  { query, blobs, events, signal }: ReconciliationDeps,
  { lost }: Findings,
): Promise<void> {
  const giveUp = async ({ id, blobKey }: Leftover) => {
    const blob = await blobs.get(blobKey);
    await blob?.body.cancel();
    // Before a blob is removed its row is hidden: one that is not has lost it.
    if (blob === undefined && (await hideLost(query, id)))
      events.damaged(new Error('the store has lost a blob'));
  };
  await removeEach(lost, giveUp, { signal, onFailure: events.leftover });
}

/** Removes parts of uploads that nobody goes on with. */
async function abortAbandoned(deps: ReconciliationDeps): Promise<void> {
  const { blobs, events, signal } = deps;
  const abort = async (attempt: PartsAttempt) => {
    await blobs.abortParts(attempt);
    events.swept();
  };
  await removeEach(abandoned(deps), abort, { signal, onFailure: events.leftover });
}

async function* abandoned({ query, blobs, clock }: ReconciliationDeps) {
  const before = clock() - UNSETTLED_MS;
  let found = 0;
  for await (const { key, attempt, begunAt } of blobs.listUnfinished()) {
    if (begunAt.getTime() >= before) continue;
    if ((await findLiveAttempts(query, [attempt])).has(attempt)) continue;
    yield { key, attempt };
    found += 1;
    if (found === ORPHANS_MAX) return;
  }
}
