/** A push service of a test: HTTPS under a private authority, on a free port of this machine. */
import { readFileSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { testAuthority } from '@sotto/runtime/testing';
import { vi } from 'vitest';

/** A request that came. */
export interface Pushed {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  bytes: number;
}

export interface PushServer {
  /** As the configuration names it. */
  readonly host: string;
  /** The authority that vouches for it. */
  readonly ca: string;
  readonly requests: Pushed[];
  /** How many connections were begun, by TLS or not. */
  readonly connections: () => number;
  /** What a path is answered with from now on, in place of 201. */
  answer(path: string, status: number, headers?: Record<string, string>): void;
  endpoint(path: string): string;
  /** Resolves when so many requests have come for a path. */
  waitFor(path: string, count?: number): Promise<Pushed[]>;
  close(): Promise<void>;
}

/** Begins to listen. */
export async function startPushServer(): Promise<PushServer> {
  const authority = testAuthority();
  const { cert, key } = authority.issue('push');
  const requests: Pushed[] = [];
  const answers = new Map<string, { status: number; headers: Record<string, string> }>();
  let connections = 0;
  const tls = { cert: readFileSync(cert), key: readFileSync(key) };
  const server = createServer(tls, async (request, response) => {
    let bytes = 0;
    for await (const chunk of request) bytes += chunk.length;
    const { method = '', url: path = '', headers } = request;
    requests.push({ method, path, headers, bytes });
    const { status, headers: answered } = answers.get(path) ?? { status: 201, headers: {} };
    response.writeHead(status, answered).end();
  });
  server.on('connection', () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `localhost:${(server.address() as AddressInfo).port}`;
  const of = (path: string) => requests.filter((request) => request.path === path);
  return {
    ...{ host, ca: authority.ca, requests },
    connections: () => connections,
    answer: (path, status, headers = {}) => void answers.set(path, { status, headers }),
    endpoint: (path) => `https://${host}${path}`,
    waitFor: (path, count = 1) =>
      vi.waitFor(
        () => {
          const found = of(path);
          if (found.length < count) throw new Error(`${found.length} requests for ${path}`);
          return found;
        },
        { timeout: 15_000, interval: 20 },
      ),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      authority.close();
    },
  };
}
