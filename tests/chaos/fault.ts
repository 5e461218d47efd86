/** Which faults a run has, and in which order. */
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
const HOLD_MAX_MS = 2_500;

/** As many faults as wanted: all kinds in a new order, again and again, and in the middle the store of NATS is wiped. */
export function planFaults(chance: Chance, names: readonly string[], count: number): Fault[] {
  const plan: string[] = [];
  while (plan.length < count) plan.push(...chance.shuffle(names.filter((name) => name !== ONCE)));
  plan.length = count;
  if (names.includes(ONCE) && count > 0) plan[Math.floor(count / 2)] = ONCE;
  return plan.map((name) => {
    return { name, holdMs: HOLD_MIN_MS + chance.below(HOLD_MAX_MS - HOLD_MIN_MS) };
  });
}
