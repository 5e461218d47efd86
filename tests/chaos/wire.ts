/** A TCP proxy that can be cut, and that can fall silent with everything on it. */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export interface Wire {
  port: number;
  /** Ends every connection at once, and takes none. */
  cut(): void;
  /** Takes connections and bytes, and passes nothing on. */
  silence(): void;
  /** Works again. What was said in silence arrives now. */
  restore(): void;
  close(): Promise<void>;
}

interface Link {
  near: Socket;
  far: Socket;
}

/**
 * Opens one on a free port. Connections go to the ports in turn, past those where nobody listens, as a load balancer
 * does it that knows no more than that.
 */
export async function openWire(ports: readonly number[]): Promise<Wire> {
  const links = new Set<Link>();
  /** Came in silence. */
  const waiting = new Set<Socket>();
  let state: 'open' | 'cut' | 'silent' = 'open';
  let turn = 0;

  function attend(near: Socket): void {
    near.setNoDelay(true).on('error', () => near.destroy());
    if (state === 'cut') {
      near.destroy();
      return;
    }
    if (state === 'open') {
      reach(near, ports.length);
      return;
    }
    waiting.add(near);
    near.once('close', () => waiting.delete(near));
  }

  /** Connects to the next port, and to the one after it when nobody is there. */
  function reach(near: Socket, attempts: number): void {
    if (near.destroyed) return;
    if (attempts === 0) {
      near.destroy();
      return;
    }
    turn += 1;
    const port = ports[turn % ports.length] ?? 0;
    const far = connect({ host: '127.0.0.1', port, noDelay: true });
    const next = (): void => reach(near, attempts - 1);
    far.once('error', next);
    far.once('connect', () => {
      far.off('error', next).on('error', () => far.destroy());
      if (near.destroyed || state === 'cut') {
        near.destroy();
        far.destroy();
      } else join({ near, far });
    });
  }

  function join(link: Link): void {
    const { near, far } = link;
    links.add(link);
    near.once('close', () => far.destroy());
    far.once('close', () => {
      near.destroy();
      links.delete(link);
    });
    if (state === 'open') flow(link);
  }

  function cut(): void {
    state = 'cut';
    for (const { near, far } of links) {
      near.destroy();
      far.destroy();
    }
    for (const near of waiting) near.destroy();
  }

  const server = createServer({ pauseOnConnect: true }, attend);
  await listen(server);
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    silence() {
      state = 'silent';
      for (const { near, far } of links) {
        near.unpipe().pause();
        far.unpipe().pause();
      }
    },
    restore() {
      if (state === 'silent') links.forEach(flow);
      state = 'open';
      for (const near of waiting) reach(near, ports.length);
      waiting.clear();
    },
    close() {
      cut();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function flow({ near, far }: Link): void {
  near.pipe(far);
  far.pipe(near);
  near.resume();
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
}
