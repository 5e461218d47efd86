/** Whoever runs the client, as one who follows it sees them. */
import type { Observable } from '../state/observable.ts';
import { type Ask, LostAnswer, silentError } from './wire.ts';

export interface Answerer {
  readonly ask: Ask;
  /** Aborted when nobody answers any more, and nobody will. */
  readonly closed: AbortSignal;
  /** Whether nobody answers, and somebody may again. */
  readonly silent: Observable<boolean>;
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

/** What comes, unless there is silence before. Rejects with `client.silent` then. */
export async function unlessSilent<T>(coming: Promise<T>, silent: Answerer['silent']): Promise<T> {
  const { promise: silence, reject } = Promise.withResolvers<never>();
  const check = () => {
    if (silent.get()) reject(silentError());
  };
  const end = silent.subscribe(check);
  check();
  try {
    return await Promise.race([coming, silence]);
  } finally {
    end();
  }
}
