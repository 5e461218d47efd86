/** Connections to the services, kept open between requests. */
import { Agent, type ClientRequest, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { connect, type Socket } from 'node:net';
import { CONNECT_MS, DOUBT_MS, FILE_SILENCE_MS, SILENCE_MS } from './limits.ts';
import { SERVICE_NAMES, type ServiceName } from './route-table.ts';

export interface Outgoing {
  method: string;
  path: string;
  /** Names and values in turn. */
  headers: string[];
}

/** The way to one service. */
export interface Wire {
  /** What it is called in a Host header. */
  host: string;
  /** Begins a request. It fails when there is no connection or no answer's head in time. */
  open(outgoing: Outgoing): ClientRequest;
  close(): void;
}

export type Wires = Readonly<Record<ServiceName, Wire>>;

/** One for each service; each is given up when it is silent for so long. */
export function openWires(
  services: Readonly<Record<ServiceName, string>>,
  silenceMs?: number,
): Wires {
  const [auth, key, message, file] = SERVICE_NAMES;
  return {
    auth: openWire(services[auth], silenceMs),
    key: openWire(services[key], silenceMs),
    message: openWire(services[message], silenceMs),
    file: openWire(services[file], silenceMs ?? FILE_SILENCE_MS),
  };
}

/** There are never more connections than requests under way, and of those the server has a limit. */
const AGENT_OPTIONS = { keepAlive: true, scheduling: 'lifo' } as const;

/** To `http://host:port` or `https://host:port`. */
export function openWire(url: string, silenceMs = SILENCE_MS): Wire {
  const { protocol, hostname, port, host } = new URL(url);
  const isSecure = protocol === 'https:';
  const options = { ...AGENT_OPTIONS, timeout: silenceMs };
  const agent = isSecure ? new HttpsAgent(options) : new Agent(options);
  const send = isSecure ? httpsRequest : httpRequest;
  const place = {
    agent,
    // Without the brackets of an IPv6 address.
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? (isSecure ? 443 : 80) : Number(port),
  };
  const looks: Looks = new Map();
  return {
    host,
    open(outgoing) {
      const request = send({ ...place, ...outgoing });
      let isAnswered = false;
      request.once('response', () => {
        isAnswered = true;
      });
      request.once('socket', (socket) => {
        const isDue = (): boolean => !isAnswered && isItsTurn(request);
        const stop = watchSilence(socket, {
          ...{ silenceMs, isDue, looks },
          onEnd: (reason) => request.destroy(new Error(reason)),
        });
        request.once('close', stop);
        if (!socket.connecting) return;
        const timer = setTimeout(() => socket.destroy(new Error('no connection')), CONNECT_MS);
        socket.once('close', () => clearTimeout(timer));
        socket.once(isSecure ? 'secureConnect' : 'connect', () => clearTimeout(timer));
      });
      return request;
    },
    close: () => agent.destroy(),
  };
}

/** Not while the caller is still sending and the service takes all that comes. */
function isItsTurn(request: ClientRequest): boolean {
  return request.writableEnded || request.writableNeedDrain;
}

interface Watch {
  readonly silenceMs: number;
  /** Whether the other side is to say something. */
  isDue(): boolean;
  readonly looks: Looks;
  onEnd(reason: string): void;
}

/**
 * Gives up a connection that is silent for too long, and sooner one whose other end is not there any more: what was sent
 * over a connection from before is never refused by an address that nobody has. Gives what ends the watch.
 */
function watchSilence(socket: Socket, { silenceMs, isDue, looks, onEnd }: Watch): () => void {
  const lookMs = Math.min(DOUBT_MS, silenceMs);
  let isOver = false;
  let silentMs = 0;
  let before = 0;
  const onTimeout = async (): Promise<void> => {
    if (!isDue()) return;
    // What still waits here counts as written, and the other side may be taking it.
    const moved = socket.bytesRead + socket.bytesWritten - socket.writableLength;
    silentMs = moved === before ? silentMs + lookMs : lookMs;
    before = moved;
    if (silentMs >= silenceMs) return onEnd('no answer');
    const isGone = await isAddressGone(socket, looks);
    // The connection may serve another request by now.
    if (isOver || !isDue()) return;
    if (isGone) onEnd('no connection any more');
    else socket.setTimeout(lookMs);
  };
  // A connection that was idle has the time that the service told for idle ones, and Node tells of one end only.
  socket.setTimeout(lookMs);
  socket.on('timeout', onTimeout);
  return () => {
    isOver = true;
    socket.off('timeout', onTimeout);
  };
}

/** By address and port: whether nobody is there any more. One is kept for as long as it may take to come about. */
type Looks = Map<string, Promise<boolean>>;

/**
 * Nothing comes back from there, not even a refusal. All that wait for an address share a look: each takes a place in the
 * queue of a service that stands still, and a queue that is full answers nobody, though the service comes back.
 */
function isAddressGone({ remoteAddress, remotePort }: Socket, looks: Looks): Promise<boolean> {
  if (remoteAddress === undefined || remotePort === undefined) return Promise.resolve(false);
  const address = `${remoteAddress} ${remotePort}`;
  const shared = looks.get(address);
  if (shared !== undefined) return shared;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  looks.set(address, promise);
  const probe = connect({ host: remoteAddress, port: remotePort });
  probe.once('connect', () => {
    resolve(false);
    // Without a goodbye, which would hold a port of this machine for a minute.
    probe.resetAndDestroy();
  });
  probe.once('error', (error) => {
    resolve('code' in error && (error.code === 'EHOSTUNREACH' || error.code === 'ENETUNREACH'));
  });
  setTimeout(() => {
    looks.delete(address);
    resolve(true);
    probe.destroy();
  }, CONNECT_MS).unref();
  return promise;
}
