import { request as httpRequest } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { behindGateway, GATEWAY_HEADERS, gatewayHeaders } from './behind-gateway.ts';
import { listen } from './listen.ts';
import type { Connection } from './service.ts';

const SECRET = 'the secret between services, long enough';
const CLIENT = { remoteAddress: '203.0.113.7', origin: 'https://chat.example.org' };

interface Seen {
  connection: Connection | undefined;
  headers: string[];
}

/** A service on a port that tells what it saw of the last request, over HTTP and at a handshake. */
async function startService(): Promise<{ port: number; seen: () => Seen }> {
  let seen: Seen = { connection: undefined, headers: [] };
  const service = behindGateway(
    {
      async fetch(request: Request, connection?: Connection) {
        seen = { connection, headers: [...request.headers.keys()] };
        return new Response('ok');
      },
      upgrade(request, socket, _, connection) {
        seen = { connection, headers: Object.keys(request.headers) };
        socket.end('HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
      },
    },
    SECRET,
  );
  const listening = await listen(service, { host: '127.0.0.1', port: 0 });
  onTestFinished(() => listening.close());
  return { port: listening.port, seen: () => seen };
}

function send(port: number, headers: Record<string, string | string[]>): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, headers, agent: false }, (response) => {
      response.resume();
      response.once('end', resolve);
    });
    request.once('error', reject);
    request.end();
  });
}

const HANDSHAKE = { connection: 'Upgrade', upgrade: 'websocket' };

test.each([
  ['a request', {}],
  ['a handshake', HANDSHAKE],
])('%s from the gateway comes from its client', async (_, more) => {
  const { port, seen } = await startService();
  await send(port, { ...more, ...gatewayHeaders(SECRET)(CLIENT) });
  expect(seen().connection).toMatchObject(CLIENT);
  for (const name of Object.values(GATEWAY_HEADERS)) expect(seen().headers).not.toContain(name);
});

test('an IPv6 client without a known origin is told as it is', async () => {
  const { port, seen } = await startService();
  await send(port, gatewayHeaders(SECRET)({ remoteAddress: '2001:db8::1' }));
  expect(seen().connection?.remoteAddress).toBe('2001:db8::1');
  expect(seen().connection?.origin).toBeUndefined();
});

const { token, client, origin } = GATEWAY_HEADERS;
const forged: [string, Record<string, string | string[]>][] = [
  ['no token', { [client]: '203.0.113.7', [origin]: 'https://chat.example.org' }],
  ['the token of another secret', gatewayHeaders('another secret, also long enough')(CLIENT)],
  ['the secret itself', { [token]: SECRET, [client]: '203.0.113.7' }],
  ['an address that is none', { ...gatewayHeaders(SECRET)(CLIENT), [client]: 'localhost' }],
  ['two addresses', { ...gatewayHeaders(SECRET)(CLIENT), [client]: ['192.0.2.1', '192.0.2.2'] }],
];

for (const more of [{}, HANDSHAKE]) {
  const kind = 'upgrade' in more ? 'handshake' : 'request';
  test.each(forged)(
    `a ${kind} with %s counts by its socket, and its headers go`,
    async (_, headers) => {
      const { port, seen } = await startService();
      await send(port, { ...more, ...headers });
      expect(seen().connection).toMatchObject({ remoteAddress: '127.0.0.1' });
      for (const name of Object.values(GATEWAY_HEADERS)) expect(seen().headers).not.toContain(name);
    },
  );
}

test('a call within the process stays one', async () => {
  let seen: Connection | undefined = CLIENT;
  const fetch = async (_: Request, connection?: Connection) => {
    seen = connection;
    return new Response();
  };
  await behindGateway({ fetch }, SECRET).fetch(new Request('http://service/'));
  expect(seen).toBeUndefined();
});
