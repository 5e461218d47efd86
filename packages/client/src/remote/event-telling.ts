/** Events of a client, told in order and in bunches to one who follows it. */
import type { Client } from '../client-interface.ts';
import { createBell } from '../connection/bell.ts';
import { ClientError } from '../errors.ts';
import type { ClientEvent } from '../events.ts';
import { EVENTS_WAITING_MAX } from '../limits.ts';
import { EVENTS_TOLD_MAX } from './limits.ts';

/** Hears what is told; the next is told once it has. */
export type Hear = (told: unknown) => Promise<unknown>;

export interface EventTelling {
  /**
   * Tells what is listened to, until `ended`: arrays of names with their events. Rejects with `events.missed` when they
   * come faster than they are heard: some were not told.
   */
  tell(hear: Hear, ended: AbortSignal): Promise<void>;
  listen(name: ClientEvent): void;
  unlisten(name: ClientEvent): void;
}

/** Listens to nothing yet, and to nothing any more once `gone` is aborted. */
export function createEventTelling({ on }: Pick<Client, 'on'>, gone: AbortSignal): EventTelling {
  const listening = new Map<ClientEvent, () => void>();
  const bell = createBell();
  let waiting: (readonly [ClientEvent, unknown])[] = [];
  let isMissed = false;

  function unlisten(name: ClientEvent): void {
    listening.get(name)?.();
    listening.delete(name);
  }

  gone.addEventListener('abort', () => {
    for (const name of listening.keys()) unlisten(name);
  });

  return {
    async tell(hear, ended) {
      ended.addEventListener('abort', bell.ring);
      waiting = [];
      isMissed = false;
      while (!ended.aborted) {
        const told = waiting.splice(0, EVENTS_TOLD_MAX);
        if (told.length > 0) await hear(told);
        else if (isMissed) throw new ClientError('events.missed', 'events came too fast');
        else await bell.wait();
      }
    },
    listen(name) {
      if (gone.aborted || listening.has(name)) return;
      const end = on(name, (event) => {
        isMissed ||= waiting.length >= EVENTS_WAITING_MAX;
        if (!isMissed) waiting.push([name, event]);
        bell.ring();
      });
      listening.set(name, end);
    },
    unlisten,
  };
}
