/**
 * A platform that is lost and put back from a backup (DESIGN 2.9): people write before the backup, after it and after the
 * restore, one of them is away when the platform is lost, and in the end everybody has everything once.
 */
import { execFile } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  type Client,
  createClient,
  type Message,
  openMemoryStore,
  type Store,
} from '@sotto/client';
import { nodeProvider } from '@sotto/crypto/node';
import { freePort, NO_LIMITS, type Standalone, startStandalone } from '../cluster.ts';

export interface RestoreOptions {
  /** Between the backup and the loss, and as many again after the restore. */
  messages: number;
  /** For everything to arrive. */
  withinMs: number;
  say?: (line: string) => void;
}

export interface RestoreReport {
  /** Letters that were acknowledged, for one reader each. */
  acknowledged: number;
  /** Of those, what a reader has not, and what a reader was shown more than once or has more than once. */
  missing: number;
  twice: number;
  unreadable: number;
  /** How many were acknowledged after the backup and sent again. */
  lostByThePlatform: number;
  /** Clients that were told, and those that took it for a forged log. */
  told: number;
  alarmed: number;
  /** From the start of the restored platform until everything had arrived. */
  secondsAfterRestore: number;
}

/** Written before the backup: sessions stand, and places are taken. */
const BEFORE = 40;

const run = promisify(execFile);
const restored = fileURLToPath(new URL('../../scripts/restored.ts', import.meta.url));

/** Does all of it on a platform of its own, which is gone afterwards. Rejects when something does not come in time. */
export async function runRestore(options: RestoreOptions): Promise<RestoreReport> {
  const { messages, say = () => undefined } = options;
  const environment = { ...NO_LIMITS, SERVER_PORT: String(await freePort()) };
  let platform = await startStandalone({ environment });
  const { dataDirectory, close } = platform;
  const people: Person[] = [];
  try {
    for (const name of ['alice', 'bob', 'carol', 'dave']) people.push(await enter(name, platform));
    await introduce(people);
    await write(people, BEFORE);
    await allRead(people, options.withinMs);
    await platform.stop();
    await copy(join(dataDirectory, 'postgres'), join(dataDirectory, 'backup'));
    say(`backup taken with ${BEFORE} messages`);
    platform = await startStandalone({ dataDirectory, environment });
    await growLog(people, platform);
    await write(people, messages / 2);
    await people.at(-1)?.client.close();
    await write(people.slice(0, -1), messages - messages / 2);
    say(`${messages} more acknowledged; the platform is lost`);
    await platform.kill();
    await putBack(dataDirectory);
    await run(process.execPath, [restored], {
      env: { PATH: process.env.PATH, DATA_DIR: dataDirectory },
    });
    platform = await startStandalone({ dataDirectory, environment });
    const startedAt = performance.now();
    say('restored; the people write on');
    const away = people.at(-1);
    if (away !== undefined) await open(away, platform.url);
    await write(people, messages);
    await allRead(people, options.withinMs);
    const secondsAfterRestore = (performance.now() - startedAt) / 1000;
    return { ...judge(people), lostByThePlatform: messages, secondsAfterRestore };
  } finally {
    for (const { client } of people) await client.close();
    await platform.stop();
    rmSync(join(dataDirectory, 'backup'), { recursive: true, force: true });
    await close();
  }
}

interface Person {
  readonly name: string;
  readonly store: Store;
  client: Client;
  conversation: Parameters<Client['history']>[0];
  partner: Person | undefined;
  /** What it was told is stored. */
  readonly sent: string[];
  /** What it was shown of its partner, each time. */
  readonly shown: string[];
  unreadable: number;
  told: number;
  alarmed: number;
}

async function enter(name: string, { url }: Standalone): Promise<Person> {
  const store = lasting(openMemoryStore());
  const client = newClient(url, store);
  const person: Person = {
    ...{ name, store, client, partner: undefined, sent: [], shown: [] },
    conversation: '' as Person['conversation'],
    ...{ unreadable: 0, told: 0, alarmed: 0 },
  };
  listen(person);
  await client.register({ username: name, password: 'Correct-Horse-7' });
  await client.connect();
  return person;
}

function newClient(url: string, store: Store): Client {
  return createClient({ url, store, provider: nodeProvider });
}

