/**
 * Who brings bytes to an upload now: one request at a time, over all processes.
 *
 * A turn is a name in the row that is good for TURN_MS and is renewed while the request lives, so that one whose process
 * died keeps nobody waiting for longer. Who comes later wins: a client that comes back after a lost connection finds its
 * own old request still there, so whoever wants a turn tells the one that has it, which keeps what has come and ends.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError, type FileId, type UserId } from '@sotto/api';
import type { Clock } from '@sotto/runtime';
import type { Kysely } from 'kysely';
import {
  TURN_ASK_MS,
  TURN_ASK_MS_MAX,
  TURN_MS,
  TURN_PATIENCE_MS,
  TURN_RENEW_MS,
} from './limits.ts';
import {
  endTurn,
  type FoundUpload,
  renewTurns,
  type Turn,
  takeTurn,
  wantTurn,
} from './resumable-store.ts';
import type { FileTables } from './schema.ts';

export interface HeldTurn extends Turn, AsyncDisposable {
  /** Aborted when another request wants the turn, has it, or may have it because it could not be renewed in time. */
  readonly signal: AbortSignal;
}

export interface Taken {
  upload: FoundUpload;
  /** Of an upload that may be continued. */
  turn?: HeldTurn;
}

export interface Turns {
  /**
   * Finds an upload of this owner and takes the turn, when there is one to take. Throws `file.not-found`, and
   * `upload.locked` when the request that has it does not end in time, or once `gone` is aborted: nobody hears the answer,
   * and what came later must not make way for it. Dispose of the turn.
   */
  take(file: FileId, owner: UserId, gone: AbortSignal): Promise<Taken>;
  /** Turns that are left end by themselves. */
  close(): void;
}

export interface TurnsOptions {
  query: Kysely<FileTables>;
  clock: Clock;
  /** How long a request waits for its turn; TURN_PATIENCE_MS when left out. */
  patienceMs?: number;
  /** How long a turn is good for that is not renewed; TURN_MS when left out. */
  leaseMs?: number;
  /** Hears that turns could not be renewed; whoever has one finds out when it is lost. */
  onFailure: (error: unknown) => void;
}

interface Holding extends Turn {
  controller: AbortController;
  lapse?: NodeJS.Timeout;
}

/** The turns of one process. Close them. */
export function openTurns(options: TurnsOptions): Turns {
  const { query, clock, onFailure, patienceMs = TURN_PATIENCE_MS, leaseMs = TURN_MS } = options;
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

  function hold(turn: Turn, askedAt: number): HeldTurn {
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
  }

  /** Those of this process need not wait until they are renewed. */
  function askHere(file: FileId): void {
    for (const holding of held.values())
      if (holding.file === file) holding.controller.abort(replaced());
  }

  return {
    async take(file, owner, gone) {
      const turn = { file, writer: randomUUID() };
      const deadline = performance.now() + patienceMs;
      let asked: string | null = null;
      for (let pauseMs = TURN_ASK_MS; ; pauseMs = Math.min(2 * pauseMs, TURN_ASK_MS_MAX)) {
        if (gone.aborted) throw locked();
        const now = new Date(clock());
        const askedAt = performance.now();
        const upload = await takeTurn(query, turn, { owner, now, leaseMs });
        if (upload === undefined) throw new ApiError('file.not-found');
        if (upload.taken) return { upload, turn: hold(turn, askedAt) };
        if (!isContinuable(upload, now)) return { upload };
        if (upload.writer !== asked) {
          asked = upload.writer;
          askHere(file);
          await wantTurn(query, file);
        }
        if (performance.now() > deadline) throw locked();
        await sleepUnless(gone, pauseMs);
      }
    },
    close() {
      for (const { lapse } of held.values()) clearTimeout(lapse);
      held.clear();
      clearTimeout(timer);
    },
  };
}

function isContinuable({ state, expiresAt }: FoundUpload, now: Date): boolean {
  return state === 'pending' && expiresAt !== null && expiresAt > now;
}

async function sleepUnless(gone: AbortSignal, ms: number): Promise<void> {
  await sleep(ms, undefined, { signal: gone }).catch((error: unknown) => {
    if (!gone.aborted) throw error;
  });
}

function locked(): ApiError {
  return new ApiError('upload.locked', { retryAfter: 1 });
}

/** What a request is told whose turn is another's by now. */
export function replaced(): ApiError {
  return new ApiError('upload.locked', { detail: 'a later request took over', retryAfter: 1 });
}
