/** A handshake that its client gave up while a node was slow: when the node comes to it, nobody is there. */
import { connect as connectTcp } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { SOCKET_PATH } from '@sotto/api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Node, type Platform, startPlatform } from './nodes.ts';
import type { Person } from './peers.ts';
import { connect } from './socket-client.ts';

let platform: Platform;
let node: Node;

beforeAll(async () => {
  platform = await startPlatform();
  node = await platform.startNode();
});

afterAll(() => platform.close());

/** Asks for a socket and ends the connection in one breath. Resolves when the node has let go of it. */
function giveUp({ token }: Person): Promise<void> {
  const { hostname, port } = new URL(node.url);
  const lines = [
    `GET ${SOCKET_PATH} HTTP/1.1`,
    `Host: ${hostname}`,
    ...['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'],
    `Sec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}`,
    `Authorization: Bearer ${token}`,
  ];
  const socket = connectTcp(Number(port), hostname);
  socket.on('error', () => undefined);
  socket.end(`${lines.join('\r\n')}\r\n\r\n`);
  socket.resume();
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

test('it does not close the connection that the device made in its place', async () => {
  const person = await platform.peers.addPerson();
  const client = await connect(node, person);
  await giveUp(person);
  const ended = await Promise.race([client.closed, sleep(300)]);
  expect(ended).toBeUndefined();
  await client.close();
});
