/**
 * One device that writes and reads at the level of the contract: a WebSocket, opaque ciphertexts, an outbox that keeps
 * a letter until it is stored, cursors that are acknowledged. It tells the receipts of everything that it is told.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { CLOSE_CODES, SOCKET_PATH, SOCKET_PROTOCOL } from '@sotto/api';
import { decodeMembershipEntry } from '@sotto/crypto';
import { WebSocket } from 'ws';
import { EVERYBODY, isCiphertextFor, letterOf } from './letter.ts';
import { Outbox, type Outgoing, type Refusal } from './outbox.ts';
import type { Receipts } from './receipts.ts';
import { ask } from './rest.ts';
import { type Room, recompose, stateOf } from './room.ts';

export interface CorrespondentDeps {
  index: number;
  user: string;
  /** Where the platform is, from here. */
  origin: string;
  token(): string;
  /** Conversations by their ids; those of others as well. */
  rooms: ReadonlyMap<string, Room>;
  receipts: Receipts;
  /** A letter was stored, or given, by its number. */
  onStored(index: number, number: number): void;
  onGiven(index: number, number: number): void;
  counts: Counts;
}

/** What happened to all correspondents together. */
export interface Counts {
  connects: number;
  refusals: Record<string, number>;
  /** Ends of connections by code. */
  closes: Record<string, number>;
  /** Holes and tails that had to be looked up. */
  lookups: number;
}

/** The parts of the contract's frames that are read here. */
interface Frame {
  type: string;
  id: string;
  number: number;
  conversation: string;
  seq: number;
  first: number;
  from: number;
  last: number;
  slots: Slot[];
  heads: { conversation: string; last: number }[];
  problem: Omit<Refusal, 'number'>;
}

type Slot =
  | { type: 'none'; from: number; to: number }
  | { type: 'membership'; seq: number; entry: string }
  | { type: 'message'; seq: number; id: string; kind: string; ciphertext: string };

/** How long without any word from the platform, with something unanswered, before the connection is given up. */
const SILENCE_MS = 4_000;
const HANDSHAKE_MS = 4_000;
const PAUSE_FIRST_MS = 50;
const PAUSE_MAX_MS = 1_000;
/** What a refusal without a time of its own asks for. */
const REFUSED_PAUSE_MS = 100;
/** A place that is late by so much is looked up. */
const LATE_MS = 2_000;
const PAGE = 100;

export class Correspondent {
  readonly #deps: CorrespondentDeps;
  readonly #outboxes = new Map<Room, Outbox>();
  /** By conversation: up to where everything is known. */
  readonly #reached = new Map<Room, number>();
  readonly #unacknowledged = new Set<Room>();
  /** On this connection, by conversation: the highest place that came. */
  #came = new Map<Room, number>();
  readonly #lookups = new Map<Room, Promise<void>>();
  /** Rooms that this user was told to be none of theirs, with those who were thought to be members then. */
  readonly #closedTo = new Map<Room, Room['members']>();
  #socket: WebSocket | undefined;
  #isGreeted = false;
  #heardAt = 0;
  #failures = 0;
  #isClosed = false;
  #outstanding = 0;

  constructor(deps: CorrespondentDeps) {
    this.#deps = deps;
    this.connect();
  }

  get index(): number {
    return this.#deps.index;
  }

  /** Letters without an answer. */
  get outstanding(): number {
    return this.#outstanding;
  }

  reached(room: Room): number {
    return this.#reached.get(room) ?? 0;
  }

  /** False once the platform has said that this user is no member, until the members are heard to be others. */
  mayWrite(room: Room): boolean {
    return this.#closedTo.get(room) !== room.members;
  }

  /** Puts a letter into the outbox, and sends it when there is a connection. */
  write(room: Room, outgoing: Outgoing): void {
    const outbox = this.#outboxOf(room);
    outbox.add(outgoing);
    this.#outstanding += 1;
    this.#flush(outbox);
  }

