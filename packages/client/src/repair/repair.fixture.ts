/** People with stores that outlive their clients, on a platform that damages what it delivers, for tests of repair. */
import { ApiError, type ConversationId, type MessageSlot, type Slot } from '@sotto/api';
import { nodeProvider } from '@sotto/crypto/node';
import { expect, vi } from 'vitest';
import { type Client, createClient } from '../client.ts';
import type { Control } from '../messages/control.ts';
import { enqueueControl } from '../messages/control-outbox.ts';
import { readHistory } from '../messages/conversations.ts';
import type { Message } from '../messages/history-item.ts';
import { type Platform, startPlatform } from '../platform/platform.fixture.ts';
import type { Device } from '../platform/platform-operations.fixture.ts';
import { keys } from '../store/key-space.ts';
import type { Store } from '../store/store.ts';
import { openMemoryStore } from '../store/store-memory.ts';
import { loadLocalParty } from '../trust/sessions.ts';

export interface Party {
  readonly name: string;
  readonly client: Client;
  /** It outlives its client. */
  readonly store: Store;
  /** From the given transaction on, counted from now, nothing is written any more. */
  dieAt(transaction: number): { isDead(): boolean };
}

export interface World {
  readonly platform: Platform;
  /** All clocks run ahead of the machine's by this. */
  aheadMs: number;
  /** Whom clients that are opened from now on want the key log's heads signed by. */
  witnesses: readonly Uint8Array[];
  enter(name: string): Promise<Party>;
  reopened(party: Party): Promise<Party>;
  /** One more device of an account: with its identity as if it were linked, or else with another one. */
  joined(party: Party, kind: 'linked' | 'another identity'): Promise<Party>;
  device(name: string): Device;
  /** Has a device say to another one what its own code might not. It leaves with the next message. */
  tell(from: Party, to: Party, telling: Telling): Promise<void>;
  /** Changes a byte of what lies at a place behind all that there is now, for whoever is to read it. */
  damageNext(damage?: Damage): void;
  /** How many messages a device has sent to devices and not to people. */
  toldBy(name: string): number;
  close(): Promise<void>;
}

export interface Telling {
  readonly conversation: ConversationId;
  readonly control: Control;
  readonly times?: number;
}

export interface Damage {
  /** So many places behind the next one. */
  readonly behind?: number;
  /** What the platform calls it. */
  readonly as?: MessageSlot['kind'];
  /** Whose copy it is; everybody's when left out. */
  readonly of?: string;
}

/** Nobody is there yet. */
export async function startWorld(): Promise<World> {
  const platform = await startPlatform();
  const clients: Client[] = [];
  const device = (name: string) => platform.devices.find(({ username }) => username === name)!;

  function open(name: string, store: Store): Party {
    const { store: mortal, dieAt } = makeMortal(store);
    const clock = () => Date.now() + world.aheadMs;
    const { witnesses } = world;
    const given = { url: platform.url, provider: nodeProvider, clock, witnesses };
    const client = createClient({ ...given, store: mortal });
    clients.push(client);
    return { name, client, store, dieAt };
  }

  const world: World = {
    platform,
    aheadMs: 0,
    witnesses: [],
    device,
    async enter(name) {
      const party = open(name, openMemoryStore());
      await party.client.register({ username: name, password: 'Secret!23' });
      await party.client.connect();
      return party;
    },
    async reopened({ name, client, store }) {
      await client.close();
      const party = open(name, store);
      await party.client.connect();
      return party;
    },
    async joined({ name, store: first }, kind) {
      const store = openMemoryStore();
      const identity = await first.transaction((transaction) => transaction.get(keys.identity));
      if (kind === 'linked') {
        await store.transaction((transaction) => transaction.put(keys.identity, identity!));
      }
      const party = open(name, store);
      await party.client.login({ username: name, password: 'Secret!23' });
      await party.client.connect();
      return party;
    },
    async tell(from, to, { conversation, control, times = 1 }) {
      const local = await loadLocalParty(from.store, nodeProvider);
      const deps = { provider: nodeProvider, local, clock: Date.now };
      const { user, device: other } = device(to.name);
      await from.store.transaction(async (transaction) => {
        for (let count = 0; count < times; count++) {
          const message = { conversation, control, to: [{ user, device: other }] };
          await enqueueControl(deps, transaction, message);
        }
      });
    },
    damageNext({ behind = 0, as, of } = {}) {
      const place = lastPlace(platform) + 1 + behind;
      platform.show = (slot: Slot, to) => {
        const isMeant = of === undefined || to.username === of;
        if (slot.type !== 'message' || slot.seq !== place || !isMeant) return [slot];
        const ciphertext = slot.ciphertext.with(-1, slot.ciphertext.at(-1)! ^ 1);
        return [{ ...slot, ciphertext, kind: as ?? slot.kind }];
      };
    },
    toldBy(name) {
      const all = platform.rooms.flatMap(({ messages }) => messages);
      const told = all.filter(({ message }) => message.kind === 'targeted');
      return told.filter(({ from }) => from.username === name).length;
    },
    async close() {
      for (const client of clients) await client.close();
      await platform.close();
    },
  };
  return world;
}

