/** One open socket of one device: its frames in and out, its deadlines, its end. */
import type { Duplex } from 'node:stream';
import {
  ApiError,
  CLOSE_CODES,
  type ClientFrame,
  type ConversationId,
  type ProblemCode,
  type Stored,
  toProblem,
} from '@sotto/api';
import { type Caller, toApiError } from '@sotto/runtime';
import type { RawData, WebSocket } from 'ws';
import { parseClientFrame } from './client-frame.ts';
import type { Committer } from './committer.ts';
import { Delivery, type DeliveryDeps } from './delivery.ts';
import { greetingOf } from './greeting.ts';
import type { UserReader } from './history.ts';
import type { Attendee, Hint } from './hub.ts';
import type { Incarnation } from './incarnation.ts';
import {
  BUFFERED_BYTES_MAX,
  BUFFERED_PAUSE_BYTES,
  BUSY_RETRY_SECONDS,
  HEADS_PER_FRAME_MAX,
  LANES_PER_SOCKET_MAX,
  PING_MS,
  PONG_MS,
  SENDS_PER_SOCKET_MAX,
  SLOW_MS,
  STRANGE_SENDS_MAX,
} from './limits.ts';
import type { Live } from './live.ts';
import { deviceBytes } from './packed-recipients.ts';
import { makeSend } from './send.ts';
import { SendLane } from './send-lane.ts';
import { textFrame, writeFrame } from './socket-writer.ts';
import type { StoredMessage } from './stored-message.ts';

/** "Try again later" (RFC 6455 registry): something that the session needs is out of reach. */
const TRY_AGAIN_LATER = 1013;

export interface SocketSessionDeps extends DeliveryDeps {
  committer: Pick<Committer, 'submit'>;
  incarnation: Incarnation;
  live: Pick<Live, 'noteDelivered' | 'pass' | 'watch'>;
}

export interface SocketSessionOptions {
  socket: WebSocket;
  /** The connection below the socket. */
  stream: Duplex;
  caller: Caller;
  /** Called once, when nothing more is to be sent to the socket. */
  onEnd(session: SocketSession): void;
  /** Called once, when the connection is gone. */
  onGone(session: SocketSession): void;
}

type SendFrame = Extract<ClientFrame, { type: 'send' }>;

export class SocketSession implements Attendee {
  readonly user;
  readonly device;
  readonly session;
  readonly #deps: SocketSessionDeps;
  readonly #socket: WebSocket;
  readonly #stream: Duplex;
  readonly #expiresAt: number;
  readonly #onEnd: SocketSessionOptions['onEnd'];
  readonly #gone: Promise<void>;
  readonly #delivery: Delivery;
  /** Made by the first send: most sockets listen. */
  #lanes: Map<ConversationId, SendLane> | undefined;
  #sendsUnderWay = 0;
  #strangeSends = 0;
  #isGreeted = false;
  #hasEnded = false;
  #isFull = false;
  /** Moments as `performance.now()`: since when the socket is full, and of the last ping and whether it was answered. */
  #fullSince = 0;
  #pingedAt = performance.now();
  #isPongDue = false;

