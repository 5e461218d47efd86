/** Which faults a run has, in which order, and how long they last. */
import type { Chance } from './chance.ts';

export interface Fault {
  /** What is done to whom: the name of a strike. */
  name: string;
  /** How long it lasts. */
  holdMs: number;
}

/** Done once in a run. */
const ONCE = 'wipe nats';

const HOLD_MIN_MS = 200;

/** One in so many lasts longer than anything waits that has a deadline: a silent database is given up after twelve seconds. */
const LONG_EVERY = 20;
const LONG_MS = 14_000;

/** As many faults as wanted: all kinds in a new order, again and again, and in the middle the store of NATS is wiped. */
export function planFaults(
  chance: Chance,
  names: readonly string[],
  { count, holdMaxMs }: { count: number; holdMaxMs: number },
): Fault[] {
  const repeated = names.filter((name) => name !== ONCE);
  const plan: string[] = [];
  while (plan.length < count) plan.push(...chance.shuffle(repeated));
  plan.length = count;
  if (names.includes(ONCE) && count > 0) plan.splice(Math.floor(count / 2), 1, ONCE);
  return plan.map((name, place) => {
    const isLong = place % LONG_EVERY === LONG_EVERY - 1;
    return { name, holdMs: isLong ? LONG_MS : HOLD_MIN_MS + chance.below(holdMaxMs - HOLD_MIN_MS) };
  });
}