  /** Acknowledges what has come, and gives up a connection that says nothing. */
  tick(): void {
    if (this.#isGreeted) {
      for (const room of this.#unacknowledged) {
        this.#post(`{"type":"ack","conversation":"${room.id}","seq":${this.reached(room)}}`);
      }
      this.#unacknowledged.clear();
    }
    const isWaiting = this.#outstanding > 0 || !this.#isGreeted;
    if (isWaiting && performance.now() - this.#heardAt > SILENCE_MS) this.#socket?.terminate();
  }

  connect(): void {
    this.#socket?.terminate();
    const { origin, token, counts } = this.#deps;
    const socket = new WebSocket(`${origin.replace('http', 'ws')}${SOCKET_PATH}`, SOCKET_PROTOCOL, {
      headers: { authorization: `Bearer ${token()}` },
      handshakeTimeout: HANDSHAKE_MS,
      perMessageDeflate: false,
    });
    this.#socket = socket;
    this.#isGreeted = false;
    this.#heardAt = performance.now();
    this.#came = new Map();
    // What was not heard comes again, and is acknowledged then; it may be of a group that this user has left meanwhile.
    this.#unacknowledged.clear();
    counts.connects += 1;
    socket.on('message', (data) => {
      if (socket === this.#socket) this.#onFrame(JSON.parse(String(data)));
    });
    // A close event follows.
    socket.on('error', () => undefined);
    socket.on('close', (code, reason) => {
      counts.closes[code] = (counts.closes[code] ?? 0) + 1;
      if (code === CLOSE_CODES.badFrame) {
        this.#deps.receipts.blame('disordered', `a frame was refused as ${String(reason)}`);
      }
      if (socket === this.#socket && !this.#isClosed) void this.#connectLater();
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#socket?.terminate();
    await Promise.all(this.#lookups.values());
  }

  async #connectLater(): Promise<void> {
    this.#isGreeted = false;
    const socket = this.#socket;
    const pause = Math.min(PAUSE_MAX_MS, PAUSE_FIRST_MS * 2 ** this.#failures);
    this.#failures += 1;
    await sleep(pause * (0.5 + Math.random() / 2));
    if (socket === this.#socket && !this.#isClosed) this.connect();
  }

  #onFrame(frame: Frame): void {
    this.#heardAt = performance.now();
    if (frame.type === 'hello') {
      this.#isGreeted = true;
      this.#failures = 0;
      for (const outbox of this.#outboxes.values()) outbox.restart();
      for (const outbox of this.#outboxes.values()) this.#flush(outbox);
      return;
    }
    if (frame.type === 'heads') {
      for (const { conversation, last } of frame.heads) {
        const room = this.#deps.rooms.get(conversation);
        if (room !== undefined) this.#expect(room, last);
      }
      return;
    }
    const room = this.#deps.rooms.get(frame.conversation);
    if (room === undefined) return;
    if (frame.type === 'stored') this.#onStored(room, frame);
    else if (frame.type === 'refused') this.#onRefused(room, frame);
    else if (frame.type === 'slots') this.#onSlots(room, frame.slots);
    else if (frame.type === 'catch-up') this.#onCatchUp(room, frame);
  }

  #onStored(room: Room, { id, seq }: Frame): void {
    const { receipts, index, onStored } = this.#deps;
    const found = this.#outboxOf(room).stored(id);
    if (found === undefined) return;
    const { letter, addressed } = found.outgoing;
    if (!found.isFirst) {
      receipts.blame(
        'disordered',
        `letter ${letter.number} of ${index} stored before an earlier one`,
      );
    }
    this.#outstanding -= 1;
    receipts.stored({ ...letter, seq }, addressed);
    this.#advance(room);
    onStored(index, letter.number);
    this.#resumeIfAnswered(room);
  }

  #onRefused(room: Room, { id, number, problem }: Frame): void {
    const { refusals } = this.#deps.counts;
    refusals[problem.code] = (refusals[problem.code] ?? 0) + 1;
    this.#outboxOf(room).refused(id, { number, ...problem });
    this.#resumeIfAnswered(room);
  }

  /** Once everything written has its answer, sends again what was refused, worded anew where that helps. */
  #resumeIfAnswered(room: Room): void {
    const outbox = this.#outboxOf(room);
    const { refusal } = outbox;
    if (refusal === undefined || !outbox.isAnswered) return;
    if (refusal.code === 'conversation.not-found') {
      this.#withdraw(room, outbox);
      return;
    }
    const isStale = /^message\.(group|devices)-stale$/.test(refusal.code);
    if (isStale) this.#reword(room, outbox, refusal);
    void this.#resumeLater(
      outbox,
      isStale ? 0 : (refusal.retryAfter ?? 0) * 1000 || REFUSED_PAUSE_MS,
    );
  }

  #reword(room: Room, outbox: Outbox, { audience }: Refusal): void {
    const group = audience && stateOf(audience.version, audience.lists);
    for (const outgoing of outbox.waiting) recompose(room, outgoing, group ?? room.group);
  }

  async #resumeLater(outbox: Outbox, pauseMs: number): Promise<void> {
    const socket = this.#socket;
    await sleep(pauseMs);
    // A new connection has begun anew by itself.
    if (socket !== this.#socket || !outbox.isAnswered) return;
    outbox.resume();
    this.#flush(outbox);
  }

  /** This user is no member any more, which the room may not say yet: its secretary has to hear of it, too. */
  #withdraw(room: Room, outbox: Outbox): void {
    this.#closedTo.set(room, room.members);
    const { given, number } = outbox.withdraw();
    for (const { letter, addressed } of given) {
      this.#outstanding -= 1;
      this.#deps.receipts.withdrawn(letter.number, addressed);
    }
    this.#post(`{"type":"withdraw","conversation":"${room.id}","number":${number}}`);
  }

  #onCatchUp(room: Room, { first, from }: Frame): void {
    const { receipts, index } = this.#deps;
    const reached = this.reached(room);
    if (first > reached + 1) this.#reach(room, first - 1);
    // Where it has not heard a `stored`, it has less than the platform believes.
    if (from > this.reached(room)) this.#lookUp(room);
    const came = this.#came.get(room);
    if (came !== undefined && from < came) {
      receipts.blame('disordered', `${index} was sent ${room.index}:${from} after ${came}`);
    }
  }

  #onSlots(room: Room, slots: readonly Slot[]): void {
    const { receipts, index } = this.#deps;
    for (const slot of slots) {
      const start = slot.type === 'none' ? slot.from : slot.seq;
      const came = this.#came.get(room) ?? 0;
      if (start <= came) {
        receipts.blame('disordered', `${index} was sent ${room.index}:${start} after ${came}`);
      }
      this.#came.set(room, slot.type === 'none' ? slot.to : slot.seq);
      this.#onSlot(room, slot);
    }
    this.#advance(room);
    // Also of what was known: the platform sends it again because it has not heard that it came.
    this.#unacknowledged.add(room);
    this.#expect(room, this.#came.get(room) ?? 0);
  }