function lastPlace({ rooms }: Platform): number {
  return Math.max(0, ...rooms.flatMap(({ messages }) => messages.map(({ stored }) => stored.seq)));
}

function makeMortal(store: Store): { store: Store; dieAt: Party['dieAt'] } {
  let left = Number.POSITIVE_INFINITY;
  const mortal: Store = {
    transaction: (work) => {
      left -= 1;
      return left >= 0 ? store.transaction(work) : Promise.reject(new Error('killed'));
    },
    close: async () => {},
  };
  const dieAt = (transaction: number) => {
    left = transaction - 1;
    return { isDead: () => left < 0 };
  };
  return { store: mortal, dieAt };
}

/** Two who have both written and read one message. */
export async function pair(
  world: World,
): Promise<{ alice: Party; bob: Party; conversation: ConversationId }> {
  const [alice, bob] = [await world.enter('alice'), await world.enter('bob')];
  const { id: conversation } = await alice.client.openDirect(world.device('bob').user);
  await say(bob, alice, { conversation, text: 'hello' });
  await say(alice, bob, { conversation, text: 'hello yourself' });
  return { alice, bob, conversation };
}

/** Three people in a group. */
export interface Trio {
  readonly alice: Party;
  readonly bob: Party;
  readonly carol: Party;
  readonly conversation: ConversationId;
}

/** Alice's group with Bob and Carol, in which nothing was said. */
export async function trio(world: World): Promise<Trio> {
  const [alice, bob, carol] = [
    await world.enter('alice'),
    await world.enter('bob'),
    await world.enter('carol'),
  ];
  const members = [world.device('bob').user, world.device('carol').user];
  const { id: conversation } = await alice.client.groups.create({ members });
  return { alice, bob, carol, conversation };
}

/** Says something, and waits until the other one has read it. */
export async function say(
  from: Party,
  to: Party,
  { conversation, text }: { readonly conversation: ConversationId; readonly text: string },
): Promise<void> {
  await from.client.sendText(conversation, text);
  await until(async () => (await textsOf(to, conversation)).includes(text), 30_000);
}

/** What others have said, as the history has it. */
export async function theirs(
  { store }: Pick<Party, 'store'>,
  conversation: ConversationId,
): Promise<Message[]> {
  const items = await readHistory(store, conversation, { limit: 1000 });
  return items.filter((item) => item.type === 'message').filter(({ own }) => !own);
}

/** The texts among them. */
export async function textsOf(
  party: Pick<Party, 'store'>,
  conversation: ConversationId,
): Promise<string[]> {
  return (await theirs(party, conversation)).map(({ content }) => textOf(content));
}

/** How many messages of a conversation are unreadable. */
export async function countUnreadable(
  { store }: Pick<Party, 'store'>,
  conversation: ConversationId,
): Promise<number> {
  const items = await readHistory(store, conversation, { limit: 1000 });
  return items.filter(({ type }) => type === 'unreadable').length;
}

/** How many messages wait for the loop over messages. */
export function countArrivals({ store }: Pick<Party, 'store'>): Promise<number> {
  return store.transaction(async (transaction) => {
    return (await transaction.list({ prefix: keys.arrivals, limit: 100 })).length;
  });
}

/** What the loop over messages gives, without our own. */
export function takeMessages({ client }: Pick<Party, 'client'>): { texts: string[] } {
  const taken = { texts: [] as string[] };
  const loop = async () => {
    for await (const { content, own } of client.messages()) {
      if (!own) taken.texts.push(textOf(content));
    }
  };
  void loop();
  return taken;
}

/** What a message says, or of what type it is. */
export function textOf(content: Message['content']): string {
  return content.type === 'text' ? content.text : content.type;
}

/** Waits for a condition. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  ms = 20_000,
): Promise<void> {
  await vi.waitFor(async () => expect(await condition()).toBe(true), { timeout: ms, interval: 5 });
}

/** What the platform says once it was asked for too many bundles: the pause is longer than anybody waits here. */
export function noBundles(operation: string): ApiError | undefined {
  const isBundle = operation === 'getBundle' || operation === 'getBundles';
  return isBundle ? new ApiError('rate.limited', { retryAfter: 600 }) : undefined;
}
