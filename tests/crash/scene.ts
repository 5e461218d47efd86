/** Those among whom a mortal client lives: they outlive it, ask of it what it is tried for, and judge what became of it. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
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
import { accessTokenOf, expireToken, openLastingStore } from '../e2e/stores.ts';
import { refusedPathOf } from './mortal.ts';
import { LIFE_BEGINS, type Work } from './work.ts';

type Id = ConversationRecord['id'];
type Given<W> = W extends unknown ? Omit<W, 'url' | 'killAt' | 'sealsPath'> : never;

/** What a life is about. */
export const TASKS = [
  ...(['send', 'send-stale', 'receive', 'send-group', 'receive-group'] as const),
  ...(['refill', 'refresh', 'link', 'complete'] as const),
] as const;
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

/** One conversation, and what everybody in it has to show. */
interface Room {
  readonly id: Id;
  /** Every text of it, in order. */
  readonly expected: string[];
}

/** A mortal client and a friend, who have greeted each other. */
interface Cast extends SceneOptions {
  readonly path: string;
  readonly friend: Client;
  readonly friendStore: Store;
  readonly user: Parameters<Client['openDirect']>[0];
  /** Of the two of them. */
  readonly room: Room;
  /** Each with everybody in it, and founded by the friend. */
  readonly groups: Room[];
  /** Who is in the groups besides the two. */
  readonly other: Client | undefined;
  /** A second device of the friend's, another one in each round. */
  young?: { readonly client: Client; readonly device: DeviceId };
  /** What went wrong in rounds that are over, in words. */
  readonly faults: string[];
}

type DeviceId = Awaited<ReturnType<Client['completeLink']>>['device'];

/** Registers those that the task takes, and lets them meet. */
export async function openScene(options: SceneOptions): Promise<Scene> {
  const { url, directory, task } = options;
  const path = join(directory, 'mortal.sqlite');
  const friendStore = openLastingStore();
  const friend = await enter(url, { name: 'Friend', store: friendStore });
  const mortal = await enter(url, { name: 'Mortal', store: openSqliteStore(path) });
  const { user } = (await mortal.me()) ?? {};
  if (user === undefined) throw new Error('nobody was registered');
  const room: Room = { id: (await friend.openDirect(user)).id, expected: [] };
  const isGroup = task === 'send-group' || task === 'receive-group';
  const other = isGroup ? await enter(url, { name: 'Other', store: openMemoryStore() }) : undefined;
  const lists = { groups: [], faults: [] };
  const cast: Cast = { ...options, path, friend, friendStore, user, room, other, ...lists };
  await say(room, friend, 'welcome');
  await hears(mortal, room, 'welcome');
  if (task === 'link') return linkScene(cast, mortal);
  await mortal.close();
  return sceneOf(cast, (point) => ROUNDS[task](cast, point));
}

const ROUNDS: Record<Exclude<Task, 'link'>, (cast: Cast, point: number) => Promise<Round>> = {
  async send(cast, point) {
    return sending(cast, cast.room, `sent ${point}`);
  },
  /** The mortal knows a device of the friend's that is gone, and none of the one that has come: the send is refused. */
  async 'send-stale'(cast, point) {
    await replaceYoung(cast);
    const text = `to another device ${point}`;
    const refusals = countRefusals(cast);
    const round = sending(cast, cast.room, text);
    return {
      ...round,
      async after() {
        await round.after();
        await judgeStale(cast, { text, refusals });
      },
    };
  },
  receive: (cast, point) => receiving(cast, cast.room, point),
  /** In a new group each time, so that everybody is to be given the key of what is said. */
  async 'send-group'(cast, point) {
    return sending(cast, await foundGroup(cast), `sent to all ${point}`);
  },
  async 'receive-group'(cast, point) {
    return receiving(cast, await foundGroup(cast), point);
  },
  async refill(cast, point) {
    await takePrekeys(cast);
    const work = { task: 'connect', path: cast.path } as const;
    return { work, after: () => greetAnew(cast, point) };
  },
  async refresh(cast, point) {
    expireToken(cast.path);
    return sending(cast, cast.room, `with another token ${point}`);
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
        await say(cast.room, cast.friend, text);
        await hears(young, cast.room, text);
        await young.unlink(device);
        await young.close();
      },
    };
  },
};

function sending({ path, friend }: Cast, room: Room, text: string): Round {
  room.expected.push(text);
  return {
    work: { task: 'send', path, conversation: room.id, text },
    after: () => hears(friend, room, text),
  };
}

async function receiving({ path, friend }: Cast, room: Room, point: number): Promise<Round> {
  const texts = [1, 2, 3].map((place) => `to receive ${point}.${place}`);
  for (const text of texts) await say(room, friend, text);
  const [until = ''] = texts.slice(-1);
  const work = { task: 'receive', path, until, shownPath: shownPathOf(path) } as const;
  return { work, after: async () => undefined };
}

/** Links another second device to the friend's account, and takes the one of before off it. */
async function replaceYoung(cast: Cast): Promise<void> {
  const { url, friend, young: before } = cast;
  const client = open(url, openMemoryStore());
  const { code, completed } = await client.beginLink();
  await friend.completeLink(code);
  const { device } = await completed;
  await client.connect();
  cast.young = { client, device };
  if (before === undefined) return;
  await friend.unlink(before.device);
  await before.client.close();
}

