/** Finds what crashes and failures left behind, and removes it. Any number of processes may sweep at once. */
import type { Clock } from '@sotto/runtime';
import { type DeletionDeps, remove } from './deletions.ts';
import { forgetErasedUsage } from './erasure-store.ts';
import { PENDING_MS, SWEEP_MS, SWEEP_ROWS_MAX } from './limits.ts';
import { expirePending, listDeleting } from './store.ts';

export interface SweeperDeps extends DeletionDeps {
  clock: Clock;
}

export interface Sweeper {
  /** Sweeps soon, because something has come up. */
  nudge(): void;
  /** Ends after the round that is under way. */
  close(): Promise<void>;
}

/** Sweeps now and then once a minute. Close it. */
export function startSweeper(deps: SweeperDeps): Sweeper {
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  let again = false;
  let round = turn();

  async function turn(): Promise<void> {
    do {
      again = false;
      await sweep(deps).catch(deps.events.leftover);
    } while (again && !closed);
    if (!closed) timer = setTimeout(start, SWEEP_MS);
  }

  function start(): void {
    timer = undefined;
    round = turn();
  }

  return {
    nudge() {
      // A turn that is under way may have passed what has come up.
      again = true;
      if (timer === undefined || closed) return;
      clearTimeout(timer);
      start();
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      await round;
    },
  };
}

/** One round. Throws at the first failure: a store that is down is not asked a hundred times. */
export async function sweep(deps: SweeperDeps): Promise<void> {
  await expirePending(deps.query, new Date(deps.clock() - PENDING_MS));
  for (;;) {
    const leftovers = await listDeleting(deps.query, SWEEP_ROWS_MAX);
    for (const leftover of leftovers) {
      await remove(deps, leftover);
      deps.events.swept();
    }
    if (leftovers.length < SWEEP_ROWS_MAX) break;
  }
  await forgetErasedUsage(deps.query);
}
