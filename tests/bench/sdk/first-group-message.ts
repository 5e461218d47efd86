/**
 * The first message to a group whose members nobody has written to: sessions with all of their devices, a sender key for
 * each, one message for everybody. The platform is not in it: its answers are there at once.
 */
import type { Provider } from '@sotto/crypto';
import {
  type FreshGroup,
  makeFreshGroup,
} from '../../../packages/client/src/groups/fresh-group.fixture.ts';
import type { Store } from '../../../packages/client/src/store/store.ts';

export interface FirstGroupMessage {
  /** From the bundles' arrival until the group's message has left. */
  readonly ms: number;
  /** The longest that anything else in the thread has waited meanwhile. */
  readonly heldUpMs: number;
  /** The same of the page, when a worker of it did that. */
  readonly pageHeldUpMs?: number;
  readonly bundleRequests: number;
  readonly targetedFrames: number;
  readonly groupFrames: number;
}

export interface GroupSize {
  readonly members: number;
  readonly devicesEach: number;
}

/** Makes such a group in a store of its own, which is closed, and says something. */
export async function sayFirst(
  provider: Provider,
  store: Store,
  size: GroupSize,
): Promise<FirstGroupMessage> {
  const group = await makeFreshGroup({ provider, store, ...size });
  try {
    const trouble = new Promise<never>((_, reject) => {
      group.events.on('trouble', ({ error }) => reject(error));
    });
    const watch = watchTurns();
    const begun = timeOf(group, ({ id }) => id === 'getBundles');
    await Promise.race([group.say('hello'), trouble]);
    const ended = performance.now();
    return { ms: ended - begun(), heldUpMs: watch.end(), ...countsOf(group) };
  } finally {
    await group.close();
  }
}

/** When the first call of a kind was made. */
function timeOf(group: FreshGroup, isIt: (call: FreshGroup['calls'][number]) => boolean) {
  let at = Number.NaN;
  const { push } = group.calls;
  group.calls.push = (...calls) => {
    if (Number.isNaN(at) && calls.some(isIt)) at = performance.now();
    return push.apply(group.calls, calls);
  };
  return () => at;
}

function countsOf({ calls, sent }: FreshGroup) {
  return {
    bundleRequests: calls.filter(({ id }) => id.startsWith('getBundle')).length,
    targetedFrames: sent.filter(({ kind }) => kind === 'targeted').length,
    groupFrames: sent.filter(({ kind }) => kind === 'group').length,
  };
}

/** Comes round every few milliseconds, as often as the thread lets it, and remembers the longest wait. */
export function watchTurns(): { end(): number } {
  let last = performance.now();
  let longest = 0;
  const timer = setInterval(() => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  }, 1);
  return {
    end() {
      clearInterval(timer);
      return Math.max(longest, performance.now() - last);
    },
  };
}
