/**
 * What arrives is gathered while the last commits are under way, checked, and committed together (DESIGN 2.2).
 *
 * A conversation is in at most one batch at a time, so one sender's order is kept. Sends are checked when their batch is
 * made, against what is remembered of their conversation; a conversation that is not remembered, or that a sender
 * contradicts, is asked for first, and waits meanwhile.
 */
import { ApiError, type ConversationId } from '@sotto/api';
import type { Audience } from './audience.ts';
import type { Audiences } from './audiences.ts';
import {
  answerRepeated,
  type Checked,
  type Commit,
  commitBatch,
  refuseAll,
} from './batch-commit.ts';
import type { CommitLine } from './commit-line.ts';
import type { KnownRow } from './commit-store.ts';
import type { Events } from './events.ts';
import {
  BATCH_BYTES_MAX,
  BATCH_MESSAGES_MAX,
  BUSY_RETRY_SECONDS,
  COMMIT_ATTEMPTS_MAX,
  INQUIRIES_PER_SOCKET_MAX,
  QUEUE_BYTES_MAX,
  QUEUE_MESSAGES_MAX,
} from './limits.ts';
import type { MessageAges } from './message-age.ts';
import { findFault, isWanted, refuse, type Send } from './send.ts';
import { createTurnstile, type Turnstile } from './turnstile.ts';

export interface CommitterDeps {
  audiences: Audiences;
  ages: Pick<MessageAges, 'findFault'>;
  /** One connection for each commit that may be under way. */
  lines: readonly CommitLine[];
  /** What the sender of a message used its id for. */
  findOwnId(send: Send): Promise<Omit<KnownRow, 'place'> | undefined>;
  /** Makes the partitions of `messages` that are missing. */
  makePartitions(): Promise<void>;
  onCommit(commit: Commit): void;
  events: Events;
}

/** The sends of one conversation. It is in the ready list, or somebody is at work on it who will see to that. */
interface Queue {
  readonly conversation: ConversationId;
  readonly waiting: Send[];
}

/** A batch in the making. */
interface Batch {
  readonly checked: Checked[];
  bytes: number;
}

/** The first send of a queue, when what is remembered is not enough to take it. */
interface Doubt {
  readonly send: Send;
  readonly audience: Audience | undefined;
  readonly fault: ApiError | undefined;
}

export class Committer {
  readonly #deps: CommitterDeps;
  readonly #queues = new Map<ConversationId, Queue>();
  readonly #ready = new Set<Queue>();
  readonly #freeLines: CommitLine[];
  readonly #turnstiles = new WeakMap<object, Turnstile>();
  #messages = 0;
  #bytes = 0;
  #isScheduled = false;
  #onDrained: (() => void) | undefined;

  constructor(deps: CommitterDeps) {
    this.#deps = deps;
    this.#freeLines = [...deps.lines];
  }

  /** Takes a send, whose answer comes once its fate is known; refuses it at once when the queue is full. */
  submit(send: Send): void {
    const bytes = this.#bytes + send.packed.length;
    const isFull = this.#messages >= QUEUE_MESSAGES_MAX || bytes > QUEUE_BYTES_MAX;
    if (isFull || this.#onDrained !== undefined) {
      refuse(send, busy());
      return;
    }
    this.#messages += 1;
    this.#bytes = bytes;
    const { conversation } = send.message;
    let queue = this.#queues.get(conversation);
    if (queue === undefined) {
      queue = { conversation, waiting: [] };
      this.#queues.set(conversation, queue);
      this.#ready.add(queue);
    }
    queue.waiting.push(send);
    this.#schedule();
  }

