/** Events as loops: `for await` instead of listeners. */
import { createBell } from './connection/bell.ts';
import { ClientError } from './errors.ts';
import type { ClientEvent, ClientEvents, Events } from './events.ts';
import { EVENTS_WAITING_MAX } from './limits.ts';

/**
 * The events of a name from the first turn of the loop on, in order. Ends when `ended` is aborted; what still waits then
 * is not given. Throws `events.missed` once everything before the gap was given.
 */
export async function* eachEvent<E extends ClientEvent>(
  events: Events,
  name: E,
  ended: AbortSignal,
): AsyncGenerator<ClientEvents[E], void> {
  const waiting: ClientEvents[E][] = [];
  const bell = createBell();
  let isMissed = false;
  const end = events.on(name, (event) => {
    isMissed ||= waiting.length >= EVENTS_WAITING_MAX;
    if (!isMissed) waiting.push(event);
    bell.ring();
  });
  ended.addEventListener('abort', bell.ring);
  try {
    while (!ended.aborted) {
      const next = waiting.shift();
      if (next !== undefined) yield next;
      else if (isMissed) throw new ClientError('events.missed', 'the loop was too slow');
      else await bell.wait();
    }
  } finally {
    end();
    ended.removeEventListener('abort', bell.ring);
  }
}
