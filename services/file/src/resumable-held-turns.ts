/** The turns that this process has: renewed together, given back one by one. */
import { ApiError, type FileId } from '@sotto/api';
import type { Kysely } from 'kysely';
import { TURN_RENEW_MS } from './limits.ts';
import { endTurn, renewTurns, type Turn } from './resumable-store.ts';
import type { FileTables } from './schema.ts';

export interface HeldTurn extends Turn, AsyncDisposable {
  /** Aborted when another request wants the turn, has it, or may have it because it could not be renewed in time. */
  readonly signal: AbortSignal;
}

export interface HeldTurns {
  /** Keeps a turn that was asked for at this moment (`performance.now()`) until it is disposed of. */
  hold(turn: Turn, askedAt: number): HeldTurn;
  /** Tells those who have the turn of a file in this process at once: they need not wait until they are renewed. */
  ask(file: FileId): void;
  /** Turns that are left end by themselves. */
  close(): void;
}

export interface HeldTurnsOptions {
  query: Kysely<FileTables>;
  /** How long a turn is good for that is not renewed. */
  leaseMs: number;
  /** Hears that turns could not be renewed; whoever has one finds out when it is lost. */
  onFailure: (error: unknown) => void;
}

interface Holding extends Turn {
  controller: AbortController;
  lapse?: NodeJS.Timeout;
}

/** Holds none yet. Close it. */
export function createHeldTurns({ query, leaseMs, onFailure }: HeldTurnsOptions): HeldTurns {
  const held = new Map<string, Holding>();
  let timer: NodeJS.Timeout | undefined;

  async function renew(): Promise<void> {
    const turns = [...held.values()];
    const askedAt = performance.now();
    try {
      const renewed = await renewTurns(query, turns, leaseMs);
      const kept = new Set(renewed.filter(({ wanted }) => !wanted).map(({ writer }) => writer));
      for (const holding of turns) {
        if (!kept.has(holding.writer)) holding.controller.abort(replaced());
        else if (held.has(holding.writer)) believe(holding, askedAt);
      }
    } catch (error) {
      onFailure(error);
    }
    timer = undefined;
    schedule();
  }

  function schedule(): void {
    if (held.size === 0) return;
    timer ??= setTimeout(() => void renew(), TURN_RENEW_MS);
  }

  /** From when it was asked for, not from when the answer came, if it does: the row says no more. */
  function believe(holding: Holding, askedAt: number): void {
    clearTimeout(holding.lapse);
    const leftMs = askedAt + leaseMs - performance.now();
    holding.lapse = setTimeout(() => holding.controller.abort(replaced()), leftMs);
  }

  return {
    hold(turn, askedAt) {
      const controller = new AbortController();
      const holding: Holding = { ...turn, controller };
      held.set(turn.writer, holding);
      believe(holding, askedAt);
      schedule();
      return {
        ...turn,
        signal: controller.signal,
        async [Symbol.asyncDispose]() {
          held.delete(turn.writer);
          clearTimeout(holding.lapse);
          // What is not ended here ends by itself.
          await endTurn(query, turn).catch(onFailure);
        },
      };
    },
    ask(file) {
      for (const holding of held.values()) {
        if (holding.file === file) holding.controller.abort(replaced());
      }
    },
    close() {
      for (const { lapse } of held.values()) clearTimeout(lapse);
      held.clear();
      clearTimeout(timer);
    },
  };
}

/** What a request is told whose turn is another's by now. */
export function replaced(): ApiError {
  return new ApiError('upload.locked', { detail: 'a later request took over', retryAfter: 1 });
}
