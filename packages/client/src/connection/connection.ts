/** The client while it is connected: which frame goes to whom, and what starts and ends with each connection. */
import { type ConversationId, openSocketTicket, type ServerFrame, type UserId } from '@sotto/api';
import { keepKeys } from '../account/key-upkeep.ts';
import { ClientError, isProblem } from '../errors.ts';
import { BACKGROUND_WAIT_MS_MAX, IN_FLIGHT_MAX, UPKEEP_MS } from '../limits.ts';
import { outboxConversations } from '../messages/outbox.ts';
import { forgetPassedOver, listPassedOver } from '../messages/passed-over.ts';
import { forgetSent } from '../messages/sent-log.ts';
import { hearEphemeral } from '../messages/typing.ts';
import { createRepairer, type Repairer } from '../repair/repair.ts';
import { noteIdentity } from '../trust/changed-identity.ts';
import { createKeyLog, type KeyLog } from '../trust/key-log.ts';
import { createMemberProofs, type MemberProofs } from '../trust/member-proofs.ts';
import { refreshList } from '../trust/peer-lists.ts';
import type { PeerDeps } from '../trust/peers.ts';
import type { Call } from './call.ts';
import { type Deliveries, openDeliveries } from './deliveries.ts';
import { type Behind, takeCursors, takeHello } from './greeting.ts';
import { type IncomingFrame, takeRun } from './incoming.ts';
import { Lane, type SendRoom } from './lane.ts';
import { createLearning, type Learning } from './learning.ts';
import { patient } from './patience.ts';
import type { Presences } from './presence.ts';
import { createReceiver, type Receiver } from './receive.ts';
import { openSocket, type SendFrame, type Socket } from './socket.ts';

export interface ConnectionDeps extends PeerDeps {
  readonly url: string;
  readonly WebSocket: typeof globalThis.WebSocket;
  readonly random: () => number;
  /** See `KeyLogDeps`. */
  readonly witnesses: readonly Uint8Array[];
  /** Who is looked at, and hears how they are. */
  readonly presences: Presences;
  /** There is something new for `messages()`. */
  readonly onArrival: () => void;
  /** No attempt will follow any more: connecting again takes a new connection. */
  readonly onEnded: () => void;
}

/** What lives as long as one socket. */
interface Attendance {
  readonly send: SendFrame;
  readonly lanes: Map<ConversationId, Lane>;
  readonly receiver: Receiver;
  readonly repairer: Repairer;
  readonly room: SendRoom;
  readonly upkeep: ReturnType<typeof setInterval>;
  readonly leaving: AbortController;
  readonly lookAfterKeys: () => void;
  /** Work on what has come, one after the other. */
  tail: Promise<void>;
  /** Frames for the receiver whose turn has not come, since that of anything else was put behind them. */
  incoming: IncomingFrame[];
  /** Nothing is sent before the platform's greeting was heard: the store may be behind it. */
  isGreeted: boolean;
}

/** Connects, and stays connected until `close`. */
export class Connection {
  readonly #deps: ConnectionDeps;
  readonly #closing = new AbortController();
  readonly #opened = Promise.withResolvers<void>();
  readonly #socket: Socket;
  readonly #keyLog: KeyLog;
  readonly #proofs: MemberProofs;
  readonly #deliveries: Deliveries;
  readonly #learning: Learning;
  readonly #hear: ReturnType<typeof hearEphemeral>;
  /** What still runs of connections that have ended. */
  readonly #endings = new Set<Promise<unknown>>();
  #attendance: Attendance | undefined;
  #upkeeping: Promise<'kept' | 'owed'> | undefined;
  /** Whether the keys were looked after before the last connection was opened. */
  #prepared: 'kept' | 'owed' = 'kept';
  /** Without patience: what keeps a connection from being opened ends the attempt, and the pause until the next is told. */
  readonly #call: Call;

