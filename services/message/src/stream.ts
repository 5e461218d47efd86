/** How far one socket is in one conversation (DESIGN 2.7). */
import type { ConversationId, UserId } from '@sotto/api';
import type { Position } from './conversation-store.ts';
import { HELD_MAX } from './limits.ts';
import type { StoredMessage } from './stored-message.ts';

export class Stream {
  readonly conversation: ConversationId;
  /** The first place that the reader may read. */
  first = 1;
  /** Where the reader came in, the last time: nothing before it is sent, whatever is read. */
  joined = 1;
  /** Everything up to here was sent, or needs no sending. */
  sentTo = 0;
  /** The newest place known of. */
  last = 0;
  /** Everything up to here was acknowledged. */
  acknowledged = 0;
  /** False until the position was read: what is sent before could be a repetition. */
  isOpen = false;
  /** True from a connection's start until everything up to `last` was sent for the first time. */
  isCatchingUp = false;
  /** True once the socket was told that a catch-up begins. */
  isAnnounced = false;
  /** What the device acknowledged before the position was read. */
  early: number | undefined;
  /** True once `last` has risen, until the device was told of it in passing. */
  hasMoved = false;
  /** Waits for a place that should have come. */
  timer: NodeJS.Timeout | undefined;
  /** Places of messages that were sent and not acknowledged, ascending. */
  readonly #unacknowledged: number[] = [];
  /** Who sent each of them. */
  readonly #senders: UserId[] = [];
  /** Messages that came while they could not be sent, by place. */
  readonly #held = new Map<number, StoredMessage>();

  constructor(conversation: ConversationId) {
    this.conversation = conversation;
  }

  open({ first, last, joined }: Position, cursor: number): void {
    this.isOpen = true;
    this.first = Math.max(this.first, first);
    this.acknowledged = Math.max(this.acknowledged, cursor);
    this.sentTo = Math.max(this.sentTo, cursor);
    this.last = Math.max(this.last, last);
    this.rejoin(joined);
  }

  /** Notes where the reader came in. Returns how many messages that were sent are not waited for any more. */
  rejoin(joined: number): number {
    if (joined <= this.joined) return 0;
    this.joined = joined;
    this.first = Math.max(this.first, joined);
    return this.acknowledge(Math.max(this.acknowledged, joined - 1)).length;
  }

  get isBehind(): boolean {
    return !this.isOpen || this.sentTo < this.last;
  }

  get isHolding(): boolean {
    return this.#held.size > 0;
  }

  /** Keeps messages for later, as many as are worth keeping: the rest is in the database. */
  hold(messages: readonly StoredMessage[]): void {
    for (const message of messages) {
      if (message.seq > this.sentTo && this.#held.size < HELD_MAX) {
        this.#held.set(message.seq, message);
      }
    }
  }

  /** Takes the held messages that can be sent now: those without a gap after `sentTo`. */
  takeHeld(): StoredMessage[] {
    const messages: StoredMessage[] = [];
    for (const seq of this.#held.keys()) if (seq <= this.sentTo) this.#held.delete(seq);
    for (let seq = this.sentTo + 1; ; seq += 1) {
      const message = this.#held.get(seq);
      if (message === undefined) return messages;
      this.#held.delete(seq);
      messages.push(message);
    }
  }

  dropHeld(): void {
    this.#held.clear();
  }

  /** Notes a message as sent. */
  sent(seq: number, sender: UserId): void {
    this.#unacknowledged.push(seq);
    this.#senders.push(sender);
  }

  /** Notes an acknowledgement; returns the sender of each message that it covers. */
  acknowledge(seq: number): UserId[] {
    this.acknowledged = seq;
    this.sentTo = Math.max(this.sentTo, seq);
    const left = this.#unacknowledged.findIndex((place) => place > seq);
    const covered = left === -1 ? this.#unacknowledged.length : left;
    this.#unacknowledged.splice(0, covered);
    return this.#senders.splice(0, covered);
  }

  stopWaiting(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }
}
