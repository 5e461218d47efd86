import type { AddressInfo } from 'node:net';
import { DeviceId, SOCKET_PROTOCOL, UserId } from '@sotto/api';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type WebSocket as PeerSocket, WebSocketServer } from 'ws';
import { openSocket, type Socket } from './socket.ts';

const ID = '018f0000-0000-7000-8000-00000000000a';
const HELLO = JSON.stringify({
  type: 'hello',
  user: UserId.parse(ID),
  device: DeviceId.parse(ID),
  incarnation: 1,
});

let server: WebSocketServer;
let socket: Socket;
/** What the platform does behind its greeting. */
let behave: (peer: PeerSocket) => void;
let pauses: (number | undefined)[];

beforeEach(async () => {
  pauses = [];
  server = new WebSocketServer({
    port: 0,
    host: '127.0.0.1',
    handleProtocols: () => SOCKET_PROTOCOL,
  });
  await new Promise((resolve) => server.once('listening', resolve));
  server.on('connection', (peer) => {
    peer.send(HELLO);
    behave(peer);
  });
});
afterEach(async () => {
  await socket.close();
  for (const peer of server.clients) peer.terminate();
  await new Promise((resolve) => server.close(resolve));
});

test('a platform that breaks the contract behind each greeting is tried less and less often', async () => {
  behave = (peer) => peer.send('nonsense');
  socket = open();
  await vi.waitFor(() => expect(pauses).toEqual([125, 250, 500, 1_000, 2_000]), 15_000);
});

test('what cannot be stored is asked for less and less often', async () => {
  behave = () => setTimeout(() => socket.reopen(new Error('disk full')), 1);
  socket = open();
  await vi.waitFor(() => expect(pauses).toEqual([125, 250, 500, 1_000]), 15_000);
});

test('a platform that is only cut off is tried at once, each time', async () => {
  behave = (peer) => peer.terminate();
  socket = open();
  await vi.waitFor(() => expect(pauses).toEqual([125, 125, 125, 125]), 15_000);
});

test('whoever is in a hurry ends the pause, and not every time', async () => {
  behave = (peer) => peer.send('nonsense');
  socket = open();
  await vi.waitFor(() => expect(pauses).toHaveLength(5), 15_000);
  const startedAt = performance.now();
  socket.hurry();
  await vi.waitFor(() => expect(pauses).toHaveLength(6), 15_000);
  expect(performance.now() - startedAt).toBeLessThan(1_500);
  expect(pauses.at(-1)).toBe(125);
  for (let time = 0; time < 3; time++) {
    const before = pauses.length;
    socket.hurry();
    await vi.waitFor(() => expect(pauses.length).toBeGreaterThan(before), 15_000);
  }
  expect(pauses.slice(5)).toEqual([125, 250, 500, 1_000]);
});

function open(): Socket {
  return openSocket({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    WebSocket: globalThis.WebSocket,
    random: () => 0,
    ticket: async () => 'ticket',
    onOpen: () => {},
    onFrame: () => {},
    onDown: ({ retryMs }) => pauses.push(retryMs),
  });
}
