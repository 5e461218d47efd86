/** People on the platform of `platform.fixture.ts`, whose stores outlive their clients. */
import type { ConversationId, UserId } from '@sotto/api';
import { nodeProvider } from '@sotto/crypto/node';
import { expect, vi } from 'vitest';
import { type Client, createClient } from '../client.ts';
import { type Platform, startPlatform } from '../platform/platform.fixture.ts';
import { NOW } from '../platform/platform-operations.fixture.ts';
import type { Store } from '../store/store.ts';
import { openMemoryStore } from '../store/store-memory.ts';
import type { Picture } from './picture.ts';

export const WAIT_MS = 10_000;

export interface Person {
  readonly client: Client;
  readonly user: UserId;
  readonly store: Store;
}

export interface Scene {
  readonly platform: Platform;
  /** By everybody's clock: before the one time at which this platform stores everything. */
  now: number;
  /** Somebody new, connected. */
  enter(username: string): Promise<Person>;
  open(store: Store): Client;
  /** The same person with a client that knows nothing but the store. */
  comeBack(person: Person): Promise<Person>;
  close(): Promise<void>;
}

/** An empty platform. */
export async function openScene(): Promise<Scene> {
  const platform = await startPlatform();
  const clients: Client[] = [];
  const scene: Scene = {
    platform,
    now: Date.parse(NOW) - 24 * 3_600_000,
    async enter(username) {
      const store = openLastingStore();
      const client = scene.open(store);
      const { user } = await client.register({ username, password: 'Secret!23' });
      await client.connect();
      return { client, user, store };
    },
    open(store) {
      const clock = () => ++scene.now;
      const client = createClient({ url: platform.url, store, provider: nodeProvider, clock });
      clients.push(client);
      return client;
    },
    async comeBack({ client, user, store }) {
      await client.close();
      const back = scene.open(store);
      await back.connect();
      return { client: back, user, store };
    },
    async close() {
      for (const client of clients) await client.close();
      await platform.close();
    },
  };
  return scene;
}

/** Says something, and waits until it is stored. */
export async function sayIn(conversation: ConversationId, { client }: Person, text: string) {
  const { id } = await client.sendText(conversation, text);
  await client.whenStored(id);
}

/** Waits until somebody sees another one under a name. */
export function shows(to: Person, of: Person, name: string): Promise<void> {
  return until(() => isShown(to, of, name));
}

export async function isShown(to: Person, of: Person, name: string): Promise<boolean> {
  return (await to.client.people.profile(of.user))?.name === name;
}

export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  await vi.waitFor(async () => expect(await condition()).toBe(true), WAIT_MS);
}

/** How many control messages there were: in a conversation of two they carry nothing but profiles in these tests. */
export function controlsSent({ rooms }: Platform): number {
  const messages = rooms.flatMap((room) => room.messages);
  return messages.filter(({ message }) => message.kind === 'targeted').length;
}

/** Something that begins as a picture does. */
export function png(size: number): Picture {
  const bytes = new Uint8Array(size).fill(size);
  bytes.set(new TextEncoder().encode('?PNG\r\n'));
  bytes[0] = 0x89;
  return { type: 'image/png', bytes };
}

function openLastingStore(): Store {
  const store = openMemoryStore();
  return { transaction: (work) => store.transaction(work), close: async () => {} };
}
