import { PassThrough } from 'node:stream';
import { expect, test, vi } from 'vitest';
import { receive } from './receive.ts';

test('gives what comes, in order, and ends with its source', async () => {
  const source = new PassThrough();
  const body = receive(source, () => {});
  source.write('one ');
  source.end('two');
  expect(await new Response(body).text()).toBe('one two');
});

test('gives the very memory that came, without a copy', async () => {
  const source = new PassThrough();
  const reader = receive(source, () => {}).getReader();
  const sent = new Uint8Array([1, 2, 3]);
  source.write(sent);
  const { value } = await reader.read();
  expect(value?.buffer).toBe(sent.buffer);
});

test('reads nothing ahead of its reader', async () => {
  const source = new PassThrough();
  const reader = receive(source, () => {}).getReader();
  source.write('one');
  source.write('two');
  await reader.read();
  await new Promise((resolve) => setImmediate(resolve));
  expect(source.isPaused()).toBe(true);
  expect(source.readableLength).toBe(3);
});

test('fails when its source does, and when it ends early', async () => {
  for (const error of [new Error('the line broke'), undefined]) {
    const source = new PassThrough();
    const reader = receive(source, () => {}).getReader();
    source.write('half');
    await reader.read();
    source.destroy(error);
    await expect(reader.read()).rejects.toThrow();
  }
});

test('lets go when its reader cancels, and asks for nothing more', async () => {
  const source = new PassThrough();
  const letGo = vi.fn();
  const reader = receive(source, letGo).getReader();
  await reader.cancel();
  expect(letGo).toHaveBeenCalledOnce();
  expect(source.isPaused()).toBe(true);
  expect(source.listenerCount('data')).toBe(0);
});
