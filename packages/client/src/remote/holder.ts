/** Whoever runs the client, as one who follows it sees them. */
import { type Ask, LostAnswer } from './wire.ts';

export interface Answerer {
  readonly ask: Ask;
  /** Aborted when nobody answers any more, and nobody will. */
  readonly closed: AbortSignal;
}

/** One that belongs to whoever follows. */
export interface Holder extends Answerer {
  close(): Promise<void>;
}

/**
 * Asks for what goes on until `ended`, and again of whoever comes next. Rejects as asking does otherwise, and when nobody
 * comes.
 */
export async function keepAsking(
  { closed }: Answerer,
  ended: AbortSignal,
  ask: (signal: AbortSignal) => Promise<unknown>,
): Promise<void> {
  while (!ended.aborted && !closed.aborted) {
    try {
      await ask(ended);
      return;
    } catch (error) {
      if (ended.aborted) return;
      if (!(error instanceof LostAnswer)) throw error;
    }
  }
}
