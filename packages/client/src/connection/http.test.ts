import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { login } from '@sotto/api';
import { afterEach, expect, test, vi } from 'vitest';
import { createExchange } from './http.ts';

const CREDENTIALS = { username: 'alice', password: 'Secret!23' };

let servers: Server[] = [];

afterEach(async () => {
  for (const server of servers) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
  servers = [];
});

test('a redirect does not take the password elsewhere', async () => {
  const visited = vi.fn();
  const elsewhere = await serve((_, response) => {
    visited();
    response.end();
  });
  const url = await serve((_, response) => {
    response.writeHead(307, { location: elsewhere }).end();
  });
  await expect(logInAt(url)).rejects.toMatchObject({ code: 'connection.failed' });
  expect(visited).not.toHaveBeenCalled();
});

test.each([200, 500])('an answer without an end is cut off, with status %i', async (status) => {
  const closed = Promise.withResolvers<void>();
  const url = await serve((_, response) => {
    response.writeHead(status);
    const piece = Buffer.alloc(64 * 1024, ' ');
    const pour = () => {
      while (response.write(piece));
    };
    response.on('drain', pour).on('close', () => closed.resolve());
    pour();
  });
  await expect(logInAt(url)).rejects.toMatchObject({ code: 'answer.invalid' });
  await closed.promise;
});

test('why there was no answer is said in the words of the system', async () => {
  const url = await serve(() => {});
  const [server] = servers.splice(0);
  await new Promise((resolve) => server?.close(resolve));
  await expect(logInAt(url)).rejects.toMatchObject({
    code: 'connection.failed',
    message: expect.stringContaining('ECONNREFUSED'),
  });
});

function logInAt(url: string): Promise<unknown> {
  const { signal } = new AbortController();
  const prover = { prove: () => expect.unreachable(), learn() {} };
  return createExchange({ url, fetch, prover, signal })(login, { body: CREDENTIALS });
}

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
