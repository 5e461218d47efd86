/** Kills who takes part in transfers, one after the other in an order of chance, and starts each again. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Chance } from '../chaos/chance.ts';
import type { Cluster } from '../cluster.ts';
import type { ObjectStore } from './object-store.ts';
import type { Person } from './person.ts';

export interface Striking {
  /** So far, by who was killed. */
  kills: Record<string, number>;
  /** Resolves when each was killed once, or nobody is any more. */
  metAll: Promise<void>;
  /** Resolves when all that was killed serves again. Rejects when something did not start. */
  stop(): Promise<void>;
}

export interface StrikingOptions {
  chance: Chance;
  cluster: Cluster;
  store: ObjectStore;
  people: readonly Person[];
  /** Between two kills, at least and at most. */
  pauseMs: { least: number; most: number };
  /** So many at most: however slow a machine is, what is killed no more gets done. */
  killsMax: number;
  say?: ((line: string) => void) | undefined;
}

/** What was killed stays away so long at most. A person comes back at once, by what was asked of them. */
const AWAY_MS_MAX = 500;

interface Victim {
  name: string;
  kill(): Promise<void>;
  start(): Promise<unknown>;
}

/** Goes on until it is stopped. */
export function startStriking(options: StrikingOptions): Striking {
  const { chance, cluster, store, people, pauseMs, killsMax, say } = options;
  const victims: readonly Victim[] = [
    service(cluster, 'file'),
    service(cluster, 'gateway'),
    ...(store.server === undefined ? [] : [{ name: 's3', ...store.server }]),
    { name: 'client', kill: () => chance.pick(people).kill(), start: async () => undefined },
  ];
  const kills: Record<string, number> = {};
  const ending = new AbortController();
  const { signal } = ending;
  const { promise: metAll, resolve: tellMetAll } = Promise.withResolvers<void>();

  async function strike(): Promise<void> {
    const { least, most } = pauseMs;
    let order: Victim[] = [];
    for (let count = 0; count < killsMax; count++) {
      // All of them in a new order, again and again: a short run meets each.
      if (order.length === 0) order = chance.shuffle(victims);
      const pause = least + chance.below(most - least);
      await sleep(pause, undefined, { signal }).catch(() => undefined);
      const victim = order.pop();
      if (signal.aborted || victim === undefined) return;
      await victim.kill();
      kills[victim.name] = (kills[victim.name] ?? 0) + 1;
      say?.(`${count + 1}: ${victim.name} killed`);
      if (count + 1 === victims.length) tellMetAll();
      await sleep(chance.below(AWAY_MS_MAX));
      await victim.start();
    }
  }

  const over = strike();
  // Whoever stops it hears of it.
  over.catch(() => undefined).finally(tellMetAll);
  return {
    ...{ kills, metAll },
    stop() {
      ending.abort();
      return over;
    },
  };
}

/** At the same port each time. */
function service(cluster: Cluster, name: 'file' | 'gateway'): Victim {
  let current = cluster.processes[name];
  const SERVER_PORT = new URL(current.url).port;
  return {
    name,
    kill: () => current.kill(),
    async start() {
      current = await cluster.startAnother(name, { SERVER_PORT });
    },
  };
}
