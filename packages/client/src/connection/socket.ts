/** The connection: one WebSocket at a time, opened again after each end, with growing pauses. */
import {
  ApiError,
  CLOSE_CODES,
  ClientFrame,
  ServerFrame,
  SOCKET_PATH,
  SOCKET_PROTOCOL,
  SOCKET_TICKET_PREFIX,
} from '@sotto/api';
import * as z from 'zod/mini';
import { ClientError, type ClientErrorCode, ConnectionError, isProblem } from '../errors.ts';
import {
  BACK_OFF_MS_MAX,
  DRAIN_JITTER_MS,
  HURRY_PAUSE_MS,
  PAUSE_MS_MAX,
  SOCKET_CLOSE_MS_MAX,
  SOCKET_OPEN_MS_MAX,
  SOCKET_SILENCE_MS_MAX,
} from '../limits.ts';
import { askedMs, backOffMs, pause } from './back-off.ts';

/** Frames towards the platform, for as long as one connection lives. Afterwards they go nowhere. */
export type SendFrame = (frame: ClientFrame) => void;

export interface SocketOptions {
  /** Origin of the platform, `http:` or `https:`. */
  readonly url: string;
  readonly WebSocket: typeof globalThis.WebSocket;
  readonly random: () => number;
  /** Does what must precede a connection, and gives a ticket for one. */
  ticket(): Promise<string>;
  onOpen(send: SendFrame): void;
  /** Called in the order in which frames came, `hello` first. An error ends the connection. */
  onFrame(frame: ServerFrame): void;
  /** Called once after each connection and each failed attempt. Without `retryMs` no other one follows. */
  onDown(ended: { error: unknown; retryMs?: number }): void;
}

export interface Socket {
  /** Ends the connection, if there is one, and opens another. For when what it delivers cannot be stored. */
  reopen(error: unknown): void;
  /** Ends the pause before the next attempt, and begins with short ones again. Heard every few seconds. */
  hurry(): void;
  /** Ends the connection and opens none again. Resolves when nothing of it is left. */
  close(): Promise<void>;
}

/** How a connection ended. */
interface Ending {
  /** The platform had taken it. */
  readonly lasted: boolean;
  /** And it was not us who ended it soon after, as what it brought could not be taken. */
  readonly wasOfUse?: boolean;
  readonly error: unknown;
  readonly code?: number;
}

/** Opens a connection and keeps one open until `close`, or until trying again is of no use. */
export function openSocket(options: SocketOptions): Socket {
  const closing = new AbortController();
  let current = new AbortController();
  let waiting = new AbortController();
  let attempt = 0;
  let hurriedAt = Number.NEGATIVE_INFINITY;

  async function keepOpen(): Promise<void> {
    while (!closing.signal.aborted) {
      current = new AbortController();
      const ending = await connectOnce(options, AbortSignal.any([closing.signal, current.signal]));
      if (closing.signal.aborted) return;
      if (isFinal(ending.error)) return options.onDown({ error: ending.error });
      if (ending.wasOfUse) attempt = 0;
      const retryMs = retryMsAfter(ending, attempt++, options.random());
      waiting = new AbortController();
      options.onDown({ error: ending.error, retryMs });
      await pause(retryMs, AbortSignal.any([closing.signal, waiting.signal]));
    }
  }

  const ended = keepOpen();
  return {
    reopen(error) {
      current.abort(error);
    },
    hurry() {
      const now = performance.now();
      if (now - hurriedAt < HURRY_PAUSE_MS) return;
      hurriedAt = now;
      attempt = 0;
      waiting.abort();
    },
    close() {
      closing.abort(new ClientError('client.closed', 'the client was closed'));
      return ended;
    },
  };
}

async function connectOnce(options: SocketOptions, signal: AbortSignal): Promise<Ending> {
  let ticket: string;
  try {
    ticket = await options.ticket();
  } catch (error) {
    return { lasted: false, error };
  }
  if (signal.aborted) return { lasted: false, error: signal.reason };
  const target = new URL(SOCKET_PATH, options.url);
  target.protocol = target.protocol === 'https:' ? 'wss:' : 'ws:';
  const protocols = [SOCKET_PROTOCOL, `${SOCKET_TICKET_PREFIX}${ticket}`];
  return attend(new options.WebSocket(target, protocols), options, signal);
}