  /** How full the queue is, from 0 to 1: at 1 senders are asked to come back. */
  get fill(): number {
    return Math.max(this.#messages / QUEUE_MESSAGES_MAX, this.#bytes / QUEUE_BYTES_MAX);
  }

  /** Takes no more, and resolves when everything taken has been answered. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#onDrained = resolve;
      if (this.#messages === 0) resolve();
    });
  }

  /** After the input of this turn of the event loop, so that frames which came together go together. */
  #schedule(): void {
    if (this.#isScheduled || this.#freeLines.length === 0 || this.#ready.size === 0) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#startBatches();
    });
  }

  #startBatches(): void {
    while (this.#ready.size > 0) {
      const line = this.#freeLines.pop();
      if (line === undefined) return;
      const { checked } = this.#gather();
      if (checked.length === 0) this.#freeLines.push(line);
      else void this.#commit(line, checked);
    }
  }

  /** The next batch. Queues that cannot give anything yet are set to work on what they lack. */
  #gather(): Batch {
    const batch: Batch = { checked: [], bytes: 0 };
    for (const queue of this.#ready) {
      if (isFull(batch)) break;
      this.#ready.delete(queue);
      const before = batch.checked.length;
      const doubt = this.#take(queue, batch);
      if (batch.checked.length > before) continue;
      if (doubt === undefined) this.#release(queue);
      else void this.#resolveDoubt(queue, doubt);
    }
    return batch;
  }

  /** Moves sends into the batch up to one that is in doubt, which stays in front of its queue. */
  #take(queue: Queue, batch: Batch): Doubt | undefined {
    const { audiences, ages } = this.#deps;
    const audience = audiences.find(queue.conversation);
    for (let send = queue.waiting[0]; send !== undefined; send = queue.waiting[0]) {
      if (isFull(batch)) return undefined;
      if (!isWanted(send)) {
        this.#drop(queue);
        continue;
      }
      const fault = audience && (findFault(send, audience) ?? ages.findFault(send.message.id));
      if (audience === undefined || fault !== undefined) return { send, audience, fault };
      queue.waiting.shift();
      batch.checked.push({ send, audience });
      batch.bytes += send.packed.length;
    }
    return undefined;
  }

  /** Whatever happens, the line comes back and the queues go on. */
  async #commit(line: CommitLine, batch: readonly Checked[]): Promise<void> {
    const started = performance.now();
    try {
      const outdated = await commitBatch({ ...this.#deps, line }, batch);
      this.#deps.events.batchEnded(batch.length, performance.now() - started);
      for (const checked of outdated.toReversed()) this.#putBack(checked);
    } catch (error) {
      // A fault of our own. The batch may be on disk: its senders are told to send the same ids again.
      refuseAll(batch, () => unavailable(error));
      this.#deps.events.batchFailed(error);
    } finally {
      this.#finish(line, batch);
    }
  }

  #finish(line: CommitLine, batch: readonly Checked[]): void {
    for (const { send } of batch) if (send.isAnswered) this.#forget(send);
    this.#freeLines.push(line);
    const conversations = new Set(batch.map(({ send }) => send.message.conversation));
    for (const conversation of conversations) this.#release(this.#queues.get(conversation));
    this.#schedule();
  }

  /** The audience has changed since the check: it is forgotten, and the send checked again. */
  #putBack({ send, audience }: Checked): void {
    const { conversation } = audience.room;
    this.#deps.audiences.forget(conversation);
    send.attempts += 1;
    if (send.attempts < COMMIT_ATTEMPTS_MAX) this.#queues.get(conversation)?.waiting.unshift(send);
    else if (isWanted(send)) refuse(send, busy());
  }

  /** Asks for what is not known. Whatever happens, the queue goes on. */
  async #resolveDoubt(queue: Queue, doubt: Doubt): Promise<void> {
    try {
      await this.#inTurn(doubt.send, () => this.#inquire(queue, doubt));
    } catch (error) {
      this.#deps.events.checkFailed(error);
      this.#refuseWaiting(queue, () => unavailable(error));
    }
    this.#release(queue);
    this.#schedule();
  }

  /** One socket's doubts wait for each other, not for those of the rest. A request has one only. */
  #inTurn({ origin }: Send, work: () => Promise<void>): Promise<void> {
    if (origin === undefined) return work();
    let turnstile = this.#turnstiles.get(origin);
    if (turnstile === undefined) {
      turnstile = createTurnstile(INQUIRIES_PER_SOCKET_MAX);
      this.#turnstiles.set(origin, turnstile);
    }
    return turnstile(work);
  }

  /** A fault that stands is told, unless the message was stored before it came to be: that answer is final. */
  async #inquire(queue: Queue, { send, audience, fault }: Doubt): Promise<void> {
    const { audiences, findOwnId } = this.#deps;
    if (audience === undefined || fault === undefined) {
      const found = await audiences.load(queue.conversation);
      if (found !== undefined) return;
      this.#refuseWaiting(queue, () => new ApiError('conversation.not-found'));
    } else if (!this.#isConfirmed(send, audience)) {
      send.confirmed = await audiences.load(queue.conversation, { confirm: true, fresh: true });
    } else {
      const known = await findOwnId(send);
      if (known === undefined) refuse(send, fault);
      else answerRepeated(send, known);
      this.#drop(queue);
    }
  }

  /** A group is read again for each send: who is in it may have changed a moment ago, and the sender have heard of it. */
  #isConfirmed({ confirmed }: Send, audience: Audience): boolean {
    return (
      confirmed === audience ||
      (audience.room.kind === 'direct' && this.#deps.audiences.isConfirmed(audience))
    );
  }

  #refuseWaiting(queue: Queue, error: () => ApiError): void {
    for (let send = queue.waiting[0]; send !== undefined; send = queue.waiting[0]) {
      if (isWanted(send)) refuse(send, error());
      this.#drop(queue);
    }
  }

  /** Removes the first of a queue, which has been answered. */
  #drop(queue: Queue): void {
    const send = queue.waiting.shift();
    if (send !== undefined) this.#forget(send);
  }

  #forget(send: Send): void {
    this.#messages -= 1;
    this.#bytes -= send.packed.length;
    if (this.#messages === 0) this.#onDrained?.();
  }

  /** Nobody is at work on the queue any more. */
  #release(queue: Queue | undefined): void {
    if (queue === undefined) return;
    if (queue.waiting.length > 0) this.#ready.add(queue);
    else this.#queues.delete(queue.conversation);
  }
}

function isFull({ checked, bytes }: Batch): boolean {
  return checked.length >= BATCH_MESSAGES_MAX || bytes >= BATCH_BYTES_MAX;
}

function busy(): ApiError {
  return new ApiError('message.busy', { retryAfter: BUSY_RETRY_SECONDS });
}

function unavailable(cause: unknown): ApiError {
  if (cause instanceof ApiError) return cause;
  return new ApiError('service.unavailable', { retryAfter: 1, cause });
}
