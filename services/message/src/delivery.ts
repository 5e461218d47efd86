/**
 * What one socket is sent: every place of every conversation of its user, in order and without gaps (DESIGN 2.7).
 *
 * Live messages come from memory. Whatever they do not cover - the time before the connection, a gap, a pause because
 * the device does not acknowledge or its socket does not drain - is read from the database. Nothing piles up: a message
 * that cannot be sent now only raises `last`.
 */
import { type ConversationId, type Slot, UNACKNOWLEDGED_MAX } from '@sotto/api';
import type { AuditCounts, Clock, Database } from '@sotto/runtime';
import { commonFrame, slotsFrame } from './common-frame.ts';
import { findBehind, findPosition, type Position } from './conversation-store.ts';
import type { Cursors } from './cursors.ts';
import type { Events } from './events.ts';
import { readSlots, type UserReader } from './history.ts';
import { CATCH_UP_PAGE, HOLD_MS, POSITIONS_PAGE, READ_RETRY_MS, SLOTS_TEXT_MAX } from './limits.ts';
import type { Live } from './live.ts';
import type { Tables } from './schema.ts';
import { endOf, slotsAbove, slotsOf, slotText } from './slots.ts';
import { Stillness } from './stillness.ts';
import type { StoredMessage } from './stored-message.ts';
import { Stream } from './stream.ts';
import type { Turnstile } from './turnstile.ts';

/** Where frames go. */
export interface Outlet {
  send(text: string): void;
  /** A frame that other sockets get as well. */
  sendFrame(frame: Buffer): void;
  /** True while the socket holds more than it should. `Delivery.resume` is called when it has drained. */
  isFull(): boolean;
}

export interface DeliveryDeps {
  database: Pick<Database<Tables>, 'pool'>;
  cursors: Cursors;
  clock: Clock;
  events: Events;
  counts: Pick<AuditCounts, 'note'>;
  live: Pick<Live, 'noteDelivered'>;
  /** Shared by all sockets of the node, so that they do not take the whole pool. */
  turnstile: Turnstile;
}

export interface DeliveryOptions {
  reader: UserReader;
  outlet: Outlet;
  /** The socket, as messages name the one that sent them. */
  origin: object;
  /** The device acknowledged a conversation that it is no member of. */
  onStranger(): void;
}

export class Delivery {
  /** To be looked at once a second. */
  readonly stillness = new Stillness(() => this.#unacknowledged > 0 || this.#behind.size > 0);
  readonly #deps: DeliveryDeps;
  readonly #options: DeliveryOptions;
  readonly #streams = new Map<ConversationId, Stream>();
  /** Streams that need the database, in turn. */
  readonly #behind = new Set<Stream>();
  #unacknowledged = 0;
  #isReading = false;
  #isClosed = false;
  #retry: NodeJS.Timeout | undefined;

  constructor(deps: DeliveryDeps, options: DeliveryOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /** Begins to send what the device has missed. Live messages must be coming in already. */
  async catchUp(): Promise<void> {
    await this.#eachBehind((position, cursor) => {
      const stream = this.#streamOf(position.conversation);
      stream.isCatchingUp = true;
      if (stream.isOpen) this.#rejoin(stream, position);
      else this.#begin(stream, position, cursor);
      this.#raise(stream, position.last);
      return stream;
    });
  }

