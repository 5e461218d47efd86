/** A network that loses answers: what was asked for has happened, and whoever asked does not know. */

export interface LossyNetwork {
  readonly fetch: typeof globalThis.fetch;
  /** Loses the next good answer to a call of this path. */
  lose(path: string): void;
  /** Does something when such an answer has come, before anybody sees it. */
  interrupt(path: string, work: () => void): void;
  /** Paths whose answer was lost or interrupted. */
  readonly faults: readonly string[];
}

/** As the network is, but for what it is told to lose. */
export function openLossyNetwork(): LossyNetwork {
  const planned = new Map<string, () => void>();
  const faults: string[] = [];
  return {
    faults,
    lose(path) {
      planned.set(path, () => {
        throw new TypeError('the connection broke');
      });
    },
    interrupt(path, work) {
      planned.set(path, work);
    },
    async fetch(input, init) {
      const answer = await fetch(input, init);
      const { pathname } = new URL(String(input));
      const fault = planned.get(pathname);
      // A refusal for want of a nonce is no answer yet: the next attempt is the one that does something.
      if (fault === undefined || !answer.ok) return answer;
      planned.delete(pathname);
      faults.push(pathname);
      fault();
      return answer;
    },
  };
}
