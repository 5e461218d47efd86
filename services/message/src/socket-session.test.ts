/** The deadlines of a socket, which no test has the time to wait for: here the moments are given. */

import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { Duplex } from 'node:stream';
import { CLOSE_CODES, ConversationId, DeviceId, SessionId, UserId } from '@sotto/api';
import { createLogger, createMetrics, type Database } from '@sotto/runtime';
import { expect, test, vi } from 'vitest';
import type { WebSocket } from 'ws';
import { createEvents } from './events.ts';
import { BUFFERED_BYTES_MAX, BUFFERED_PAUSE_BYTES, PING_MS, PONG_MS, SLOW_MS } from './limits.ts';
import type { Tables } from './schema.ts';
import { SocketSession } from './socket-session.ts';
import { createTurnstile } from './turnstile.ts';

/** A connection that is as full as a test says. */
class FakeStream extends Duplex {
  full = 0;
  readonly sent: Buffer[] = [];
  constructor() {
    super();
    Object.defineProperty(this, 'writableLength', { get: () => this.full });
  }
  override _write(frame: Buffer, _encoding: string, done: () => void): void {
    this.sent.push(frame);
    done();
  }
  override _read(): void {}
}

/** As much of a socket as a session uses. */
class FakeSocket extends EventEmitter {
  readonly stream = new FakeStream();
  readonly acts: string[] = [];
  ping(): void {
    this.acts.push('ping');
  }
  close(code: number): void {
    this.acts.push(`close ${code}`);
  }
  terminate(): void {
    this.acts.push('terminate');
  }
  pause(): void {}
  resume(): void {}
}

const NOW = Date.now();

function open() {
  const socket = new FakeSocket();
  const log = createLogger({ service: 'test', level: 'silent' });
  // It knows of no cursor and no conversation.
  const pool: object = { query: async () => ({ rows: [] }) };
  const database = { pool } as Pick<Database<Tables>, 'pool'>;
  const ended: SocketSession[] = [];
  const session = new SocketSession(
    {
      database,
      cursors: {
        advance: () => undefined,
        pending: () => undefined,
        noteSent: () => undefined,
        forget: async () => undefined,
        settle: async () => undefined,
        flush: async () => undefined,
        close: async () => undefined,
      },
      clock: Date.now,
      events: createEvents(createMetrics('test'), log),
      counts: { note: () => undefined },
      turnstile: createTurnstile(1),
      committer: { submit: () => undefined },
      incarnation: async () => 1,
      live: {
        noteDelivered: () => undefined,
        pass: () => undefined,
        watch: () => undefined,
      },
    },
    {
      socket: socket as EventEmitter as WebSocket,
      stream: socket.stream,
      caller: {
        user: UserId.parse(randomUUID()),
        device: DeviceId.parse(randomUUID()),
        session: SessionId.parse(randomUUID()),
        expiresAt: NOW + 60_000,
        authenticatedAt: 0,
        proven: false,
      },
      onEnd: (gone) => ended.push(gone),
      onGone: () => undefined,
    },
  );
  return { socket, session, ended };
}

/** A frame that is answered, which is how a test makes a session send. */
function provoke(socket: FakeSocket): void {
  const message = {
    kind: 'direct',
    id: randomUUID(),
    conversation: ConversationId.parse(randomUUID()),
    recipients: [1, 2].map(() => ({ device: DEVICE, ciphertext: 'AA' })),
  };
  socket.emit('message', Buffer.from(JSON.stringify({ type: 'send', number: 1, message })), false);
}
const DEVICE = randomUUID();

test('a socket is pinged every 25 s, and lives as long as it answers', async () => {
  const { socket, session } = open();
  await session.start();
  let moment = performance.now();
  for (let count = 0; count < 4; count += 1) {
    moment += PING_MS + 1;
    session.tick(NOW, moment);
    socket.emit('pong');
    session.tick(NOW, moment + PONG_MS + 1);
  }
  expect(socket.acts).toEqual(['ping', 'ping', 'ping', 'ping']);
});

test('with each ping comes a frame, for those who see no pings: after `hello`, though nothing moved', async () => {
  const { socket, session } = open();
  const sent = () =>
    socket.stream.sent.map((frame) => JSON.parse(String(frame.subarray(frame.indexOf('{')))));
  session.tick(NOW, performance.now() + PING_MS + 1);
  expect(sent()).toEqual([]);
  await session.start();
  session.tick(NOW, performance.now() + 2 * PING_MS + 2);
  await vi.waitFor(() => expect(sent()).toHaveLength(2), 20_000);
  expect(sent()).toMatchObject([{ type: 'hello' }, { type: 'heads', heads: [] }]);
});

test('a socket that does not answer a ping within 8 s is dead', async () => {
  const { socket, session, ended } = open();
  await session.start();
  const moment = performance.now() + PING_MS + 1;
  session.tick(NOW, moment);
  session.tick(NOW, moment + PONG_MS - 1);
  expect(socket.acts).toEqual(['ping']);
  session.tick(NOW, moment + PONG_MS + 1);
  expect(socket.acts).toEqual(['ping', 'terminate']);
  expect(ended).toEqual([session]);
});

test('a socket ends with its token', () => {
  const { socket, session } = open();
  session.tick(NOW + 59_999, performance.now());
  expect(socket.acts).toEqual([]);
  session.tick(NOW + 60_000, performance.now());
  expect(socket.acts).toEqual([`close ${CLOSE_CODES.tokenEnded}`]);
});

test('a socket that does not drain is closed as slow, and one that does is not', () => {
  const { socket, session } = open();
  socket.stream.full = BUFFERED_PAUSE_BYTES;
  provoke(socket);
  session.tick(NOW, performance.now() + SLOW_MS - 1_000);
  expect(socket.acts).toEqual([]);
  session.tick(NOW, performance.now() + SLOW_MS + 1_000);
  expect(socket.acts).toEqual([`close ${CLOSE_CODES.slow}`]);
});

test('a socket that takes nothing at all is closed before the heap fills', () => {
  const { socket } = open();
  socket.stream.full = BUFFERED_BYTES_MAX + 1;
  provoke(socket);
  expect(socket.acts).toEqual([`close ${CLOSE_CODES.slow}`]);
  expect(socket.stream.sent).toEqual([]);
});

test('nothing is sent, and no frame heard, after the end', () => {
  const { socket, session, ended } = open();
  session.close(CLOSE_CODES.draining);
  provoke(socket);
  session.tick(NOW + 1e9, performance.now() + 1e9);
  expect(socket.stream.sent).toEqual([]);
  expect(socket.acts).toEqual([`close ${CLOSE_CODES.draining}`]);
  expect(ended).toEqual([session]);
});
