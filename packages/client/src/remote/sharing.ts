/** What all who follow one client have in common. */
import type { Client } from '../client-interface.ts';
import { type ArrivalTurns, createArrivalTurns } from './arrival-turns.ts';

export interface Sharing {
  readonly turns: ArrivalTurns;
  /** Does what was asked for under an id once, when it is asked for again while it is being done. */
  once(id: string, work: () => Promise<unknown>): Promise<unknown>;
}

/** Of a client whose `messages()` nobody calls beside it. */
export function createSharing(client: Client): Sharing {
  const doing = new Map<string, Promise<unknown>>();
  return {
    turns: createArrivalTurns(client),
    once(id, work) {
      const begun = doing.get(id);
      if (begun !== undefined) return begun;
      const done = work().finally(() => doing.delete(id));
      doing.set(id, done);
      return done;
    },
  };
}
