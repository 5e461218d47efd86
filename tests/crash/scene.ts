/** Those among whom a mortal client lives: they outlive it, ask of it what it is tried for, and judge what became of it. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { getBundle } from '@sotto/api';
import {
  type Client,
  type ConversationRecord,
  createClient,
  openMemoryStore,
  type Store,
} from '@sotto/client';
import { openSqliteStore } from '@sotto/client/sqlite';
import { nodeProvider } from '@sotto/crypto/node';
import { waitFor } from '../daemon.ts';
import { accessTokenOf, openLastingStore } from '../e2e/stores.ts';
import type { Work } from './mortal-process.ts';

type Id = ConversationRecord['id'];
type Given<W> = W extends unknown ? Omit<W, 'url' | 'killAt' | 'sealsPath'> : never;

/** What a life is about. */
export const TASKS = ['send', 'receive', 'refill', 'refresh', 'link', 'complete'] as const;
export type Task = (typeof TASKS)[number];

/** One piece of work, and what is to be seen once it was done. */
export interface Round {
  readonly work: Given<Work>;
  /** Hears the code that a new device shows. */
  readonly onCode?: (code: string) => void;
  readonly after: () => Promise<void>;
}

export interface Scene {
  /** The work for a death at a point. */
  next(point: number): Promise<Round>;
  /** What went wrong over all of it, in words. */
  judge(): Promise<string[]>;
  close(): Promise<void>;
}

export interface SceneOptions {
  readonly url: string;
  readonly directory: string;
  readonly task: Task;
}

const PASSWORD = 'Correct-Horse-7';
const PATIENCE_MS = 30_000;
/** As many as a device gives out at once: fewer than it makes others for are left when they were taken. */
const PREKEYS_TAKEN = 95;

/** What a platform is to let somebody do who is to run out of prekeys, and to link a device again and again. */
export const CRASH_ENVIRONMENT = {
  LIMITS_BUNDLE_BURST: '1000000',
  LIMITS_BUNDLE_PER_TARGET: '1000000',
  LIMITS_NEW_DEVICES_PER_DAY: '1000000',
} as const;

/** A mortal client and a friend, who have greeted each other. */
interface Cast extends SceneOptions {
  readonly path: string;
  readonly friend: Client;
  readonly friendStore: Store;
  readonly user: Parameters<Client['openDirect']>[0];
  readonly conversation: Id;
  /** Every text of the conversation, in order. */
  readonly expected: string[];
}

/** Registers those that the task takes, and lets them meet. */
export async function openScene(options: SceneOptions): Promise<Scene> {
  const { url, directory, task } = options;
  const path = join(directory, 'mortal.sqlite');
  const friendStore = openLastingStore();
  const friend = await enter(url, { name: 'Friend', store: friendStore });
  const mortal = await enter(url, { name: 'Mortal', store: openSqliteStore(path) });
  const { user } = (await mortal.me()) ?? {};
  if (user === undefined) throw new Error('nobody was registered');
  const { id: conversation } = await friend.openDirect(user);
  const cast: Cast = { ...options, path, friend, friendStore, user, conversation, expected: [] };
  await say(cast, friend, 'welcome');
  await hears(mortal, conversation, 'welcome');
  if (task === 'link') return linkScene(cast, mortal);
  await mortal.close();
  return sceneOf(cast, (point) => ROUNDS[task](cast, point));
}

const ROUNDS: Record<Exclude<Task, 'link'>, (cast: Cast, point: number) => Promise<Round>> = {
  async send(cast, point) {
    return sending(cast, `sent ${point}`);
  },
  async receive(cast, point) {
    const texts = [1, 2, 3].map((place) => `to receive ${point}.${place}`);
    for (const text of texts) await say(cast, cast.friend, text);
    const { path } = cast;
    const [until = ''] = texts.slice(-1);
    const work = { task: 'receive', path, until, shownPath: `${path}.shown` } as const;
    return { work, after: async () => undefined };
  },
  async refill(cast, point) {
    await takePrekeys(cast);
    const work = { task: 'connect', path: cast.path } as const;
    return { work, after: () => greetAnew(cast, point) };
  },
  async refresh(cast, point) {
    expireToken(cast.path);
    return sending(cast, `with another token ${point}`);
  },
  async complete(cast, point) {
    const young = open(cast.url, openSqliteStore(join(cast.directory, `young ${point}.sqlite`)));
    const { code, completed } = await young.beginLink();
    return {
      work: { task: 'complete', path: cast.path, code },
      async after() {
        const { device } = await completed;
        await young.connect();
        const text = `to two devices ${point}`;
        await say(cast, cast.friend, text);
        await hears(young, cast.conversation, text);
        await young.unlink(device);
        await young.close();
      },
    };
  },
};

function sending(cast: Cast, text: string): Round {
  const { path, conversation, friend } = cast;
  cast.expected.push(text);
  return {
    work: { task: 'send', path, conversation, text },
    after: () => hears(friend, conversation, text),
  };
}