  /** Looks for places that were missed, after a fault of the bus. */
  async recheck(): Promise<void> {
    await this.#eachBehind((position, cursor) => {
      const stream = this.#streamOf(position.conversation);
      if (stream.isOpen) this.#rejoin(stream, position);
      else this.#begin(stream, position, cursor);
      this.#raise(stream, position.last);
      return stream;
    });
  }

  /** Takes live messages, in order and without gaps among themselves, of a member who came in at a place. */
  take(conversation: ConversationId, messages: readonly StoredMessage[], joined: number): void {
    const first = messages[0]?.seq ?? 0;
    const last = messages.at(-1)?.seq ?? 0;
    const stream = this.#streamOf(conversation);
    this.#rejoin(stream, { joined, last });
    const isNext =
      stream.isOpen &&
      !this.#behind.has(stream) &&
      !stream.isHolding &&
      first === stream.sentTo + 1;
    this.#raise(stream, last);
    if (isNext && this.#hasRoom()) {
      this.#sendMessages(stream, messages);
    } else if (this.#hasRoom()) {
      stream.hold(messages);
    }
    this.#advance(stream);
  }

  /** Notes that the device has everything up to a place. */
  acknowledge(conversation: ConversationId, seq: number): void {
    const stream = this.#streamOf(conversation);
    if (stream.isOpen) this.#acknowledge(stream, seq);
    else stream.early = Math.max(seq, stream.early ?? 0);
    this.#advance(stream);
    this.resume();
  }

  /** Goes on after the socket has drained. */
  resume(): void {
    if (this.#behind.size > 0) void this.#readBehind();
  }

  /** The newest places of conversations that moved since this was last asked. */
  takeHeads(): { conversation: ConversationId; last: number }[] {
    const moved = [...this.#streams.values()].filter(({ hasMoved }) => hasMoved);
    for (const stream of moved) stream.hasMoved = false;
    return moved.map(({ conversation, last }) => ({ conversation, last }));
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    for (const stream of this.#streams.values()) stream.stopWaiting();
    this.#streams.clear();
    this.#behind.clear();
  }

  /** Reads where the device is behind, page by page, and sets to work on what `prepare` makes of each. */
  async #eachBehind(prepare: (position: Position, cursor: number) => Stream): Promise<void> {
    const { database, turnstile } = this.#deps;
    const { reader } = this.#options;
    let after: ConversationId | undefined;
    while (!this.#isClosed) {
      const page = await turnstile(() => findBehind(database, reader, after));
      for (const position of page) {
        const cursor = this.#cursorOf(position);
        if (this.#isClosed || position.last <= cursor) continue;
        const stream = prepare(position, cursor);
        if (stream.isBehind) this.#behind.add(stream);
      }
      this.resume();
      if (page.length < POSITIONS_PAGE) return;
      after = page.at(-1)?.conversation;
    }
  }

  /** This node may know of an acknowledgement that is not written yet. */
  #cursorOf({ conversation, cursor }: Position): number {
    const pending = this.#deps.cursors.pending(this.#options.reader.device, conversation);
    return Math.max(cursor, pending ?? 0);
  }

  #streamOf(conversation: ConversationId): Stream {
    let stream = this.#streams.get(conversation);
    if (stream === undefined) {
      stream = new Stream(conversation);
      this.#streams.set(conversation, stream);
    }
    return stream;
  }

  /** Somebody who was gone and has come back begins anew: what was said meanwhile is not theirs. */
  #rejoin(stream: Stream, { joined, last }: { joined: number; last: number }): void {
    if (joined <= stream.joined) return;
    this.#unacknowledged -= stream.rejoin(joined);
    if (!stream.isOpen) return;
    this.#raise(stream, last);
    stream.isCatchingUp = true;
    this.#announce(stream);
  }

  #raise(stream: Stream, last: number): void {
    if (last <= stream.last) return;
    stream.last = last;
    stream.hasMoved = true;
  }

  #hasRoom(): boolean {
    return this.#unacknowledged < UNACKNOWLEDGED_MAX && !this.#options.outlet.isFull();
  }

  /** Half a window: a device that acknowledges one by one must not cost a query each time. */
  #hasRoomForPage(): boolean {
    return this.#unacknowledged <= UNACKNOWLEDGED_MAX / 2 && !this.#options.outlet.isFull();
  }

  /** Sends what is held and can go; sees to it that the rest comes from somewhere. */
  #advance(stream: Stream): void {
    if (this.#isClosed) return;
    if (stream.isOpen && this.#hasRoom()) {
      const messages = stream.takeHeld();
      if (messages.length > 0) this.#sendMessages(stream, messages);
    }
    if (!stream.isBehind) {
      this.#settle(stream);
    } else if (this.#behind.has(stream)) {
      this.resume();
    } else if (stream.isOpen && stream.isHolding && this.#hasRoom()) {
      // The place before should be on its way from another node.
      stream.timer ??= setTimeout(() => this.#read(stream), HOLD_MS);
    } else {
      this.#read(stream);
    }
  }

  #settle(stream: Stream): void {
    // Whatever was left of the catch-up, the device has acknowledged by itself: it still waits for the end.
    if (stream.isAnnounced) this.#sendFrame(stream, '');
    stream.stopWaiting();
    stream.dropHeld();
    stream.isCatchingUp = false;
    this.#behind.delete(stream);
  }

  #read(stream: Stream): void {
    stream.stopWaiting();
    if (!this.#hasRoom()) stream.dropHeld();
    this.#behind.add(stream);
    void this.#readBehind();
  }

  /** Reads for one stream after the other, as long as the device takes it. */
  async #readBehind(): Promise<void> {
    if (this.#isReading || this.#retry !== undefined) return;
    this.#isReading = true;
    try {
      for (let [stream] = this.#behind; stream !== undefined; [stream] = this.#behind) {
        if (stream.isOpen && !this.#hasRoomForPage()) break;
        const current = stream;
        await this.#deps.turnstile(() => this.#readFor(current));
        if (this.#isClosed) break;
      }
    } catch (error) {
      this.#deps.events.readFailed(error);
      this.#retryLater();
    } finally {
      this.#isReading = false;
    }
  }

  #retryLater(): void {
    if (this.#isClosed) return;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.resume();
    }, READ_RETRY_MS);
  }

  async #readFor(stream: Stream): Promise<void> {
    if (this.#isClosed) return;
    if (stream.isOpen) await this.#readPage(stream);
    else await this.#open(stream);
    if (this.#isClosed) return;
    const messages = stream.isOpen && this.#hasRoom() ? stream.takeHeld() : [];
    if (messages.length > 0) this.#sendMessages(stream, messages);
    if (!stream.isBehind) this.#settle(stream);
  }

  async #open(stream: Stream): Promise<void> {
    const { conversation } = stream;
    const { reader, onStranger } = this.#options;
    const position = await findPosition(this.#deps.database, reader, conversation);
    if (this.#isClosed) return;
    if (position === undefined) {
      this.#streams.delete(conversation);
      this.#behind.delete(stream);
      if (stream.early !== undefined) onStranger();
      return;
    }
    this.#begin(stream, position, this.#cursorOf(position));
  }

  #begin(stream: Stream, position: Position, cursor: number): void {
    stream.open(position, cursor);
    const { early } = stream;
    if (early === undefined) return;
    stream.early = undefined;
    this.#acknowledge(stream, early);
  }

  async #readPage(stream: Stream): Promise<void> {
    // While this waited for its turn, live messages may have filled the window: an acknowledgement begins anew.
    if (!this.#hasRoom()) return;
    const { conversation, sentTo, last } = stream;
    if (stream.isCatchingUp && !stream.isAnnounced) this.#announce(stream);
    const limit = Math.min(CATCH_UP_PAGE, UNACKNOWLEDGED_MAX - this.#unacknowledged);
    const wanted = { conversation, above: sentTo, upTo: last, limit };
    const { slots } = await readSlots(this.#deps, this.#options.reader, wanted);
    // Meanwhile the device may have acknowledged what it read elsewhere, and have been sent what was held behind that.
    if (!this.#isClosed) this.#sendSlots(stream, slotsAbove(stream.sentTo, slots));
  }

  #announce(stream: Stream): void {
    stream.isAnnounced = true;
    const { conversation, first, sentTo: from, last } = stream;
    this.#options.outlet.send(
      JSON.stringify({ type: 'catch-up', conversation, first, from, last }),
    );
  }

  #sendMessages(stream: Stream, messages: readonly StoredMessage[]): void {
    const { reader, origin } = this.#options;
    const to = messages.at(-1)?.seq ?? stream.sentTo;
    const from = stream.sentTo + 1;
    // `stored` has told this socket of its own messages, so no acknowledgement of them will come.
    if (messages.every((message) => message.origin === origin) && !stream.isCatchingUp) {
      stream.sentTo = to;
      if (stream.acknowledged === from - 1) this.#acknowledge(stream, to);
      return;
    }
    if (this.#sendCommon(stream, messages)) return;
    const unsent = messages.filter(({ seq }) => seq >= from);
    this.#sendSlots(stream, slotsOf(unsent, reader, { from, to, at: this.#deps.clock() }));
  }

  /** Sends what all members get alike in the frame that they share. False, and nothing done, when that cannot be. */
  #sendCommon(stream: Stream, messages: readonly StoredMessage[]): boolean {
    const { reader, outlet } = this.#options;
    const room = UNACKNOWLEDGED_MAX - this.#unacknowledged;
    if (stream.isCatchingUp || messages.length > room) return false;
    if (messages[0]?.seq !== stream.sentTo + 1) return false;
    if (messages.some(({ sender }) => sender.device === reader.device)) return false;
    const frame = commonFrame(stream.conversation, messages);
    if (frame === undefined) return false;
    const filled = messages.filter(({ kind }) => kind === 'group');
    for (const { seq, sender } of filled) stream.sent(seq, sender.user);
    stream.sentTo += messages.length;
    this.#unacknowledged += filled.length;
    if (filled.length > 0) this.#deps.counts.note('messages.fetched', reader, filled.length);
    this.stillness.moved();
    outlet.sendFrame(frame);
    return true;
  }

  /** Sends slots, the first right above `sentTo`, as far as the device takes them. */
  #sendSlots(stream: Stream, slots: readonly Slot[]): void {
    let text = '';
    let filled = 0;
    for (const slot of slots) {
      if (text.length > SLOTS_TEXT_MAX) {
        this.#sendFrame(stream, text);
        text = '';
      }
      if (slot.type === 'message') {
        if (!this.#hasRoom()) break;
        this.#unacknowledged += 1;
        filled += 1;
        stream.sent(slot.seq, slot.sender.user);
      }
      text += `${text === '' ? '' : ','}${slotText(slot)}`;
      stream.sentTo = endOf(slot);
    }
    if (text !== '') this.#sendFrame(stream, text);
    if (filled > 0) this.#deps.counts.note('messages.fetched', this.#options.reader, filled);
  }

  #sendFrame(stream: Stream, slots: string): void {
    const { conversation, isCatchingUp, isBehind } = stream;
    const end = isCatchingUp && !isBehind ? ',"caughtUp":true' : '';
    if (end !== '') stream.isAnnounced = false;
    this.stillness.moved();
    this.#options.outlet.send(slotsFrame(conversation, slots, end));
  }

  /** An acknowledgement beyond what is known says no more than what is known. */
  #acknowledge(stream: Stream, seq: number): void {
    const upTo = Math.min(seq, stream.last);
    if (upTo <= stream.acknowledged) return;
    const { cursors, live } = this.#deps;
    const { user, device } = this.#options.reader;
    const { conversation, sentTo } = stream;
    const senders = stream.acknowledge(upTo);
    this.#unacknowledged -= senders.length;
    this.stillness.moved();
    cursors.advance(device, conversation, upTo);
    // What the device has above that it was given elsewhere, by another socket or a request.
    const unknownAbove = upTo > sentTo ? sentTo : undefined;
    if (senders.length === 0 && unknownAbove === undefined) return;
    live.noteDelivered({ conversation, user, seq: upTo, senders, unknownAbove });
  }
}