/** The new device has what was said since it came, once; and it was by a refusal that the mortal learned of it. */
async function judgeStale(
  cast: Cast,
  { text, refusals }: { readonly text: string; readonly refusals: number },
): Promise<void> {
  const { young, room, faults } = cast;
  if (young === undefined) throw new Error('nobody was linked');
  // What does not come is a difference.
  await hears(young.client, room, text).catch(() => undefined);
  faults.push(...differences(await textsOf(young.client, room), [text], 'the new device'));
  if (countRefusals(cast) === refusals) faults.push(`${text} was not refused`);
}

/** How often the platform has told the mortal, in all its lives, that it knows other devices than there are. */
function countRefusals({ path }: Cast): number {
  const refusedPath = refusedPathOf(path);
  return existsSync(refusedPath) ? statSync(refusedPath).size : 0;
}

async function foundGroup({ friend, other, user, groups }: Cast): Promise<Room> {
  const third = await other?.me();
  if (third === undefined) throw new Error('nobody else is there');
  const { id } = await friend.groups.create({ members: [user, third.user] });
  const room: Room = { id, expected: [] };
  groups.push(room);
  return room;
}

function sceneOf(cast: Cast, next: Scene['next']): Scene {
  const { friend, other, room, groups } = cast;
  return {
    next,
    async judge() {
      const given = faultsOfGiven(cast);
      const mortal = open(cast.url, openSqliteStore(cast.path));
      try {
        await mortal.connect();
        // Sessions are alive in both directions.
        for (const each of [room, ...groups.slice(-1)]) {
          await say(each, friend, 'are you there');
          await hears(mortal, each, 'are you there');
          await say(each, mortal, 'I am');
          await hears(friend, each, 'I am');
        }
        return [
          ...given,
          ...cast.faults,
          ...(await faultsOf(mortal, [room, ...groups], 'the mortal client')),
          ...(await faultsOf(friend, [room, ...groups], 'the friend')),
          ...(other === undefined ? [] : await faultsOf(other, groups, 'the other member')),
        ];
      } finally {
        await mortal.close();
      }
    },
    async close() {
      await friend.close();
      await other?.close();
      await cast.young?.client.close();
    },
  };
}

/**
 * What `messages()` has given in all lives: every arrival, in order. One comes again at most, as the first of a life: that on
 * which the one before has ended.
 */
function faultsOfGiven({ task, path, room, groups }: Cast): string[] {
  if (task !== 'receive' && task !== 'receive-group') return [];
  const given: string[] = [];
  for (const life of readFileSync(shownPathOf(path), 'utf8').split(LIFE_BEGINS)) {
    const texts = life.split('\n').filter((text) => text !== '');
    given.push(...(texts[0] === given.at(-1) ? texts.slice(1) : texts));
  }
  const expected = [room, ...groups].flatMap((each) => each.expected);
  return differences(given, expected, 'the loop over messages()');
}

/** A new device dies while it is linked; the old one lives. */
function linkScene(cast: Cast, old: Client): Scene {
  const { url, room, friend } = cast;
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
          await say(room, friend, text);
          await hears(young, room, text);
          await young.close();
          await old.unlink(device);
        },
      };
    },
    async judge() {
      return [
        ...(await faultsOf(old, [room], 'the old device')),
        ...(await faultsOf(friend, [room], 'the friend')),
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

async function say(room: Room, by: Client, text: string): Promise<void> {
  room.expected.push(text);
  await by.whenStored((await by.sendText(room.id, text)).id);
}

async function hears(client: Client, room: Pick<Room, 'id'>, text: string): Promise<void> {
  const isThere = async () => (await textsOf(client, room)).includes(text);
  await waitFor(isThere, PATIENCE_MS);
}

async function textsOf(client: Client, { id }: Pick<Room, 'id'>): Promise<string[]> {
  const items = await client.history(id, { limit: 10_000 });
  return items.flatMap((item) => {
    if (item.type === 'unreadable') return [`unreadable: ${item.cause}`];
    return item.type === 'message' && item.content.type === 'text' ? [item.content.text] : [];
  });
}

/** Waits for what was said last in each room, and looks at all of it. */
async function faultsOf(client: Client, rooms: readonly Room[], who: string): Promise<string[]> {
  const faults: string[] = [];
  for (const room of rooms) {
    // What does not come is a difference.
    await hears(client, room, room.expected.at(-1) ?? '').catch(() => undefined);
    faults.push(...differences(await textsOf(client, room), room.expected, who));
  }
  return faults;
}

function differences(texts: readonly string[], expected: readonly string[], who: string): string[] {
  if (texts.join('\n') === expected.join('\n')) return [];
  const missing = expected.filter((text) => !texts.includes(text));
  const strange = texts.filter(
    (text, place) => texts.indexOf(text) !== place || !expected.includes(text),
  );
  return [
    `${who} misses ${missing.join(', ') || 'nothing'}, and has ${strange.join(', ') || 'another order'}`,
  ];
}

/** Where the lives of a store write down what `messages()` gave them. */
function shownPathOf(path: string): string {
  return `${path}.shown`;
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
  await hears(mortal, { id }, `first words ${point}`);
  await mortal.close();
}
