/** Fetches bundles over one connection kept open, with as little work of its own as can be: what is measured is the other side. */
import { connect, type Socket } from 'node:net';

/** An answer's status and its body's text. */
export interface RawAnswer {
  status: number;
  body: string;
}

export interface BundleCaller {
  /** Rejects when the connection breaks before the whole answer was there. */
  fetch(user: string, authorization: string): Promise<RawAnswer>;
  close(): void;
}

const END_OF_HEAD = Buffer.from('\r\n\r\n');

/** Connects to a service. One fetch at a time. */
export async function openBundleCaller(url: string): Promise<BundleCaller> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  socket.removeAllListeners('error');
  return {
    fetch(user, authorization) {
      const answer = readAnswer(socket);
      socket.write(
        `GET /api/v1/keys/bundle/${user} HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: ${authorization}\r\n\r\n`,
      );
      return answer;
    },
    close: () => socket.destroy(),
  };
}

function readAnswer(socket: Socket): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    let read: Buffer = Buffer.alloc(0);
    const settle = (outcome: () => void): void => {
      socket.off('data', onData).off('error', onEnd).off('close', onEnd);
      outcome();
    };
    const onEnd = (): void => settle(() => reject(new Error('the connection broke')));
    const onData = (data: Buffer): void => {
      read = read.length === 0 ? data : Buffer.concat([read, data]);
      const answer = parse(read);
      if (answer !== undefined) settle(() => resolve(answer));
    };
    socket.on('data', onData).on('error', onEnd).on('close', onEnd);
    if (socket.destroyed) onEnd();
  });
}

/** The answer once it is whole; our services send a length or, for what is streamed, chunks. */
function parse(read: Buffer): RawAnswer | undefined {
  const end = read.indexOf(END_OF_HEAD);
  if (end === -1) return undefined;
  const head = read.toString('latin1', 0, end);
  const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? Number.NaN);
  if (Number.isNaN(length)) throw new Error(`an answer without a length: ${head}`);
  const start = end + END_OF_HEAD.length;
  if (read.length < start + length) return undefined;
  return { status: Number(head.slice(9, 12)), body: read.toString('utf8', start, start + length) };
}
