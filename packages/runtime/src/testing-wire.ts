/** A wire to a real server that a test can cut, to see what a dead server does to us. */

import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';

export interface CuttableWire {
  /** The server's URL with the wire's own address in it. */
  url: string;
  /** Ends all connections and refuses new ones. */
  cut(): void;
  /** Lets open connections stand and passes nothing on, as when a machine dies. New ones work. */
  silence(): void;
  /** Lets connections through again. */
  restore(): void;
  close(): Promise<void>;
}

/** Listens on a free port of 127.0.0.1 and passes everything on to the server that `target` names. */
export async function cuttableWire(target: string): Promise<CuttableWire> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let open = true;

  const server = createServer((near) => {
    if (!open) {
      near.destroy();
      return;
    }
    const far = connect({ host: hostname, port: Number(port) });
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.pipe(to);
      from.on('error', () => undefined);
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const wire = new URL(target);
  wire.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;

  function cut(): void {
    open = false;
    for (const socket of sockets) socket.destroy();
  }
  return {
    url: wire.href,
    cut,
    silence() {
      for (const socket of sockets) socket.unpipe().pause();
    },
    restore() {
      open = true;
    },
    close() {
      cut();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** A port of 127.0.0.1 that nobody uses at this moment. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
