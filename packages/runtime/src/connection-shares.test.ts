import { once } from 'node:events';
import { createServer, type Server, Socket } from 'node:net';
import { expect, test } from 'vitest';
import { shareConnections } from './connection-shares.ts';

const MAX = 3;

function sharing(): Server {
  const server = createServer();
  shareConnections(server, MAX);
  return server;
}

/** A connection as it comes from elsewhere, and whether it may stay. */
function come(server: Server, address: string): Socket {
  const socket = new Socket();
  Object.defineProperty(socket, 'remoteAddress', { value: address });
  server.emit('connection', socket);
  return socket;
}

const stays = (server: Server, address: string) => !come(server, address).destroyed;

test('one address has its share, and others have theirs', () => {
  const server = sharing();
  for (let held = 0; held < MAX; held++) expect(stays(server, '203.0.113.7')).toBe(true);
  expect(stays(server, '203.0.113.7')).toBe(false);
  expect(stays(server, '::ffff:203.0.113.7')).toBe(false);
  expect(stays(server, '203.0.113.8')).toBe(true);
});

test('a network of IPv6 addresses is one', () => {
  const server = sharing();
  for (let held = 0; held < MAX; held++) expect(stays(server, `2001:db8::${held}`)).toBe(true);
  expect(stays(server, '2001:db8::ffff')).toBe(false);
  expect(stays(server, '2001:db8:0:1::1')).toBe(true);
});

test('a connection that ends makes room for one, and one that was not let in makes none', async () => {
  const server = sharing();
  const held = Array.from({ length: MAX }, () => come(server, '203.0.113.7'));
  await once(come(server, '203.0.113.7'), 'close');
  expect(stays(server, '203.0.113.7')).toBe(false);
  const [first] = held;
  if (first === undefined) throw new Error('nothing is held');
  await once(first.destroy(), 'close');
  expect(stays(server, '203.0.113.7')).toBe(true);
  expect(stays(server, '203.0.113.7')).toBe(false);
});

test.each(['127.0.0.1', '127.8.8.8', '::1', '::ffff:127.0.0.1'])(
  'this machine itself (%s) has as many as it likes',
  (address) => {
    const server = sharing();
    for (let held = 0; held < 5 * MAX; held++) expect(stays(server, address)).toBe(true);
  },
);