function sceneOf(cast: Cast, next: Scene['next']): Scene {
  const { friend } = cast;
  return {
    next,
    async judge() {
      const mortal = open(cast.url, openSqliteStore(cast.path));
      try {
        await mortal.connect();
        // Sessions are alive in both directions.
        await say(cast, friend, 'are you there');
        await hears(mortal, cast.conversation, 'are you there');
        await say(cast, mortal, 'I am');
        await hears(friend, cast.conversation, 'I am');
        return [
          ...(await faultsOf(mortal, cast, 'the mortal client')),
          ...(await faultsOf(friend, cast, 'the friend')),
        ];
      } finally {
        await mortal.close();
      }
    },
    close: () => friend.close(),
  };
}

/** A new device dies while it is linked; the old one lives. */
function linkScene(cast: Cast, old: Client): Scene {
  const { url, conversation, friend } = cast;
  return {
    async next(point) {
      const path = join(cast.directory, `young ${point}.sqlite`);
      const answers: ReturnType<Client['completeLink']>[] = [];
      return {
        work: { task: 'show-code', path },
        onCode(code) {
          const answer = old.completeLink(code);
          answer.catch(() => undefined);
          answers.push(answer);
        },
        async after() {
          const { device } = await Promise.any(answers);
          const young = open(url, openSqliteStore(path));
          await young.connect();
          const text = `to a linked device ${point}`;
          await say(cast, friend, text);
          await hears(young, conversation, text);
          await young.close();
          await old.unlink(device);
        },
      };
    },
    async judge() {
      await hears(old, conversation, cast.expected.at(-1) ?? '');
      return [
        ...(await faultsOf(old, cast, 'the old device')),
        ...(await faultsOf(friend, cast, 'the friend')),
      ];
    },
    async close() {
      await old.close();
      await friend.close();
    },
  };
}

function open(url: string, store: Store): Client {
  return createClient({ url, store, provider: nodeProvider });
}

let people = 0;

async function enter(
  url: string,
  { name, store }: { name: string; store: Store },
): Promise<Client> {
  const client = open(url, store);
  people += 1;
  const username = `${name}${people}x${Date.now() % 1_000_000}`;
  await client.register({ username, password: PASSWORD });
  await client.connect();
  return client;
}

async function say(cast: Pick<Cast, 'conversation' | 'expected'>, by: Client, text: string) {
  cast.expected.push(text);
  await by.whenStored((await by.sendText(cast.conversation, text)).id);
}

async function hears(client: Client, conversation: Id, text: string): Promise<void> {
  const isThere = async () => (await textsOf(client, conversation)).includes(text);
  await waitFor(isThere, PATIENCE_MS);
}

async function textsOf(client: Client, conversation: Id): Promise<string[]> {
  const items = await client.history(conversation, { limit: 10_000 });
  return items.flatMap((item) => {
    if (item.type === 'unreadable') return [`unreadable: ${item.cause}`];
    return item.type === 'message' && item.content.type === 'text' ? [item.content.text] : [];
  });
}

async function faultsOf(
  client: Client,
  { conversation, expected }: Omit<Cast, 'friend'>,
  who: string,
) {
  const texts = await textsOf(client, conversation);
  if (texts.join('\n') === expected.join('\n')) return [];
  const missing = expected.filter((text) => !texts.includes(text));
  const strange = texts.filter(
    (text, place) => texts.indexOf(text) !== place || !expected.includes(text),
  );
  return [
    `${who} misses ${missing.join(', ') || 'nothing'}, and has ${strange.join(', ') || 'another order'}`,
  ];
}

/** A token that is to be renewed before it is used again. */
function expireToken(path: string): void {
  const database = new DatabaseSync(path);
  const row = database.prepare("select value from entries where key = 'account'").get();
  const account = JSON.parse(Buffer.from(row?.value as Uint8Array).toString());
  account.tokens.renewAt = 0;
  database
    .prepare("update entries set value = ? where key = 'account'")
    .run(Buffer.from(JSON.stringify(account)));
  database.close();
}

/** Takes so many one-time prekeys that the device is to make others. */
async function takePrekeys({ url, user, friend, friendStore }: Cast): Promise<void> {
  await friend.conversations();
  const authorization = `Bearer ${await accessTokenOf(friendStore)}`;
  const target = url + getBundle.path.replace(/\{\w+\}/, user);
  for (let taken = 0; taken < PREKEYS_TAKEN; taken += 1) {
    const { status } = await fetch(target, { headers: { authorization } });
    if (status !== 200) throw new Error(`no bundle: ${status}`);
  }
}

/** Somebody new writes by a prekey of those that were made last, and is read. */
async function greetAnew({ url, path, user }: Cast, point: number): Promise<void> {
  const newcomer = await enter(url, { name: 'Newcomer', store: openMemoryStore() });
  const { id } = await newcomer.openDirect(user);
  await newcomer.whenStored((await newcomer.sendText(id, `first words ${point}`)).id);
  await newcomer.close();
  const mortal = open(url, openSqliteStore(path));
  await mortal.connect();
  await hears(mortal, id, `first words ${point}`);
  await mortal.close();
}
