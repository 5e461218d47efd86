/** An upload said by hand: its head promises what it likes, and its body comes as the test wants it. */
import { once } from 'node:events';
import { connect } from 'node:net';

export interface SpokenBody {
  /** All that is answered until the connection ends. */
  heard: Promise<string>;
  /** Resolves when the bytes have left, also when nobody listens any more. False then. */
  say(bytes: Uint8Array | string): Promise<boolean>;
  /** Says so much that it never ends, until somebody hangs up. Resolves to the bytes that left. */
  sayForEver(piece: Uint8Array): Promise<number>;
  /** There is nothing more to come. */
  end(): void;
  /** Goes away. */
  leave(): void;
}

export interface SpokenHead {
  token: string;
  method?: string;
  path?: string;
  headers: Readonly<Record<string, string>>;
}

/** Opens a connection and says the head. */
export async function speakBody(origin: string, head: SpokenHead): Promise<SpokenBody> {
  const { method = 'POST', path = '/api/v1/files/upload', token, headers } = head;
  const { hostname, port, host } = new URL(origin);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  await once(socket, 'connect');
  let text = '';
  socket.setEncoding('latin1').on('data', (piece) => {
    text += piece;
  });
  // Those whom it tells of have heard why, or will see the connection end.
  socket.on('error', () => undefined);
  const heard = new Promise<string>((resolve) => socket.once('close', () => resolve(text)));
  const lines = Object.entries({ host, authorization: `Bearer ${token}`, ...headers });
  const words = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  socket.write(`${method} ${path} HTTP/1.1\r\n${words}\r\n`);
  const say = (bytes: Uint8Array | string): Promise<boolean> => {
    return new Promise((resolve) => {
      if (socket.destroyed) resolve(false);
      else socket.write(bytes, (error) => resolve(!error));
    });
  };
  return {
    heard,
    say,
    async sayForEver(piece) {
      let bytes = 0;
      while (await say(piece)) bytes += piece.length;
      return bytes;
    },
    end: () => void socket.end(),
    leave: () => void socket.destroy(),
  };
}

/** A piece of a body of unknown length. */
export function chunked(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([
    Buffer.from(`${bytes.length.toString(16)}\r\n`),
    bytes,
    Buffer.from('\r\n'),
  ]);
}

/** Status and problem code of the first answer in what was heard, such as `413 request.too-large`. */
export function refusalIn(heard: string): string {
  const status = /^HTTP\/1\.1 (\d{3}) /.exec(heard)?.[1];
  const code = /"code":"([^"]+)"/.exec(heard)?.[1];
  return [status ?? 'nothing', code].filter((word) => word !== undefined).join(' ');
}
