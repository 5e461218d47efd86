/** What can be done to the platform of a run: each strike has a name, lasts as long as it is told to, and ends by itself. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Postgres } from './backends.ts';
import type { Machine } from './machine.ts';
import type { Wire } from './wire.ts';

/** Resolves when the fault has ended. What was killed is then being started: its start is part of the recovery. */
export type Strike = (holdMs: number) => Promise<void>;

export interface Strikes {
  readonly all: ReadonlyMap<string, Strike>;
  /** Resolves when everything that was started again serves. Rejects when something does not. */
  started(): Promise<void>;
}

export interface Machines {
  postgres: Postgres;
  nats: readonly Machine[];
  redis: Machine;
  /** The message services. */
  nodes: readonly Machine[];
  gateway: Machine;
}

export interface Cuttable {
  name: string;
  wire: Wire;
}

/** Kills and pauses each machine, and all of a kind; ends ours in order; cuts and silences each wire; wipes NATS. */
export function createStrikes(machines: Machines, wires: readonly Cuttable[]): Strikes {
  const { postgres, nats, redis, nodes, gateway } = machines;
  const starts = new Set<Promise<unknown>>();

  function begin(ended: readonly Machine[]): void {
    const start = Promise.all(ended.map((machine) => machine.start()));
    starts.add(start);
    start.then(
      () => starts.delete(start),
      // It stays, and `started` rejects.
      () => undefined,
    );
  }

  const kill = (victims: readonly Machine[], wipe = false): Strike => {
    return async (holdMs) => {
      await Promise.all(victims.map((machine) => machine.kill()));
      if (wipe) for (const machine of victims) machine.wipe();
      await sleep(holdMs);
      begin(victims);
    };
  };

  /** As in a rolling update. */
  const drain = (machine: Machine): Strike => {
    return async () => {
      await machine.end();
      begin([machine]);
    };
  };

  const all = new Map<string, Strike>();
  for (const machine of [...nodes, gateway, ...nats, redis, postgres]) {
    all.set(`kill ${machine.name}`, kill([machine]));
    all.set(`pause ${machine.name}`, pause(machine));
  }
  for (const machine of [...nodes, gateway]) all.set(`drain ${machine.name}`, drain(machine));
  all.set('kill both message services', kill(nodes));
  all.set('kill a backend of postgres', async () => postgres.killBackend());
  if (nats.length > 1) all.set('kill all of nats', kill(nats));
  all.set('wipe nats', kill(nats, true));
  for (const { name, wire } of wires) {
    all.set(`cut ${name}`, hold(wire, 'cut'));
    all.set(`silence ${name}`, hold(wire, 'silence'));
  }
  return { all, started: async () => void (await Promise.all(starts)) };
}

function pause(machine: Machine): Strike {
  return async (holdMs) => {
    machine.pause();
    await sleep(holdMs);
    machine.resume();
  };
}

function hold(wire: Wire, how: 'cut' | 'silence'): Strike {
  return async (holdMs) => {
    wire[how]();
    await sleep(holdMs);
    wire.restore();
  };
}
