/** Long work in short stretches: whatever else the process or the page has to do comes in between. */
import { STRETCH_MS_MAX } from '../limits.ts';

export interface Stretch {
  /** It is time to let others have their turn. */
  isOver(): boolean;
  /** Lets them when it is, and begins the next stretch. */
  rest(): Promise<void>;
}

/** Begins one. */
export function beginStretch(): Stretch {
  let begun = performance.now();
  const isOver = () => performance.now() - begun >= STRETCH_MS_MAX;
  return {
    isOver,
    async rest() {
      if (!isOver()) return;
      await giveWay();
      begun = performance.now();
    },
  };
}

/** A turn of the event loop: what has come meanwhile is heard. Browsers make timers wait for longer than that. */
export function giveWay(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
