/** A socket whose frames are written down, both ways. */
import { once } from 'node:events';
import {
  type ClientFrame,
  type ConversationId,
  type ServerFrame,
  SOCKET_PATH,
  SOCKET_PROTOCOL,
  SOCKET_TICKET_PREFIX,
} from '@sotto/api';
import { WebSocket } from 'ws';
import type { z } from 'zod';
import { openTicket, type Person } from './person.ts';

type Received = z.input<typeof ServerFrame>;

export interface Connection {
  send(frame: z.input<typeof ClientFrame>): void;
  /** Resolves when so many frames of a type have come over this connection. */
  got(type: Received['type'], count: number): Promise<void>;
  /** Resolves when the slots of a conversation have reached a place. */
  reached(conversation: ConversationId, place: number): Promise<void>;
  /** Resolves when the other side has ended it. */
  readonly ended: Promise<unknown>;
  close(): Promise<void>;
}

export interface ConnectionOptions {
  url: string;
  person: Person;
  /** How the person says who it is. */
  way: 'header' | 'ticket';
  write(line: string): void;
}

const WAIT_MS = 10_000;

/** Connects, and waits for `hello`. */
export async function connect({ url, person, way, write }: ConnectionOptions): Promise<Connection> {
  const socket = await open(url, person, way);
  const frames: Received[] = [];
  const checks = new Set<() => void>();
  const ended = once(socket, 'close').then(([code]) => {
    // What somebody ends themselves needs no line.
    if (code !== ENDED_BY_US) write(`${person.name} ← close ${code}`);
  });
  socket.on('message', (data) => {
    write(`${person.name} ← ${String(data)}`);
    frames.push(JSON.parse(String(data)));
    for (const check of checks) check();
  });
  const until = (what: string, holds: () => boolean): Promise<void> =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${person.name}: no ${what}`)), WAIT_MS);
      const check = () => {
        if (!holds()) return;
        clearTimeout(timer);
        checks.delete(check);
        resolve();
      };
      checks.add(check);
      check();
    });
  const got: Connection['got'] = (type, count) =>
    until(`${type} ${count}`, () => frames.filter((one) => one.type === type).length >= count);
  await got('hello', 1);
  return {
    got,
    ended,
    send(frame) {
      const text = JSON.stringify(frame);
      write(`${person.name} → ${text}`);
      socket.send(text);
    },
    reached: (conversation, place) =>
      until(`slots up to ${place}`, () => placeOf(frames, conversation) >= place),
    async close() {
      socket.close(ENDED_BY_US);
      await ended;
    },
  };
}

/** A normal end. */
const ENDED_BY_US = 1000;

async function open(url: string, person: Person, way: 'header' | 'ticket'): Promise<WebSocket> {
  const target = new URL(SOCKET_PATH, url.replace(/^http/, 'ws'));
  if (way === 'header') {
    const headers = { authorization: `Bearer ${person.token}` };
    return new WebSocket(target, [SOCKET_PROTOCOL], { headers });
  }
  const ticket = await openTicket(person);
  return new WebSocket(target, [SOCKET_PROTOCOL, `${SOCKET_TICKET_PREFIX}${ticket}`]);
}

function placeOf(frames: readonly Received[], conversation: ConversationId): number {
  const slots = frames.flatMap((frame) => {
    return frame.type === 'slots' && frame.conversation === conversation ? frame.slots : [];
  });
  const last = slots.at(-1);
  if (last === undefined) return 0;
  return last.type === 'none' ? last.to : last.seq;
}
