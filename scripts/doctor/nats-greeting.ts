/** The first words with a NATS server (client protocol): enough to know what it is and whether it lets us in. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { z } from 'zod';

const Info = z.object({ version: z.string(), jetstream: z.boolean().default(false) });

export interface NatsQuestion {
  url: string;
  ca?: string | undefined;
  withinMs: number;
}

/** Connects, logs in, and leaves. Rejects with the server's own error, which names no secret. */
export async function askNats({ url, ca, withinMs }: NatsQuestion): Promise<z.output<typeof Info>> {
  const { hostname, port, username, password, protocol } = new URL(url);
  const plain = connect({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 4222) });
  // Whoever waits for a line is told by its end; between two nobody listens.
  plain.on('error', () => undefined);
  const late = AbortSignal.timeout(withinMs);
  late.addEventListener('abort', () => plain.destroy(new Error('no answer')));
  try {
    const info = Info.parse(JSON.parse((await lineOf(plain)).replace(/^INFO /, '')));
    const socket = protocol === 'tls:' || ca ? await secure(plain, hostname, ca) : plain;
    const user = decodeURIComponent(username);
    const pass = decodeURIComponent(password);
    const words = { verbose: false, pedantic: false, ...(user && { user, pass }) };
    socket.write(`CONNECT ${JSON.stringify(words)}\r\nPING\r\n`);
    const answer = await lineOf(socket);
    if (!answer.startsWith('PONG')) throw new Error(answer.replace(/^-ERR /, ''));
    return info;
  } finally {
    plain.destroy();
  }
}

async function secure(socket: Socket, host: string, ca: string | undefined): Promise<Socket> {
  const secured = connectTls({
    socket,
    host,
    servername: host,
    ...(ca && { ca: readFileSync(ca) }),
  });
  secured.on('error', () => undefined);
  await beforeEnd(secured, once(secured, 'secureConnect'));
  return secured;
}

/** Lines are short, and the server says one at a time. */
function lineOf(socket: Socket): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let text = '';
  const take = (chunk: Buffer): void => {
    text += chunk.toString();
    const end = text.indexOf('\r\n');
    if (end !== -1) resolve(text.slice(0, end));
  };
  socket.on('data', take);
  return beforeEnd(socket, promise).finally(() => socket.off('data', take));
}

/** Rejects once the socket has ended without what is waited for: of a peer that only closes nothing else is heard. */
async function beforeEnd<Result>(socket: Socket, wanted: Promise<Result>): Promise<Result> {
  const { promise, reject } = Promise.withResolvers<never>();
  const onError = (error: Error): void => reject(error);
  const onEnd = (): void => reject(new Error('it closed the connection'));
  socket.once('error', onError).once('close', onEnd).once('end', onEnd);
  try {
    return await Promise.race([wanted, promise]);
  } finally {
    socket.off('error', onError).off('close', onEnd).off('end', onEnd);
  }
}