  constructor(deps: SocketSessionDeps, options: SocketSessionOptions) {
    const { socket, stream, caller, onEnd, onGone } = options;
    const { user, device, session, expiresAt } = caller;
    this.user = user;
    this.device = device;
    this.session = session;
    this.#deps = deps;
    this.#socket = socket;
    this.#stream = stream;
    this.#expiresAt = expiresAt;
    this.#onEnd = onEnd;
    const reader: UserReader = { user, device, bytes: deviceBytes(device) };
    this.#delivery = new Delivery(deps, {
      reader,
      origin: this,
      outlet: {
        send: (text) => this.#send(text),
        sendFrame: (frame) => this.#sendFrame(frame),
        isFull: () => this.#isFull,
      },
      onStranger: () => this.#refuseFrame('conversation.not-found'),
    });
    socket.on('message', (data, isBinary) => this.#onMessage(data, isBinary));
    socket.on('pong', () => {
      this.#isPongDue = false;
    });
    // A close event follows each error, with the code that says what it was.
    socket.on('error', () => undefined);
    this.#gone = new Promise((resolve) => {
      socket.on('close', (code) => {
        deps.events.socketClosed(code);
        this.#end();
        onGone(this);
        resolve();
      });
    });
    // Nothing is heard before the greeting, for nothing may be answered before it: it waits with the client.
    socket.pause();
    deps.events.socketOpened();
  }

  /** Greets the device and begins to send what it has missed. Live messages must be coming in already. */
  async start(): Promise<void> {
    try {
      for await (const frame of greetingOf(this.#deps, this)) this.#send(frame);
      this.#isGreeted = true;
      this.#socket.resume();
      await this.#delivery.catchUp();
    } catch (error) {
      this.#giveUp(error);
    }
  }

  deliver(conversation: ConversationId, messages: readonly StoredMessage[], joined: number): void {
    // What comes before the greeting is in the database, where the catch-up finds it.
    if (this.#hasEnded || !this.#isGreeted) return;
    try {
      this.#delivery.take(conversation, messages, joined);
    } catch (error) {
      this.#giveUp(error);
    }
  }

  tell(hint: Hint): void {
    // Greeted, a client looks after its keys by itself; before that it expects nothing but `hello`.
    if (this.#isGreeted) this.#send(JSON.stringify(hint));
  }

  pass(text: string): void {
    if (this.#isGreeted && !this.#isFull) this.#send(text);
  }

  async recheck(): Promise<void> {
    if (this.#hasEnded || !this.#isGreeted) return;
    try {
      await this.#delivery.recheck();
    } catch (error) {
      this.#giveUp(error);
    }
  }

  /** Looks at every deadline. `now` is wall-clock time, for the token; `moment` a `performance.now()`, for the rest. */
  tick(now: number, moment: number): void {
    if (this.#hasEnded) return;
    this.#delivery.stillness.look(moment);
    if (now >= this.#expiresAt) {
      this.close(CLOSE_CODES.tokenEnded);
    } else if (this.#isPongDue && moment - this.#pingedAt > PONG_MS) {
      this.#end();
      this.#socket.terminate();
    } else if (this.#isFull && moment - this.#fullSince > SLOW_MS) {
      this.close(CLOSE_CODES.slow);
    } else if (this.#isGreeted && moment - this.#pingedAt > PING_MS) {
      this.#pingedAt = moment;
      this.#isPongDue = true;
      this.#socket.ping();
      this.#sendHeads();
    }
  }

  /** For how long something has been owed to the device, and nothing moved. */
  stillForMs(moment: number): number {
    return this.#hasEnded ? 0 : this.#delivery.stillness.lasted(moment);
  }

  /** Closes with a code that says what the client is to do. */
  close(code: number, reason = ''): void {
    this.#end();
    this.#socket.close(code, reason);
  }

  /** Sends the device to another node. Resolves when the connection is gone, which takes CLOSE_MS at most. */
  drain(): Promise<void> {
    this.close(CLOSE_CODES.draining);
    return this.#gone;
  }

  #end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    // Or the client's half of the closing handshake would not be heard.
    this.#socket.resume();
    this.#delivery.close();
    this.#onEnd(this);
  }

  #giveUp(error: unknown): void {
    if (this.#hasEnded) return;
    const { code } = toApiError(error);
    if (code === 'internal') this.#deps.events.socketFailed(error);
    else this.#deps.events.readFailed(error);
    this.close(TRY_AGAIN_LATER, code);
  }

  #onMessage(data: RawData, isBinary: boolean): void {
    if (this.#hasEnded) return;
    const frame = isBinary ? undefined : parseClientFrame(String(data));
    if (frame === undefined) this.#refuseFrame('request.malformed');
    else if (!frame.success) this.#refuseFrame('request.invalid');
    else this.#onFrame(frame.data);
  }

  #onFrame(frame: ClientFrame): void {
    switch (frame.type) {
      case 'send':
        this.#onSend(frame);
        return;
      case 'withdraw':
        if (!this.#lanes?.get(frame.conversation)?.withdraw(frame.number)) {
          this.#refuseFrame('request.invalid');
        }
        return;
      case 'ack':
        this.#delivery.acknowledge(frame.conversation, frame.seq);
        return;
      case 'ephemeral':
        this.#deps.live.pass(this, frame);
        return;
      case 'watch':
        this.#deps.live.watch(this, frame.users);
        return;
      default:
        frame satisfies never;
    }
  }

  #onSend(frame: SendFrame): void {
    const lane = this.#laneOf(frame.message.conversation);
    if (lane === undefined) {
      this.close(CLOSE_CODES.slow);
      return;
    }
    switch (lane.admit(frame.number)) {
      case 'misnumbered':
        this.#refuseFrame('request.invalid');
        return;
      case 'after-refused':
        this.#sendRefused(frame, new ApiError('message.after-refused'));
        return;
      default:
        this.#submit(frame, lane);
    }
  }

  #laneOf(conversation: ConversationId): SendLane | undefined {
    this.#lanes ??= new Map();
    const known = this.#lanes.get(conversation);
    if (known !== undefined || this.#lanes.size >= LANES_PER_SOCKET_MAX) return known;
    const lane = new SendLane();
    this.#lanes.set(conversation, lane);
    return lane;
  }

  #submit(frame: SendFrame, lane: SendLane): void {
    const { user, device } = this;
    const { message, number } = frame;
    const answer = {
      onStored: (stored: Stored) => {
        this.#sendsUnderWay -= 1;
        this.#sendStored(stored, number);
      },
      onRefused: (error: ApiError) => {
        this.#sendsUnderWay -= 1;
        if (error.code !== 'message.after-refused') lane.refused(number);
        this.#sendRefused(frame, error);
        if (error.code === 'conversation.not-found') this.#countStranger();
      },
    };
    this.#sendsUnderWay += 1;
    try {
      if (this.#sendsUnderWay > SENDS_PER_SOCKET_MAX) throw busy();
      const send = makeSend({ message, sender: { user, device }, lane, answer, origin: this });
      this.#deps.committer.submit(send);
    } catch (error) {
      answer.onRefused(toApiError(error));
    }
  }

  #countStranger(): void {
    this.#strangeSends += 1;
    if (this.#strangeSends === STRANGE_SENDS_MAX) this.#refuseFrame('conversation.not-found');
  }

  #sendStored({ id, conversation, seq, sentAt }: Stored, number: number): void {
    this.#send(
      `{"type":"stored","number":${number},"id":"${id}","conversation":"${conversation}",` +
        `"seq":${seq},"sentAt":"${sentAt}"}`,
    );
  }

  #sendRefused({ message, number }: SendFrame, error: ApiError): void {
    const { id, conversation } = message;
    this.#deps.events.refused(error.code);
    const problem = toProblem(error);
    this.#send(JSON.stringify({ type: 'refused', id, conversation, number, problem }));
  }

  /** At least one frame, though nothing moved: browsers see no pings, and would take the connection for dead. */
  #sendHeads(): void {
    const heads = this.#delivery.takeHeads();
    let start = 0;
    do {
      const page = heads.slice(start, start + HEADS_PER_FRAME_MAX);
      this.#send(JSON.stringify({ type: 'heads', heads: page }));
      start += HEADS_PER_FRAME_MAX;
    } while (start < heads.length);
  }

  #refuseFrame(code: ProblemCode): void {
    this.close(CLOSE_CODES.badFrame, code);
  }

  /** Sends a frame, unless the socket has taken too little of those before: then it ends, and the heap is safe. */
  #send(text: string): void {
    if (!this.#hasEnded) this.#sendFrame(textFrame(text));
  }

  #sendFrame(frame: Buffer): void {
    if (this.#hasEnded) return;
    const { writableLength } = this.#stream;
    if (writableLength > BUFFERED_BYTES_MAX) {
      this.close(CLOSE_CODES.slow);
      return;
    }
    if (writableLength < BUFFERED_PAUSE_BYTES) {
      writeFrame(this.#stream, frame);
      return;
    }
    writeFrame(this.#stream, frame, () => this.#onDrained());
    if (this.#isFull) return;
    this.#isFull = true;
    this.#fullSince = performance.now();
  }

  #onDrained(): void {
    if (this.#hasEnded || this.#stream.writableLength > BUFFERED_PAUSE_BYTES / 2) return;
    this.#isFull = false;
    this.#delivery.resume();
  }
}

function busy(): ApiError {
  return new ApiError('message.busy', { retryAfter: BUSY_RETRY_SECONDS });
}
