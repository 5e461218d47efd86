import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serialize } from 'node:v8';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { LINE_FRAME_BYTES_MAX } from './limits.ts';
import type { Line } from './line.ts';
import { socketLine } from './node-socket.ts';

let directory: string;
let server: Server;
let socket: Socket;
let line: Line;
let heard: unknown[];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'sotto-socket-'));
  server = createServer().listen(join(directory, 'socket'));
  await once(server, 'listening');
  socket = connect(join(directory, 'socket'));
  const [other] = (await once(server, 'connection')) as [Socket];
  line = socketLine(other);
  heard = [];
  line.listen((value) => heard.push(value));
});
afterEach(async () => {
  socket.destroy();
  line.close();
  server.close();
  rmSync(directory, { recursive: true });
});

test('values come whole and in order, however they were cut', async () => {
  const values = ['a', { bytes: new Uint8Array([1, 2]) }, undefined, 'b'.repeat(100_000)];
  const bytes = Buffer.concat(values.map(framed));
  for (let at = 0; at < bytes.length; at = at * 2 + 1) socket.write(bytes.subarray(at, at * 2 + 1));
  await vi.waitFor(() => expect(heard).toEqual(values));
});

test.each([
  ['is too long', lengthOf(LINE_FRAME_BYTES_MAX + 1)],
  ['is no value', Buffer.concat([lengthOf(4), Buffer.from('nono')])],
])('a frame that %s ends the line', async (_, bytes) => {
  socket.write(bytes);
  await vi.waitFor(() => expect(line.closed.aborted).toBe(true));
  expect(heard).toEqual([]);
});

test('what is too long is refused before it leaves, and the line stays', () => {
  const large = new Uint8Array(LINE_FRAME_BYTES_MAX);
  expect(() => line.send(large)).toThrow(RangeError);
  expect(line.closed.aborted).toBe(false);
});

function framed(value: unknown): Buffer {
  const bytes = serialize(value);
  return Buffer.concat([lengthOf(bytes.length), bytes]);
}

function lengthOf(length: number): Buffer {
  const header = Buffer.alloc(4);
  header.writeUInt32BE(length);
  return header;
}