  #onSlot(room: Room, slot: Slot): void {
    const { receipts, index, user, onGiven } = this.#deps;
    const conversation = room.index;
    if (slot.type === 'none') {
      receipts.empty(conversation, slot, index);
    } else if (slot.type === 'membership') {
      const { action } = decodeMembershipEntry(Buffer.from(slot.entry, 'base64url')).entry;
      const isJoining =
        (action.type === 'add' || action.type === 'create') &&
        !receipts.isKnown({ conversation, seq: slot.seq }, index);
      if (isJoining && (action.type === 'create' || action.users.includes(user))) {
        this.#reach(room, slot.seq - 1);
      }
      receipts.entry({ conversation, seq: slot.seq }, index);
    } else {
      const letter = letterOf(slot.id);
      const reader = slot.kind === 'group' ? EVERYBODY : index;
      const isMine = isCiphertextFor(slot.ciphertext, letter, reader);
      if (!isMine || letter.conversation !== conversation) {
        receipts.blame('strayed', `${index} got at ${conversation}:${slot.seq} what is not for it`);
      }
      receipts.given({ ...letter, seq: slot.seq }, index);
      onGiven(index, letter.number);
    }
  }

  /** Moves on over everything that is known. */
  #advance(room: Room): void {
    const { receipts, index } = this.#deps;
    let reached = this.reached(room);
    while (receipts.isKnown({ conversation: room.index, seq: reached + 1 }, index)) reached += 1;
    this.#reach(room, reached);
  }

  #reach(room: Room, seq: number): void {
    if (seq <= this.reached(room)) return;
    this.#reached.set(room, seq);
    this.#unacknowledged.add(room);
  }

  /** Something up to a place should be here, or come soon: live slots may overtake the `stored` of an earlier socket. */
  #expect(room: Room, last: number): void {
    if (this.reached(room) >= last || this.#lookups.has(room)) return;
    const looking = sleep(LATE_MS).then(async () => {
      if (this.reached(room) < last && !this.#isClosed) {
        this.#deps.counts.lookups += 1;
        await this.#readHistory(room);
      }
    });
    this.#keep(room, looking);
  }

  #lookUp(room: Room): void {
    if (!this.#lookups.has(room)) this.#keep(room, this.#readHistory(room));
  }

  #keep(room: Room, work: Promise<void>): void {
    this.#lookups.set(
      room,
      work.finally(() => this.#lookups.delete(room)),
    );
  }

  /** Reads on from what is known; what fails is tried again when it is missed again. */
  async #readHistory(room: Room): Promise<void> {
    const { origin, token } = this.#deps;
    for (;;) {
      const after = this.reached(room);
      const path = `/api/v1/conversations/${room.id}/messages?after=${after}&limit=${PAGE}`;
      const asked = await ask<{ slots: Slot[]; first: number; last: number }>(origin, path, {
        token: token(),
      }).catch(() => undefined);
      if (asked?.status !== 200 || this.#isClosed) return;
      for (const slot of asked.answer.slots) this.#onSlot(room, slot);
      this.#advance(room);
      if (this.reached(room) <= after || this.reached(room) >= asked.answer.last) return;
    }
  }

  #outboxOf(room: Room): Outbox {
    let outbox = this.#outboxes.get(room);
    if (outbox === undefined) {
      outbox = new Outbox();
      this.#outboxes.set(room, outbox);
    }
    return outbox;
  }

  #flush(outbox: Outbox): void {
    if (!this.#isGreeted) return;
    for (const { number, message } of outbox.take()) {
      this.#post(`{"type":"send","number":${number},"message":${message}}`);
    }
  }

  #post(text: string): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(text);
  }
}
