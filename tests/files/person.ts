/** Somebody whose phone may die at any moment: it comes back with what its disk holds, and what was asked of it goes on. */
import { join } from 'node:path';
import { type Courier, CourierGone, startCourier } from './courier.ts';
import type { Done, Work } from './work.ts';

export interface Person {
  username: string;
  /** Goes on over any number of deaths until it is done. */
  ask(work: Work): Promise<Done>;
  kill(): Promise<void>;
  /** All that was done again, in all lives. */
  retries(): number;
  /** Uploads that went on where an earlier life had stopped. */
  resumed(): number;
  close(): Promise<void>;
}

/** Opens the account. */
export async function openPerson(
  username: string,
  { url, directory }: { url: string; directory: string },
): Promise<Person> {
  const home: Work = { do: 'open', url, username, store: join(directory, `${username}.db`) };
  let courier: Courier | undefined;
  let retries = 0;
  let resumed = 0;
  let isClosed = false;

  async function awake(): Promise<Courier> {
    if (courier === undefined) {
      courier = startCourier();
      await courier.ask(home);
    }
    return courier;
  }

  async function ask(work: Work): Promise<Done> {
    for (;;) {
      try {
        const done = await (await awake()).ask(work);
        retries += done.retries;
        resumed += done.resumed;
        return done;
      } catch (error) {
        // Out of memory is no death that was planned.
        if (isClosed || !(error instanceof CourierGone) || !error.wasKilled) throw error;
        courier = undefined;
        retries += 1;
      }
    }
  }

  await awake();
  return {
    username,
    ask,
    kill: async () => courier?.kill(),
    retries: () => retries,
    resumed: () => resumed,
    async close() {
      isClosed = true;
      await courier?.kill();
    },
  };
}
