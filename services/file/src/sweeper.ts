/** Hides what has come to its end, and removes what is hidden or was left behind. Any number of processes may sweep at once. */
import { isBackupUnderWay } from './backup-pause.ts';
import { type DeletionDeps, removeLater } from './deletions.ts';
import { type DesertionDeps, endDeserted } from './desertions.ts';
import { forgetPast, hideEnded } from './endings.ts';
import { forgetErased } from './erasure-store.ts';
import type { Events } from './events.ts';
import { SWEEP_MS, SWEEP_ROWS_MAX } from './limits.ts';
import { removeLoose } from './loose-pieces.ts';
import { type ReconciliationDeps, reconcile } from './reconciliation.ts';
import { removeEach } from './removals.ts';
import { type Leftover, listDeleting } from './store.ts';

export interface SweeperDeps
  extends Omit<DeletionDeps, 'events'>,
    Omit<DesertionDeps, 'events' | 'signal'>,
    Omit<ReconciliationDeps, 'events' | 'signal'> {
  events: Events;
  /** How long a file is kept that nobody shares. */
  retentionMs: number;
}

export interface Sweeper {
  /** Sweeps soon, because something has come up. */
  nudge(): void;
  /** Ends after the step that is under way. */
  close(): Promise<void>;
}

/** Sweeps now and then once a minute. Close it. */
export function startSweeper(deps: SweeperDeps): Sweeper {
  const closing = new AbortController();
  const { signal } = closing;
  let timer: NodeJS.Timeout | undefined;
  let again = false;
  let round = turn();

  async function turn(): Promise<void> {
    do {
      again = false;
      await sweep({ ...deps, signal });
    } while (again && !signal.aborted);
    if (!signal.aborted) timer = setTimeout(start, SWEEP_MS);
  }

  function start(): void {
    timer = undefined;
    round = turn();
  }

  return {
    nudge() {
      // A turn that is under way may have passed what has come up.
      again = true;
      if (timer === undefined || signal.aborted) return;
      clearTimeout(timer);
      start();
    },
    async close() {
      closing.abort();
      clearTimeout(timer);
      await round;
    },
  };
}

type Sweep = SweeperDeps & Pick<ReconciliationDeps, 'signal'>;

/** One round. What fails waits for the next one, and holds up nothing else: message service and store fail apart. */
export async function sweep(deps: Sweep): Promise<void> {
  const { query, clock, retentionMs, events, signal } = deps;
  const steps = [
    () => endDeserted(deps),
    () => hideEnded(query, { now: clock(), retentionMs }),
    () => removeHidden(deps),
    () => removeLoose({ ...deps, now: clock() }),
    () => forgetErased(query),
    () => forgetPast(query, clock()),
    () => reconcile(deps),
  ];
  for (const step of steps) {
    if (signal.aborted) return;
    await step().catch(events.leftover);
  }
}

/** Each once, those first that were never tried: one that cannot be removed goes to the end and starves nobody. */
async function removeHidden({ clock, signal, ...deps }: Sweep): Promise<void> {
  if (await isBackupUnderWay(deps.query)) return;
  const triedAt = new Date(clock());
  const removeOne = async (leftover: Leftover) => {
    await removeLater(deps, leftover, triedAt);
    deps.events.swept();
  };
  const onFailure = deps.events.leftover;
  await removeEach(untried(deps.query, triedAt), removeOne, { signal, onFailure });
}

async function* untried(query: Sweep['query'], triedAt: Date): AsyncGenerator<Leftover> {
  for (;;) {
    const leftovers = await listDeleting(query, { triedAt, limit: SWEEP_ROWS_MAX });
    yield* leftovers;
    if (leftovers.length < SWEEP_ROWS_MAX) return;
  }
}
