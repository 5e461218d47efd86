/** Whether this device is connected, as a user interface shows it. */
import type { Events } from '../events.ts';
import { type Observable, Source } from './observable.ts';

/** How it is with the connection. */
export interface ConnectionView {
  /** `connecting`: it comes by itself. `offline`: it does not, before `connect` is called. */
  readonly status: 'connected' | 'connecting' | 'offline';
  /** When the next attempt begins, in milliseconds since 1970. */
  readonly retryAt?: number;
  /** Why there is no connection, when it was tried. */
  readonly error?: unknown;
}

const OFFLINE: ConnectionView = { status: 'offline' };
const CONNECTING: ConnectionView = { status: 'connecting' };
const CONNECTED: ConnectionView = { status: 'connected' };

export interface ConnectionStateDeps {
  readonly events: Events;
  readonly clock: () => number;
  readonly closing: AbortSignal;
}

/** Follows the connection, whether anybody looks or not: what it was is nowhere else. */
export function openConnectionState(deps: ConnectionStateDeps): Observable<ConnectionView> {
  const { events, clock, closing } = deps;
  const source = new Source(OFFLINE);
  events.on('connecting', () => source.set(CONNECTING));
  events.on('connected', () => source.set(CONNECTED));
  events.on('disconnected', ({ retryMs, error }) => {
    const cause = error === undefined ? {} : { error };
    if (retryMs === undefined) source.set({ status: 'offline', ...cause });
    else source.set({ status: 'connecting', retryAt: clock() + retryMs, ...cause });
  });
  closing.addEventListener('abort', () => source.set(OFFLINE));
  return source;
}
