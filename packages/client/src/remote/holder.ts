/** Whoever runs the client, as one who follows it sees them. */
import { type Ask, LostAnswer } from './wire.ts';

export interface Holder {
  readonly ask: Ask;
  /** Aborted when nobody answers any more, and nobody will. */
  readonly closed: AbortSignal;
  close(): Promise<void>;
}

/**
 * Asks for what goes on until `ended`, and again of whoever comes next. Rejects as asking does otherwise, and when nobody
 * comes.
 */
export async function keepAsking(
  holder: Holder,
  ended: AbortSignal,
  ask: (signal: AbortSignal) => Promise<unknown>,
): Promise<void> {
  while (!ended.aborted && !holder.closed.aborted) {
    try {
      await ask(ended);
      return;
    } catch (error) {
      if (ended.aborted) return;
      if (!(error instanceof LostAnswer)) throw error;
    }
  }
}
