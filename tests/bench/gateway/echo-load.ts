/** WebSocket messages to a server that sends each of them back. */
import { once } from 'node:events';
import { SOCKET_PATH, SOCKET_PROTOCOL } from '@sotto/api';
import { WebSocket } from 'ws';

export interface EchoLoad {
  url: string;
  sockets: number;
  /** Messages of each socket that are under way. */
  inFlight: number;
  bytes: number;
  seconds: number;
}

export interface Echoed {
  /** There and back. */
  messages: number;
  seconds: number;
}

/** Messages there and back for a while. */
export async function echoLoad(options: EchoLoad): Promise<Echoed> {
  const sockets = await Promise.all(
    Array.from({ length: options.sockets }, () => open(options.url)),
  );
  const message = Buffer.alloc(options.bytes, 'x');
  const started = performance.now();
  const until = started + options.seconds * 1000;
  const each = sockets.map((socket) =>
    play(socket, { message, until, inFlight: options.inFlight }),
  );
  const counts = await Promise.all(each);
  const seconds = (performance.now() - started) / 1000;
  for (const socket of sockets) socket.terminate();
  return { messages: counts.reduce((sum, count) => sum + count, 0), seconds };
}

async function open(url: string): Promise<WebSocket> {
  const target = `${url.replace('http', 'ws')}${SOCKET_PATH}`;
  const socket = new WebSocket(target, [SOCKET_PROTOCOL], { perMessageDeflate: false });
  await once(socket, 'open');
  return socket;
}

interface Play {
  message: Buffer;
  until: number;
  inFlight: number;
}

function play(socket: WebSocket, { message, until, inFlight }: Play): Promise<number> {
  return new Promise((resolve, reject) => {
    let count = 0;
    let underWay = inFlight;
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the socket was closed')));
    socket.on('message', () => {
      count += 1;
      if (performance.now() < until) socket.send(message);
      else if (--underWay === 0) resolve(count);
    });
    for (let at = 0; at < inFlight; at++) socket.send(message);
  });
}
