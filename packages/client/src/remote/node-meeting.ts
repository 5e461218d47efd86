/** Processes of one user that share a SQLite store: whoever has the file listens on a socket beside it. */
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { pause } from '../connection/back-off.ts';
import { ClientError } from '../errors.ts';
import { STORE_POLL_MS } from '../limits.ts';
import type { Store } from '../store/store.ts';
import type { Line } from './line.ts';
import type { Meeting } from './meeting.ts';
import { socketLine } from './node-socket.ts';

/** What the address of a socket has room for on macOS, where it is shortest. */
const SOCKET_PATH_BYTES_MAX = 103;

/**
 * A place among the processes that share the store at `path`. Throws a `RangeError` for a path that is too long for a socket
 * beside it.
 */
export function meetProcesses(path: string, openStore: () => Promise<Store>): Meeting {
  const socketPath = `${path}.sock`;
  if (Buffer.byteLength(socketPath) > SOCKET_PATH_BYTES_MAX) {
    throw new RangeError(
      `the path of a store that is shared has at most ${SOCKET_PATH_BYTES_MAX - 5} bytes`,
    );
  }
  const leaving = new AbortController();
  return {
    async open() {
      try {
        return await openStore();
      } catch (error) {
        if (error instanceof ClientError && error.code === 'store.locked') return undefined;
        throw error;
      }
    },
    host: (onLine) => listen(socketPath, (socket) => onLine(socketLine(socket))),
    async join() {
      const line = await reach(socketPath);
      leaving.signal.addEventListener('abort', () => line?.close());
      return line;
    },
    // Not all of them at once.
    pause: () => pause(STORE_POLL_MS * (0.5 + Math.random()), leaving.signal),
    async leave() {
      leaving.abort();
    },
  };
}

/** For the store's owner only, by the mode of the socket. What lies in its place is of one that was killed. */
async function listen(
  path: string,
  onSocket: (socket: Socket) => void,
): Promise<() => Promise<void>> {
  rmSync(path, { force: true });
  const server = createServer(onSocket);
  const listening = once(server, 'listening');
  // Node binds before this returns, so nothing else is made under this mask.
  const before = process.umask(0o177);
  try {
    server.listen(path);
  } finally {
    process.umask(before);
  }
  await listening;
  return async () => {
    // Removes the socket at once. Those who are connected are not waited for.
    server.close();
  };
}

async function reach(path: string): Promise<Line | undefined> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return socketLine(socket);
  } catch {
    // Nobody listens yet, or not any more: the next who has the store will.
    return undefined;
  }
}