/** Listens to a socket until it ends, falls silent or is aborted. */
function attend(socket: WebSocket, options: SocketOptions, signal: AbortSignal): Promise<Ending> {
  return new Promise((resolve) => {
    let lastsSince: number | undefined;
    let timer: ReturnType<typeof setTimeout>;
    const expectWithin = (ms: number, what: string) => {
      clearTimeout(timer);
      timer = setTimeout(() => leave(new ConnectionError(what)), ms);
    };
    const finish = (ending: Pick<Ending, 'error' | 'code'>) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      socket.onclose = socket.onmessage = null;
      const lasted = lastsSince !== undefined;
      const livedMs = performance.now() - (lastsSince ?? performance.now());
      const wasOfUse = lasted && (ending.code !== undefined || livedMs >= BACK_OFF_MS_MAX);
      resolve({ lasted, wasOfUse, ...ending });
    };
    /** Says goodbye, but does not wait long for a peer that may be gone. */
    const leave = (error: unknown) => {
      clearTimeout(timer);
      socket.onmessage = null;
      socket.onclose = () => finish({ error });
      timer = setTimeout(() => finish({ error }), SOCKET_CLOSE_MS_MAX);
      socket.close(1000);
    };
    const abort = () => leave(signal.reason);
    signal.addEventListener('abort', abort);
    socket.onerror = () => {}; // A close event follows each error, and says more.
    socket.onclose = ({ code, reason }) => finish({ code, error: explainClose(code, reason) });
    socket.onmessage = ({ data }) => {
      expectWithin(SOCKET_SILENCE_MS_MAX, 'the connection fell silent');
      try {
        const frame = decodeFrame(data);
        if (frame?.type === 'hello') {
          if (lastsSince !== undefined)
            throw new ClientError('answer.invalid', 'a second greeting');
          lastsSince = performance.now();
          options.onOpen((outgoing) => sendFrame(socket, outgoing));
        }
        if (frame !== undefined) options.onFrame(frame);
      } catch (error) {
        leave(error);
      }
    };
    expectWithin(SOCKET_OPEN_MS_MAX, 'the connection did not open in time');
  });
}

const Typed = z.object({ type: z.string() });
const knownTypes = new Set(
  ServerFrame.def.options.flatMap<string>(({ shape }) => shape.type.def.values),
);

/** A frame, or undefined for one of a newer release. Throws `answer.invalid` for what breaks the contract. */
function decodeFrame(data: unknown): ServerFrame | undefined {
  const json = typeof data === 'string' ? parseJson(data) : undefined;
  const frame = z.safeDecode(ServerFrame, json as z.input<typeof ServerFrame>);
  if (frame.success) return frame.data;
  const typed = Typed.safeParse(json);
  if (typed.success && !knownTypes.has(typed.data.type)) return undefined;
  throw new ClientError('answer.invalid', 'a frame breaks the contract', { cause: frame.error });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // Not JSON is not of the contract either; the caller says so.
  }
}

function sendFrame(socket: WebSocket, frame: ClientFrame): void {
  if (socket.readyState !== socket.OPEN) return; // Its end is on the way, and everything is sent again after it.
  socket.send(JSON.stringify(z.encode(ClientFrame, frame)));
}

/** What ends a connection for good is an error of its own; from everything else it recovers by itself. */
function explainClose(code: number, reason: string): Error {
  const message = `the connection ended with ${code}${reason && ` ${reason}`}`;
  if (code === CLOSE_CODES.replaced) return new ClientError('connection.replaced', message);
  if (code === CLOSE_CODES.badFrame) return new ClientError('connection.refused', message);
  return new ConnectionError(message);
}

/** Whether only the application can help, because the same would happen again. */
const FINAL: readonly ClientErrorCode[] = [
  'account.missing',
  'account.logged-out',
  'account.compromised',
  'connection.replaced',
  'connection.refused',
];

function isFinal(error: unknown): boolean {
  if (isProblem(error, 'auth.fresh-needed')) return true;
  return error instanceof ClientError && FINAL.includes(error.code);
}

/**
 * A node that goes down says so while others are ready; what merely breaks may be the only one. Later than asked, each by
 * another while: those who were refused together do not come back together.
 */
function retryMsAfter({ lasted, code, error }: Ending, attempt: number, random: number): number {
  if (lasted && code === CLOSE_CODES.draining) return Math.round(random * DRAIN_JITTER_MS);
  const asked = error instanceof ApiError ? askedMs(error.options.retryAfter) : 0;
  return Math.min(PAUSE_MS_MAX, asked + backOffMs(attempt, random));
}