  constructor(deps: ConnectionDeps) {
    this.#call = deps.call;
    this.#deps = { ...deps, call: this.#patient(deps, this.#closing.signal) };
    this.#keyLog = createKeyLog(this.#deps);
    const onError = (error: unknown) => deps.events.emit('trouble', { error });
    this.#proofs = createMemberProofs({ ...this.#deps, keyLog: this.#keyLog, onError });
    this.#deliveries = openDeliveries(this.#deps);
    const wake = (conversation?: ConversationId) => this.wake(conversation);
    this.#learning = createLearning({ ...this.#deps, keyLog: this.#keyLog, wake });
    const inBackground = (work: Promise<void>) => this.#inBackground(work);
    this.#hear = hearEphemeral({ ...this.#deps, inBackground });
    this.#opened.promise.catch(() => {}); // An event says it too, when nobody waits for the connection.
    this.#socket = openSocket({
      ...deps,
      ticket: () => this.#prepare(),
      onOpen: (send) => this.#attend(send),
      onFrame: (frame) => this.#take(frame),
      onDown: (ended) => {
        this.#leave();
        deps.events.emit('disconnected', ended);
        if (ended.retryMs !== undefined) return;
        deps.onEnded();
        this.#opened.reject(ended.error);
      },
    });
  }

  /** The key log, of which there may be one at a time. */
  get keyLog(): KeyLog {
    return this.#keyLog;
  }

  /** Resolves at the first `hello`; rejects when no attempt will follow any more. */
  get opened(): Promise<void> {
    return this.#opened.promise;
  }

  /** What sends a frame now; undefined while the platform has not greeted this device. For what need not arrive. */
  get sendFrame(): SendFrame | undefined {
    const here = this.#attendance;
    return here?.isGreeted ? here.send : undefined;
  }

  /** Tries to connect at once, if it waits to try again. */
  hurry(): void {
    this.#socket.hurry();
  }

  /** There is something new in the outbox of a conversation, or of any. */
  wake(conversation?: ConversationId): void {
    const here = this.#attendance;
    if (here === undefined || !here.isGreeted) return;
    if (conversation !== undefined) this.#laneOf(here, conversation).wake();
    else {
      this.#wakeLanes();
      here.repairer.wake();
    }
  }

  /** What stood in the way of sending or reading may be gone: what could not be read is read over the next connection. */
  learnAgain(): void {
    this.#learning.again();
    this.wake();
  }

  /** Disconnects. Resolves when nothing of any connection runs any more. */
  async close(): Promise<void> {
    this.#opened.reject(new ClientError('client.closed', 'the client was closed'));
    this.#closing.abort();
    await this.#socket.close();
    this.#leave();
    await this.#deliveries.close();
    await this.#proofs.close();
    await Promise.allSettled(this.#endings);
  }

  /** Nobody waits for what a connection asks for by itself, and all of it may be asked for twice. */
  #patient({ random }: ConnectionDeps, signal: AbortSignal): Call {
    return patient(this.#call, {
      waitMsMax: BACKGROUND_WAIT_MS_MAX,
      signal,
      random,
      isRepeatable: true,
      onWait: (error) => this.#tell(error),
    });
  }

  /** Nobody is present without keys that others can write to. */
  async #prepare(): Promise<string> {
    this.#prepared = await this.#keepKeys(this.#call);
    return (await this.#call(openSocketTicket, {})).ticket;
  }

  /** One at a time: two would refill twice. */
  #keepKeys(call: Call): Promise<'kept' | 'owed'> {
    this.#upkeeping ??= keepKeys({ ...this.#deps, call })
      .catch((error) => this.#explain(error))
      .finally(() => {
        this.#upkeeping = undefined;
      });
    return this.#upkeeping;
  }

  /** When the platform has another identity in the place of ours, the key log says whether the account was taken over. */
  async #explain(error: unknown): Promise<never> {
    if (isProblem(error, 'key.identity-exists')) {
      this.#keyLog.doubtOwn();
      await this.#keyLog.needOwn();
    }
    throw error;
  }

  /** For work that nothing waits for but the end: what fails is told, and done again by the next occasion. */
  #inBackground(work: Promise<unknown>): void {
    this.#untilEnd(work.catch((error) => this.#tell(error)));
  }

  /** That everything ends is no trouble. */
  #tell(error: unknown): void {
    const isEnd = error instanceof ClientError && error.code === 'client.closed';
    if (!isEnd && !this.#closing.signal.aborted) this.#deps.events.emit('trouble', { error });
  }

  #untilEnd(work: Promise<unknown>): void {
    this.#endings.add(work);
    const forget = () => this.#endings.delete(work);
    work.then(forget, forget);
  }

  #attend(send: SendFrame): void {
    const leaving = new AbortController();
    // The next connection looks after them itself, and does not wait for pauses of this one.
    const signal = AbortSignal.any([this.#closing.signal, leaving.signal]);
    const call = this.#patient(this.#deps, signal);
    const lookAfterKeys = () => this.#inBackground(this.#keepKeys(call));
    const upkeep = setInterval(() => {
      lookAfterKeys();
      this.#inBackground(forgetSent(this.#deps.store, this.#deps.local, this.#deps.clock()));
    }, UPKEEP_MS);
    const wake = (conversation: ConversationId) => this.wake(conversation);
    const repairer = createRepairer({ ...this.#deps, wake });
    const onMissed = repairer.wake;
    const inBackground = (work: Promise<void>) => this.#inBackground(work);
    const learning = this.#learning;
    const receiver = createReceiver({
      ...{ ...this.#deps, keyLog: this.#keyLog, wake, onMissed, inBackground },
      ...{ send, onPrekeyUsed: lookAfterKeys, learnAgain: learning.again },
      prove: (contact) => this.#proofs.need([contact]),
      readLog: (conversation) => inBackground(learning.readLog(conversation)),
    });
    const room = { left: IN_FLIGHT_MAX, onFreed: () => this.#wakeLanes() };
    const began = { lanes: new Map(), tail: Promise.resolve(), incoming: [], isGreeted: false };
    this.#attendance = { send, receiver, repairer, room, upkeep, leaving, lookAfterKeys, ...began };
    if (this.#prepared === 'owed') lookAfterKeys();
    this.#deps.presences.attend(send);
  }

  #leave(): void {
    const here = this.#attendance;
    if (here === undefined) return;
    this.#attendance = undefined;
    this.#deps.presences.leave();
    clearInterval(here.upkeep);
    here.leaving.abort();
    const lanes = [...here.lanes.values()].map((lane) => lane.stop());
    for (const ending of [here.tail, here.repairer.stop(), ...lanes]) this.#untilEnd(ending);
  }

  #take(frame: ServerFrame): void {
    const here = this.#attendance;
    if (here === undefined) return;
    switch (frame.type) {
      case 'hello':
        this.#deps.events.emit('connected', { incarnation: frame.incarnation });
        this.#opened.resolve();
        this.#inTurn(here, () => this.#greet(here, frame));
        this.#checkOwnLeaf();
        break;
      case 'cursors':
        here.incoming = [];
        this.#inTurn(here, async () =>
          this.#readUpTo(here, await takeCursors(this.#deps, frame.cursors)),
        );
        break;
      case 'stored': {
        const lane = here.lanes.get(frame.conversation);
        if (lane) this.#watch(here, lane.onStored(frame.number, frame));
        break;
      }
      case 'refused':
        here.lanes.get(frame.conversation)?.onRefused(frame.number, frame.problem);
        break;
      case 'prekeys-low':
        here.lookAfterKeys();
        break;
      case 'keys-changed':
        this.#followKeys(frame);
        break;
      case 'presence':
        this.#deps.presences.take(frame);
        break;
      case 'delivered':
        this.#deliveries.note(frame);
        break;
      case 'ephemeral':
        this.#hear(frame);
        break;
      default:
        this.#receive(here, frame);
    }
  }

  #receive(here: Attendance, frame: IncomingFrame): void {
    const { incoming, receiver } = here;
    incoming.push(frame);
    this.#inTurn(here, async () => {
      const run = takeRun(incoming);
      if (run !== undefined) await receiver.take(run);
    });
  }

  #inTurn(here: Attendance, work: () => Promise<void>): void {
    here.tail = here.tail.then(work);
    this.#watch(here, here.tail);
  }

  async #greet(here: Attendance, hello: Extract<ServerFrame, { type: 'hello' }>): Promise<void> {
    const behind = await takeHello(this.#deps, hello);
    here.isGreeted = true;
    await this.#startLanes(here);
    here.repairer.wake();
    await this.#proofs.needOwed();
    await this.#readUpTo(here, behind);
    this.#inBackground(this.#learning.need().then(() => this.#readPassedOver(here)));
  }

  /** Groups may have turned out to be sound. What cannot be read does not end the connection, or no other would last. */
  async #readPassedOver(here: Attendance): Promise<void> {
    const { store } = this.#deps;
    const found = await listPassedOver(store, { isBegun: true });
    if (here !== this.#attendance) return;
    for (const conversation of found) {
      this.#inTurn(here, async () => {
        if (here !== this.#attendance) return;
        const toItsEnd = { conversation, last: Number.MAX_SAFE_INTEGER };
        await this.#readUpTo(here, [toItsEnd]).catch((error) => {
          if (!isProblem(error, 'conversation.not-found')) return this.#tell(error);
          return forgetPassedOver(store, conversation);
        });
      });
    }
  }

  /** The platform does not send what this device has acknowledged, though the store may not have it any more. */
  async #readUpTo(here: Attendance, behind: Behind): Promise<void> {
    if (behind.length > 0) await here.receiver.take({ type: 'heads', heads: behind });
  }

  #followKeys({ user, what }: Extract<ServerFrame, { type: 'keys-changed' }>): void {
    const isOwn = user === this.#deps.local.address.user;
    if (what === 'device-list') this.#inBackground(this.#followList(user, isOwn));
    else if (isOwn) this.#checkOwnLeaf();
    else this.#inBackground(noteIdentity(this.#deps, user));
  }

  async #followList(user: UserId, isOwn: boolean): Promise<void> {
    await refreshList(this.#deps, user);
    if (isOwn) this.#deps.events.emit('devices-changed', {});
  }

  /** What cannot be stored, or is not of the contract, ends its connection: the next one delivers it again. */
  #watch(here: Attendance, work: Promise<void>): void {
    work.catch((error) => {
      this.#tell(error);
      if (here === this.#attendance) this.#socket.reopen(error);
    });
  }

  /** At each start, even when there is nothing to send: somebody else may be this account by now. */
  #checkOwnLeaf(): void {
    this.#keyLog.doubtOwn();
    this.#inBackground(this.#keyLog.needOwn());
  }

  #wakeLanes(): void {
    for (const lane of this.#attendance?.lanes.values() ?? []) lane.wake();
  }

  async #startLanes(here: Attendance): Promise<void> {
    const waiting = await this.#deps.store.transaction(outboxConversations);
    if (this.#attendance !== here) return;
    for (const conversation of waiting) this.#laneOf(here, conversation);
  }

  #laneOf(here: Attendance, conversation: ConversationId): Lane {
    const known = here.lanes.get(conversation);
    if (known !== undefined) return known;
    const lane = new Lane(
      {
        ...this.#deps,
        keyLog: this.#keyLog,
        proofs: this.#proofs,
        send: here.send,
        room: here.room,
      },
      conversation,
    );
    here.lanes.set(conversation, lane);
    return lane;
  }
}
