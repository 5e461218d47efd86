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
import { TURN_ASK_MS, TURN_ASK_MS_MAX, TURN_MS, TURN_PATIENCE_MS } from './limits.ts';
import { createHeldTurns, type HeldTurn } from './resumable-held-turns.ts';
import { type FoundUpload, takeTurn, wantTurn } from './resumable-store.ts';
import type { FileTables } from './schema.ts';

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

/** The turns of one process. Close them. */
export function openTurns(options: TurnsOptions): Turns {
  const { query, clock, onFailure, patienceMs = TURN_PATIENCE_MS, leaseMs = TURN_MS } = options;
  const held = createHeldTurns({ query, leaseMs, onFailure });
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
        if (upload.taken) return { upload, turn: held.hold(turn, askedAt) };
        if (!isContinuable(upload, now)) return { upload };
        if (upload.writer !== asked) {
          asked = upload.writer;
          held.ask(file);
          await wantTurn(query, file);
        }
        if (performance.now() > deadline) throw locked();
        await sleepUnless(gone, pauseMs);
      }
    },
    close: held.close,
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
