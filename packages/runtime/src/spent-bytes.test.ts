import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { freeingSpent, freeReceived, freeSpent } from './spent-bytes.ts';

test('a chunk that has its memory for itself is freed, one that shares it is not', () => {
  const own = new Uint8Array(64 * 1024);
  const shared = new Uint8Array(new ArrayBuffer(64 * 1024), 0, 32 * 1024);
  freeSpent(own);
  freeSpent(shared);
  expect(own.byteLength).toBe(0);
  expect(shared.byteLength).toBe(32 * 1024);
});

test('a stream frees each chunk when the next one is asked for, and not before', async () => {
  const chunks = [new Uint8Array(8192).fill(1), new Uint8Array(8192).fill(2)];
  const source = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
  const reader = freeingSpent(source).getReader();
  const { value: first } = await reader.read();
  expect(first?.[8191]).toBe(1);
  const { value: second } = await reader.read();
  expect(first?.byteLength).toBe(0);
  expect(second?.[8191]).toBe(2);
  expect((await reader.read()).done).toBe(true);
});

test('answers over one connection come whole while what they were received in is freed', async () => {
  const body = randomBytes(3_000_000);
  const server = createServer((_, response) => response.end(body));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  for (let round = 0; round < 3; round += 1) {
    const [answer] = (await once(get({ host: '127.0.0.1', port }), 'response')) as [
      IncomingMessage,
    ];
    freeReceived(answer);
    const hash = createHash('sha256');
    let size = 0;
    for await (const chunk of answer) {
      hash.update(chunk);
      size += chunk.length;
    }
    expect(size).toBe(body.length);
    expect(hash.digest('hex')).toBe(createHash('sha256').update(body).digest('hex'));
  }
});
