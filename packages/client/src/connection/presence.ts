/** Who is there: asked for by name, for as long as somebody looks, and told by the platform over each connection. */
import { type Presence, type ServerFrame, type UserId, WATCHED_USERS_MAX } from '@sotto/api';
import type { Events } from '../events.ts';
import { PRESENCE_PAUSE_MS } from '../limits.ts';
import { type Observable, onePerKey, Source } from '../state/observable.ts';
import { isSameValue } from '../state/same-value.ts';
import { createPace } from './pace.ts';
import type { SendFrame } from './socket.ts';

export type { Presence };

export interface Presences {
  /**
   * How somebody is: undefined while this is not known, because there is no connection, or because they do not share an
   * accepted conversation with us or do not show themselves. Of those asked for last, as many as one socket may watch.
   */
  of(user: UserId): Observable<Presence | undefined>;
  /** There is a connection: everybody who is looked at is asked for over it. */
  attend(send: SendFrame): void;
  /** It has ended: nothing is known any more. */
  leave(): void;
  take(frame: Extract<ServerFrame, { type: 'presence' }>): void;
}

/** Nobody is looked at yet. Nothing runs any more once `closing` is aborted. */
export function createPresences(events: Events, closing: AbortSignal): Presences {
  const watched = new Map<UserId, Source<Presence | undefined>>();
  let send: SendFrame | undefined;
  // Whom we watch costs the platform a look at who may see whom; pages change faster than that is worth.
  const onError = (error: unknown) => events.emit('trouble', { error });
  const pace = createPace({ pauseMs: PRESENCE_PAUSE_MS, onError });
  closing.addEventListener('abort', () => void pace.close());

  async function watch(): Promise<void> {
    send?.({ type: 'watch', users: [...watched.keys()].slice(-WATCHED_USERS_MAX) });
  }

  const of = onePerKey((user: UserId): Source<Presence | undefined> => {
    const source: Source<Presence | undefined> = new Source<Presence | undefined>(undefined, () => {
      watched.set(user, source);
      pace.need(watch);
      return () => {
        watched.delete(user);
        source.set(undefined);
        pace.need(watch);
      };
    });
    return source;
  });

  return {
    of,
    attend(now) {
      send = now;
      if (watched.size > 0) pace.need(watch);
    },
    leave() {
      send = undefined;
      for (const source of watched.values()) source.set(undefined);
    },
    take({ user, online, lastSeen }) {
      const presence: Presence = lastSeen === undefined ? { online } : { online, lastSeen };
      const source = watched.get(user);
      if (source && !isSameValue(source.get(), presence)) source.set(presence);
    },
  };
}