/** The same person, who comes back. */
async function open(person: Person, url: string): Promise<void> {
  person.client = newClient(url, person.store);
  listen(person);
  await person.client.connect();
}

function listen(person: Person): void {
  const { client } = person;
  client.on('message', (message) => person.shown.push(textOf(message)));
  client.on('unreadable', () => {
    person.unreadable += 1;
  });
  client.on('key-log-restored', () => {
    person.told += 1;
  });
  client.on('key-log-broken', () => {
    person.alarmed += 1;
  });
  client.on('account-compromised', () => {
    person.alarmed += 1;
  });
}

/** The store outlives its client, as a file does. */
function lasting(store: Store): Store {
  return { transaction: (work) => store.transaction(work), close: async () => undefined };
}

/** Somebody joins whom the backup does not have, and everybody sees the key log with them in it. */
async function growLog(people: readonly Person[], platform: Standalone): Promise<void> {
  const stranger = await enter('eve', platform);
  await stranger.client.close();
  for (const person of people) {
    await person.client.close();
    await open(person, platform.url);
    const { id } = await person.client.sendText(
      person.conversation,
      `${person.name} ${person.sent.length}`,
    );
    person.sent.push(`${person.name} ${person.sent.length}`);
    await person.client.whenStored(id);
  }
}

async function introduce(people: readonly Person[]): Promise<void> {
  for (let index = 0; index < people.length; index += 2) {
    const [one, other] = [people[index], people[index + 1]];
    if (one === undefined || other === undefined) throw new Error('nobody to write to');
    const { user } = (await other.client.me()) ?? { user: undefined };
    if (user === undefined) throw new Error(`${other.name} is nobody`);
    const { id } = await one.client.openDirect(user);
    for (const person of [one, other]) person.conversation = id;
    [one.partner, other.partner] = [other, one];
  }
}

/** So many messages in all, in equal parts; resolves when all are acknowledged. */
async function write(people: readonly Person[], count: number): Promise<void> {
  const share = Math.ceil(count / people.length);
  await Promise.all(
    people.map(async ({ name, client, conversation, sent }) => {
      const first = sent.length;
      const texts = Array.from({ length: share }, (_, index) => `${name} ${first + index}`);
      sent.push(...texts);
      const ids = [];
      for (const text of texts) ids.push((await client.sendText(conversation, text)).id);
      for (const id of ids) await client.whenStored(id);
    }),
  );
}

async function allRead(people: readonly Person[], withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const waiting = people.filter(({ shown, partner }) => {
      return new Set(shown).size < (partner?.sent.length ?? 0);
    });
    if (waiting.length === 0) break;
    if (performance.now() > deadline) {
      const state = waiting.map(({ name, shown, partner }) => {
        return `${name} has ${new Set(shown).size} of ${partner?.sent.length}`;
      });
      throw new Error(`not everything has arrived: ${state.join(', ')}`);
    }
    await sleep(50);
  }
  // Whatever comes twice comes after the first time.
  await sleep(1_000);
}

function judge(people: readonly Person[]) {
  const sum = (count: (person: Person) => number) =>
    people.reduce((total, person) => total + count(person), 0);
  const expected = ({ partner }: Person) => partner?.sent ?? [];
  return {
    acknowledged: sum(({ sent }) => sent.length),
    missing: sum((person) => new Set(expected(person)).difference(new Set(person.shown)).size),
    twice: sum(({ shown }) => shown.length - new Set(shown).size),
    unreadable: sum(({ unreadable }) => unreadable),
    told: people.filter(({ told }) => told > 0).length,
    alarmed: people.filter(({ alarmed }) => alarmed > 0).length,
  };
}

function textOf({ content }: Message): string {
  return content.type === 'text' ? content.text : content.type;
}

async function putBack(dataDirectory: string): Promise<void> {
  const cluster = join(dataDirectory, 'postgres');
  rmSync(cluster, { recursive: true });
  await copy(join(dataDirectory, 'backup'), cluster);
}

/** With owners and modes, which PostgreSQL insists on. */
async function copy(from: string, to: string): Promise<void> {
  if (existsSync(to)) throw new Error(`${to} is there already`);
  await run('cp', ['-a', from, to]);
}
