/** What the tests of live signals share: two nodes on a real NATS, and people who have accepted each other. */
import { acceptConversation, type ConversationId, type ServerFrame, type UserId } from '@sotto/api';
import { type Bus, openNatsBus } from '@sotto/runtime';
import { testNats } from '@sotto/runtime/testing';
import { openConversation } from './messages.ts';
import { type Node, type Platform, startPlatform } from './nodes.ts';
import type { Person } from './peers.ts';
import type { SocketClient } from './socket-client.ts';

/** Two nodes, and whatever else shares their database and their bus. */
export interface Stage {
  platform: Platform;
  one: Node;
  two: Node;
  /** One more connection to the bus, closed with the stage. */
  openBus(): Promise<Bus>;
  close(): Promise<void>;
}

/** Starts both. */
export async function startStage(): Promise<Stage> {
  const nats = testNats();
  const buses: Bus[] = [];
  const openBus = async () => {
    const bus = await openNatsBus(nats);
    buses.push(bus);
    return bus;
  };
  const platform = await startPlatform(await openBus());
  return {
    platform,
    one: await platform.startNode(await openBus()),
    two: await platform.startNode(await openBus()),
    openBus,
    async close() {
      await platform.close();
      await Promise.all(buses.map((bus) => bus.close()));
      await nats.close();
    },
  };
}

/** The conversation of two people that both have accepted. */
export async function befriend(node: Node, a: Person, b: Person): Promise<ConversationId> {
  const id = await openConversation(node, a, b);
  for (const person of [a, b]) await node.call(person, acceptConversation, { params: { id } });
  return id;
}

type Frame<T extends ServerFrame['type']> = Extract<ServerFrame, { type: T }>;

/** Frames of one type that a client got. */
export function framesOf<T extends ServerFrame['type']>(
  { frames }: SocketClient,
  type: T,
): Frame<T>[] {
  return frames.filter((frame): frame is Frame<T> => frame.type === type);
}

/** What a client was told of a user, in order. */
export function toldOf(client: SocketClient, user: UserId): Frame<'presence'>[] {
  return framesOf(client, 'presence').filter((frame) => frame.user === user);
}

/** Resolves when the last that a client was told of a user is this. */
export function untilOnline(
  client: SocketClient,
  user: UserId,
  online: boolean,
  withinMs?: number,
): Promise<Frame<'presence'>> {
  const last = () => {
    const frame = toldOf(client, user).at(-1);
    return frame?.online === online ? frame : undefined;
  };
  return client.until(`word that somebody is ${online ? 'here' : 'gone'}`, last, withinMs);
}
