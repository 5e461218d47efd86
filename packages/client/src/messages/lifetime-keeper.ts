/** Sees to it that messages go away when their time has come: once the client is used, before each connection, and while it runs. */
import type { ClientCore } from '../client-core.ts';
import { createPace } from '../connection/pace.ts';
import { SWEEP_MS_MAX, SWEEP_PAUSE_MS } from '../limits.ts';
import { sweep } from './lifetime.ts';

/** Runs until the client is closed, with one timer at most, and none while nothing has an end. */
export function keepLifetimes(core: ClientCore): void {
  const { store, clock, events, closing } = core;
  const onError = (error: unknown) => events.emit('trouble', { error });
  const pace = createPace({ pauseMs: SWEEP_PAUSE_MS, onError });
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function sweepOnce(): Promise<void> {
    clearTimeout(timer);
    const { device } = (await core.peerDeps()).local.address;
    const now = clock();
    const { changed, nextAt } = await store.transaction((transaction) =>
      sweep(transaction, { now, device }),
    );
    if (closing.aborted) return;
    for (const conversation of changed) events.emit('lines-changed', { conversation });
    if (nextAt === undefined) return;
    // A machine that slept, or a clock that was set, moves the end.
    timer = setTimeout(need, Math.min(Math.max(0, nextAt - now), SWEEP_MS_MAX));
  }

  const need = () => pace.need(sweepOnce);
  void core.known.then(need);
  // Whether a connection comes of it or not: what has ended meanwhile is not to be shown.
  events.on('connecting', need);
  events.on('connected', need);
  events.on('lines-changed', need);
  closing.addEventListener('abort', () => {
    clearTimeout(timer);
    void pace.close();
  });
}
