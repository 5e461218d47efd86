/** Hears every subject that goes over a NATS server, in the server's own words: no client's idea of a subject between. */
import { once } from 'node:events';
import { connect } from 'node:net';

export interface NatsSpy {
  /** Every subject heard so far. */
  readonly subjects: ReadonlySet<string>;
  close(): Promise<void>;
}

/** Subscribes to `>`. Resolves when the server has taken note. */
export async function spyOnNats(url: string): Promise<NatsSpy> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const subjects = new Set<string>();
  const listening = Promise.withResolvers<void>();
  let pending: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk]);
    for (;;) {
      const end = pending.indexOf('\r\n');
      if (end === -1) return;
      const [word = '', subject = '', ...rest] = pending.toString('latin1', 0, end).split(' ');
      const isMessage = /^H?MSG$/.test(word);
      // A message's body stands behind its line, and is not read: it may look like anything.
      const next = end + 2 + (isMessage ? Number(rest.at(-1)) + 2 : 0);
      if (pending.length < next) return;
      pending = pending.subarray(next);
      if (isMessage) subjects.add(subject);
      else if (word === 'PING') socket.write('PONG\r\n');
      else if (word === 'PONG') listening.resolve();
      else if (word === '-ERR') listening.reject(new Error(`NATS says: ${subject} ${rest}`));
    }
  });
  socket.on('error', listening.reject);
  socket.write('CONNECT {"verbose":false,"headers":true}\r\nSUB > 1\r\nPING\r\n');
  await listening.promise;
  return {
    subjects,
    async close() {
      socket.end();
      await once(socket, 'close');
    },
  };
}
