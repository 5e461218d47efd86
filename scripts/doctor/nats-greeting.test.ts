import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { askNats } from './nats-greeting.ts';

const open: { close(): void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

test('a server that says who it is and lets us in is found, in whatever pieces it speaks', async () => {
  const url = await serve((socket) => {
    socket.write('INFO {"version":"2.12.0",');
    setImmediate(() => socket.write('"jetstream":true}\r\n'));
    socket.once('data', () => socket.write('PONG\r\n'));
  });
  expect(await askNats({ url, withinMs: 5_000 })).toEqual({ version: '2.12.0', jetstream: true });
});

test('a peer that only closes, or says nothing, is told as such', async () => {
  const closing = await serve((socket) => socket.end());
  await expect(askNats({ url: closing, withinMs: 5_000 })).rejects.toThrow('closed');
  const later = await serve((socket) => {
    socket.write('INFO {"version":"2.12.0"}\r\n');
    socket.once('data', () => socket.end());
  });
  await expect(askNats({ url: later, withinMs: 5_000 })).rejects.toThrow('closed');
  const silent = await serve(() => undefined);
  await expect(askNats({ url: silent, withinMs: 50 })).rejects.toThrow('no answer');
});

async function serve(speak: (socket: Socket) => void): Promise<string> {
  const server = createServer((socket) => {
    open.push({ close: () => socket.destroy() });
    socket.on('error', () => undefined);
    speak(socket);
  });
  open.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return `nats://127.0.0.1:${port}`;
}
