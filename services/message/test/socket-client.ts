/** A device's connection as a test sees it: every frame that came, and promises for those that should. */
import {
  ClientFrame,
  type ConversationId,
  type OutgoingMessage,
  type Problem,
  ServerFrame,
  type Slot,
  SOCKET_PATH,
  SOCKET_PROTOCOL,
  type Stored,
} from '@sotto/api';
import { WebSocket } from 'ws';
import { z } from 'zod';
import type { Node } from './nodes.ts';
import type { Person } from './peers.ts';

export class SocketClient {
  readonly frames: ServerFrame[] = [];
  readonly socket: WebSocket;
  /** The close code and reason, once it is closed. */
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly #checks = new Set<() => void>();
  readonly #numbers = new Map<string, number>();

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data) => {
      this.frames.push(z.decode(ServerFrame, JSON.parse(String(data))));
      for (const check of this.#checks) check();
    });
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => resolve({ code, reason: String(reason) }));
    });
    socket.on('error', () => undefined);
  }

  /** Resolves when the condition holds; rejects with what came instead when that does not come to be. */
  until<T>(what: string, find: () => T | undefined, withinMs = 20_000): Promise<T> {
    return new Promise((resolve, reject) => {
      const check = () => {
        const found = find();
        if (found === undefined) return;
        clearTimeout(timer);
        this.#checks.delete(check);
        resolve(found);
      };
      const timer = setTimeout(() => {
        this.#checks.delete(check);
        const last = this.frames.slice(-3).map((frame) => JSON.stringify(frame).slice(0, 300));
        reject(new Error(`no ${what}; the last frames were ${last.join(' ')}`));
      }, withinMs);
      this.#checks.add(check);
      check();
    });
  }

  next<T extends ServerFrame['type']>(type: T): Promise<Extract<ServerFrame, { type: T }>> {
    return this.until(type, () => this.frames.find((frame) => frame.type === type) as never);
  }

  post(frame: ClientFrame): void {
    this.socket.send(JSON.stringify(z.encode(ClientFrame, frame)));
  }

  /** Sends with the conversation's next number, or one that is given; resolves with the answer. */
  async send(message: OutgoingMessage, number?: number): Promise<Stored | Problem> {
    const used = number ?? (this.#numbers.get(message.conversation) ?? 0) + 1;
    this.#numbers.set(message.conversation, used);
    const before = this.frames.length;
    this.post({ type: 'send', number: used, message });
    return this.until(`answer to send ${used}`, () => {
      for (const frame of this.frames.slice(before)) {
        if (frame.type !== 'stored' && frame.type !== 'refused') continue;
        if (frame.number !== used || frame.id !== message.id) continue;
        return frame.type === 'stored' ? frame : frame.problem;
      }
      return undefined;
    });
  }

  /** Every slot of a conversation that came, in order of arrival. */
  slots(conversation: ConversationId): Slot[] {
    return this.frames.flatMap((frame) => {
      return frame.type === 'slots' && frame.conversation === conversation ? frame.slots : [];
    });
  }

  /** Resolves with all slots of a conversation when they reach a place. */
  slotsUpTo(conversation: ConversationId, seq: number, withinMs?: number): Promise<Slot[]> {
    return this.until(
      `slots up to ${seq}`,
      () => {
        const slots = this.slots(conversation);
        const last = slots.at(-1);
        return last !== undefined && endOf(last) >= seq ? slots : undefined;
      },
      withinMs,
    );
  }

  acknowledge(conversation: ConversationId, seq: number): void {
    this.post({ type: 'ack', conversation, seq });
  }

  /** Acknowledges everything from now on as it comes, like a client that keeps up with what is written. */
  keepUp(): void {
    const acknowledgeNewest = () => {
      const frame = this.frames.at(-1);
      const newest = frame?.type === 'slots' ? frame.slots.at(-1) : undefined;
      if (frame?.type === 'slots' && newest) this.acknowledge(frame.conversation, endOf(newest));
    };
    this.#checks.add(acknowledgeNewest);
  }

  async close(): Promise<void> {
    this.socket.close();
    await this.closed;
  }
}

/** Connects with a bearer token, and waits for `hello`. */
export async function connect(node: Pick<Node, 'url'>, person: Person): Promise<SocketClient> {
  const client = openSocket(node, { authorization: `Bearer ${person.token}` });
  await client.next('hello');
  return client;
}

/** Connects without waiting for anything. */
export function openSocket(
  node: Pick<Node, 'url'>,
  headers: Record<string, string> = {},
  protocols = [SOCKET_PROTOCOL],
): SocketClient {
  const url = `${node.url.replace('http', 'ws')}${SOCKET_PATH}`;
  return new SocketClient(new WebSocket(url, protocols, { headers }));
}

export function endOf(slot: Slot): number {
  return slot.type === 'none' ? slot.to : slot.seq;
}

/** Throws unless slots are in order, without a hole, from one place on. */
export function assertGapless(slots: readonly Slot[], from: number): void {
  let next = from;
  for (const slot of slots) {
    const start = slot.type === 'none' ? slot.from : slot.seq;
    if (start !== next) throw new Error(`place ${next} should follow, but ${start} does`);
    next = endOf(slot) + 1;
  }
}
