/** A handshake that its client gave up while a node was slow: when the node comes to it, nobody is there. */
import { spawnSync } from 'node:child_process';
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

/**
 * Asks for a socket and ends the connection in one breath, in a process of its own: this one stands still meanwhile, so
 * that the node in it finds both at once when it goes on.
 */
function giveUp({ token }: Person): void {
  const { hostname, port } = new URL(node.url);
  const lines = [
    `GET ${SOCKET_PATH} HTTP/1.1`,
    `Host: ${hostname}`,
    ...['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'],
    `Sec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}`,
    `Authorization: Bearer ${token}`,
  ];
  const program = `
    const [port, host, head] = process.argv.slice(1);
    const socket = require('node:net').connect(Number(port), host, () => socket.end(head, () => process.exit()));
  `;
  const head = `${lines.join('\r\n')}\r\n\r\n`;
  const { status } = spawnSync(process.execPath, ['-e', program, port, hostname, head]);
  expect(status).toBe(0);
}

test('it does not close the connection that the device made in its place', async () => {
  const person = await platform.peers.addPerson();
  const client = await connect(node, person);
  giveUp(person);
  const ended = await Promise.race([client.closed, sleep(1_000)]);
  expect(ended).toBeUndefined();
  await client.close();
});
