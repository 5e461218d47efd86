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
import { TURN_ASK_MS, TURN_MS, TURN_PATIENCE_MS, TURN_RENEW_MS } from './limits.ts';
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
  /** Aborted when another request wants the turn, or has it. */
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
   * `upload.locked` when the request that has it does not end in time. Dispose of the turn.
   */
  take(file: FileId, owner: UserId): Promise<Taken>;
  /** Turns that are left end by themselves. */
  close(): void;
}

export interface TurnsOptions {
  query: Kysely<FileTables>;
  clock: Clock;
  /** How long a request waits for its turn; TURN_PATIENCE_MS when left out. */
  patienceMs?: number;
  /** Hears that turns could not be renewed; whoever has one finds out when it is lost. */
  onFailure: (error: unknown) => void;
}

interface Holding extends Turn {
  controller: AbortController;
}

/** The turns of one process. Close them. */
export function openTurns(options: TurnsOptions): Turns {
  const { query, clock, onFailure, patienceMs = TURN_PATIENCE_MS } = options;
  const held = new Map<string, Holding>();
  let timer: NodeJS.Timeout | undefined;

  async function renew(): Promise<void> {
    const turns = [...held.values()];
    try {
      const renewed = await renewTurns(query, turns, TURN_MS);
      const kept = new Set(renewed.filter(({ wanted }) => !wanted).map(({ writer }) => writer));
      for (const { writer, controller } of turns)
        if (!kept.has(writer)) controller.abort(replaced());
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

  function hold(turn: Turn): HeldTurn {
    const controller = new AbortController();
    held.set(turn.writer, { ...turn, controller });
    schedule();
    return {
      ...turn,
      signal: controller.signal,
      async [Symbol.asyncDispose]() {
        held.delete(turn.writer);
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
    async take(file, owner) {
      const turn = { file, writer: randomUUID() };
      const deadline = performance.now() + patienceMs;
      for (let asked: string | null = null; ; ) {
        const now = new Date(clock());
        const upload = await takeTurn(query, turn, { owner, now, leaseMs: TURN_MS });
        if (upload === undefined) throw new ApiError('file.not-found');
        if (upload.taken) return { upload, turn: hold(turn) };
        if (!isContinuable(upload, now)) return { upload };
        if (upload.writer !== asked) {
          asked = upload.writer;
          askHere(file);
          await wantTurn(query, file);
        }
        if (performance.now() > deadline) throw new ApiError('upload.locked', { retryAfter: 1 });
        await sleep(TURN_ASK_MS);
      }
    },
    close() {
      held.clear();
      clearTimeout(timer);
    },
  };
}

function isContinuable({ state, expiresAt }: FoundUpload, now: Date): boolean {
  return state === 'pending' && expiresAt !== null && expiresAt > now;
}

/** What a request is told whose turn is another's by now. */
export function replaced(): ApiError {
  return new ApiError('upload.locked', { detail: 'a later request took over', retryAfter: 1 });
}
