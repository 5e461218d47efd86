/** Load over connections that are kept open: cheap to make, so that what is measured is the server. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface Load {
  url: string;
  path: string;
  headers: Readonly<Record<string, string>>;
  connections: number;
  seconds: number;
}

export interface Measured {
  requests: number;
  seconds: number;
  /** Milliseconds, in order of size. */
  latencies: Float64Array;
}

/** One request under way on each connection, all the time. Throws at the first answer that is not 200. */
export async function load({ url, path, headers, connections, seconds }: Load): Promise<Measured> {
  const { hostname, port, host } = new URL(url);
  const lines = Object.entries({ host, ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  const words = Buffer.from(`GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`);
  const started = performance.now();
  const until = started + seconds * 1000;
  const each = Array.from({ length: connections }, async () => {
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    await once(socket, 'connect');
    try {
      return await askAgainAndAgain(socket, words, until);
    } finally {
      socket.destroy();
    }
  });
  const latencies = Float64Array.from((await Promise.all(each)).flat()).sort();
  return { requests: latencies.length, seconds: (performance.now() - started) / 1000, latencies };
}

function askAgainAndAgain(socket: Socket, words: Buffer, until: number): Promise<number[]> {
  const latencies: number[] = [];
  return new Promise((resolve, reject) => {
    let asked = 0;
    let heard = '';
    let expected = -1;
    const ask = (): void => {
      heard = '';
      expected = -1;
      asked = performance.now();
      socket.write(words);
    };
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      heard += text;
      if (expected === -1) expected = lengthOf(heard);
      if (expected === -1 || heard.length < expected) return;
      if (!heard.startsWith('HTTP/1.1 200 ')) {
        reject(new Error(heard.slice(0, 500)));
        return;
      }
      const now = performance.now();
      latencies.push(now - asked);
      if (now < until) ask();
      else resolve(latencies);
    });
    socket.once('close', () => reject(new Error('the connection was closed')));
    socket.once('error', reject);
    ask();
  });
}

/** Of the whole answer; -1 while its head has not come whole. */
function lengthOf(heard: string): number {
  const end = heard.indexOf('\r\n\r\n');
  if (end === -1) return -1;
  const length = /\r\ncontent-length: (\d+)\r\n/i.exec(heard.slice(0, end + 2))?.[1];
  if (length === undefined) throw new Error(`an answer without a length: ${heard.slice(0, end)}`);
  return end + 4 + Number(length);
}

/** The value that a share of all lie below. */
export function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
