/** `npm run backup` and `npm run restore`, on a platform that people use meanwhile. */
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import {
  type Client,
  createClient,
  type Message,
  openMemoryStore,
  type Store,
} from '@sotto/client';
import { nodeProvider } from '@sotto/crypto/node';
import pg from 'pg';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { inspectArchive } from '../../scripts/backup/inspect.ts';
import {
  freePort,
  NO_LIMITS,
  openRealServers,
  type Standalone,
  startStandalone,
} from '../cluster.ts';
import { connectEmbedded } from './embedded-database.ts';
import { type Command, runScript, startScript } from './script.ts';

const WAIT = { timeout: 60_000, interval: 100 };
const FILE_BYTES = 3 * 1024 * 1024;

let folder: string;
let platform: Standalone;
let environment: Record<string, string>;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sotto-backup-'));
  chmodSync(folder, 0o711);
  environment = { ...NO_LIMITS, SERVER_PORT: String(await freePort()) };
  platform = await startStandalone({ environment, dataDirectory: newDirectory() });
});
afterAll(async () => {
  await platform?.stop();
  rmSync(folder, { recursive: true, force: true });
});

test('what was acknowledged before a backup began is there after a restore, and people go on', async () => {
  const people = [await enter('alice'), await enter('bob')] as const;
  const { id: conversation } = await people[0].client.openDirect(
    (await people[1].client.me())!.user,
  );
  const stop = new AbortController();
  const writing = people.map((person) => keepWriting(person, conversation, stop.signal));
  await vi.waitFor(() => expect(people[0].files.length).toBeGreaterThan(2), WAIT);

  const before = people.map(({ sent, files }) => ({ sent: [...sent], files: [...files] }));
  const backup = join(folder, 'under-load');
  const made = await runScript('backup', [backup, '--with-secrets'], inDirectory(platform));
  expect(made).toMatchObject({ code: 0, stderr: '' });
  stop.abort();
  await Promise.all(writing);
  await platform.kill();

  const dataDirectory = newDirectory();
  const restored = await runScript('restore', [backup], { DATA_DIR: dataDirectory });
  expect(restored.stderr).toBe('');
  expect(restored.code).toBe(0);
  // Before any client could send again what it has kept.
  platform = await startStandalone({ environment, dataDirectory });
  const acknowledged = before.flatMap(({ sent }) => sent);
  expect(acknowledged.length).toBeGreaterThan(20);
  expect(await countMessages(dataDirectory, acknowledged)).toBe(acknowledged.length);

  const [alice, bob] = people;
  const { id } = await alice.client.sendText(conversation, 'after the restore');
  await alice.client.whenStored(id);
  await vi.waitFor(() => expect(bob.shown.map(textOf)).toContain('after the restore'), WAIT);
  // Whoever reads a file gets it from the restored store: clients do not bring files again.
  for (const { message, bytes } of before[0]?.files ?? []) {
    const found = await vi.waitFor(
      () => bob.shown.find((one) => one.id === message) ?? expect.fail(),
      WAIT,
    );
    const { stream } = await bob.client.openFile(found);
    expect(Buffer.compare(await buffer(stream), bytes)).toBe(0);
  }
  const ids = bob.shown.map((message) => message.id);
  expect(new Set(ids).size).toBe(ids.length);
  for (const { client } of people) await client.close();
}, 240_000);

test('a backup that is cut off or altered is refused, and nothing is made of it', async () => {
  const whole = readFileSync(join(folder, 'under-load'));
  const broken = join(folder, 'broken');
  const dataDirectory = newDirectory();
  const alteredAt = (at: number) => {
    const bytes = Buffer.from(whole);
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    return bytes;
  };
  const cases: [Buffer, string][] = [
    [whole.subarray(0, whole.length - 1), 'cut off'],
    [whole.subarray(0, whole.length / 2), 'cut off'],
    [alteredAt(whole.length - 30), 'damaged'],
    [alteredAt(Math.floor(whole.length / 2)), 'damaged'],
    [randomBytes(1_000), 'no backup'],
  ];
  for (const [bytes, says] of cases) {
    writeFileSync(broken, bytes);
    await expect(inspectArchive(broken, undefined)).rejects.toThrow(says);
  }
  // Whoever reads a backup reads it so first.
  const [[cut], [damaged]] = [cases[1]!, cases[3]!];
  writeFileSync(broken, damaged);
  const { code, stderr } = await runScript('restore', [broken], { DATA_DIR: dataDirectory });
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('damaged') });
  expect(readdirSync(dataDirectory)).toEqual([]);
  writeFileSync(broken, cut);
  const checked = await runScript('backup', ['--verify', broken]);
  expect(checked).toMatchObject({ code: 1, stderr: expect.stringContaining('cut off') });
}, 240_000);

test('a restore does not touch a platform that runs, or that holds something', async () => {
  const backup = join(folder, 'under-load');
  const running = await runScript('restore', [backup], inDirectory(platform));
  expect(running).toMatchObject({ code: 1, stderr: expect.stringContaining('is running') });
  const { dataDirectory } = platform;
  // As if the clock had been put back by years since: the platform that follows is to rise above this one all the same.
  await query(dataDirectory, 'update message.platform set incarnation = 1000000000');
  await platform.stop();
  const full = await runScript('restore', [backup], { DATA_DIR: dataDirectory });
  expect(full).toMatchObject({ code: 1, stderr: expect.stringContaining('not empty') });
  const unsure = await runScript('restore', [backup, '--replace'], { DATA_DIR: dataDirectory });
  expect(unsure).toMatchObject({ code: 64, stderr: expect.stringContaining('"replace"') });
  const words = [backup, '--replace', '--confirm', 'replace'];
  const replaced = await runScript('restore', words, { DATA_DIR: dataDirectory });
  expect(replaced).toMatchObject({ code: 0, stderr: '' });
  expect(replaced.stdout).toContain('incarnation 1000000001');
  platform = await startStandalone({ environment, dataDirectory });
}, 180_000);

test('a backup that is killed leaves no backup, and the next one is made all the same', async () => {
  const target = join(folder, 'killed');
  const command = startScript('backup', [target], inDirectory(platform));
  await vi.waitFor(() => expect(existsSync(`${target}.partial`)).toBe(true), {
    ...WAIT,
    interval: 1,
  });
  await kill(command);
  expect(existsSync(target)).toBe(false);
  const again = await runScript('backup', [target], inDirectory(platform));
  expect(again).toMatchObject({ code: 0 });
  expect(existsSync(`${target}.partial`)).toBe(false);
  expect(await runScript('backup', ['--verify', target])).toMatchObject({ code: 0 });
}, 240_000);

test('a restore that is killed leaves nothing of the backup in the database, and may be run again', async () => {
  const backup = join(folder, 'under-load');
  const dataDirectory = newDirectory();
  const command = startScript('restore', [backup], { DATA_DIR: dataDirectory });
  const unfinished = join(dataDirectory, 'blobs', 'unfinished');
  const isStoring = () => existsSync(unfinished) && readdirSync(unfinished).length > 0;
  // Blobs come behind all rows, and before these are committed.
  await vi.waitFor(() => expect(isStoring()).toBe(true), { ...WAIT, interval: 1 });
  await kill(command);
  const empty = await startStandalone({ environment: NO_LIMITS, dataDirectory });
  expect(await query(dataDirectory, 'select from auth.users')).toEqual([]);
  // A platform that was only started has claimed the store: the restored one gets it.
  const marker = markerIn(dataDirectory);
  await vi.waitFor(() => expect(existsSync(marker)).toBe(true), WAIT);
  await empty.stop();
  const again = await runScript('restore', [backup], { DATA_DIR: dataDirectory });
  expect(again).toMatchObject({ code: 0, stderr: '' });
  expect(existsSync(marker)).toBe(false);
}, 180_000);

test('a backup under a passphrase is of use with it alone', async () => {
  const [target, file, other] = ['sealed', 'passphrase', 'other'].map((name) => join(folder, name));
  writeFileSync(file!, 'correct horse battery\n');
  writeFileSync(other!, 'wrong horse battery\n');
  const words = [target!, '--with-secrets', '--passphrase-file', file!];
  expect(await runScript('backup', words, inDirectory(platform))).toMatchObject({ code: 0 });
  const verify = (passphrase: string) =>
    runScript('backup', ['--verify', target!, '--passphrase-file', passphrase]);
  expect(await verify(file!)).toMatchObject({ code: 0, stdout: expect.stringContaining('whole') });
  expect(await verify(other!)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('passphrase'),
  });
}, 240_000);

test('without the secrets of the backup a restore says so before it changes anything', async () => {
  const dataDirectory = newDirectory();
  const words = [join(folder, 'killed')];
  const { code, stderr } = await runScript('restore', words, { DATA_DIR: dataDirectory });
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('FIELD_KEYS') });
  expect(readdirSync(dataDirectory)).toEqual([]);
}, 60_000);

test('a platform on servers of its own is backed up from them, and put back on others', async () => {
  const [from, to] = [await openRealServers(), await openRealServers()];
  try {
    const dataDirectory = newDirectory();
    const own = { ...NO_LIMITS, SERVER_PORT: environment.SERVER_PORT ?? '0' };
    await platform.stop();
    platform = await startStandalone({
      environment: { ...own, ...from.environment },
      dataDirectory,
    });
    const [alice, bob] = [await enter('carol'), await enter('dave')];
    const { id } = await alice.client.openDirect((await bob.client.me())!.user);
    const bytes = randomBytes(FILE_BYTES);
    const file = { name: 'bytes', type: 'application/octet-stream', data: new Blob([bytes]) };
    await alice.client.whenStored((await alice.client.sendFile(id, file)).id);
    await vi.waitFor(() => expect(bob.shown).toHaveLength(1), WAIT);
    const target = join(folder, 'servers');
    const at = { DATA_DIR: dataDirectory };
    expect(await runScript('backup', [target], { ...at, ...from.environment })).toMatchObject({
      code: 0,
      stderr: '',
    });
    await platform.stop();
    const restoring = startScript('restore', [target], { ...at, ...to.environment });
    // Somebody who looks in meanwhile finds the platform empty, or safe to run on; never the rows as they were.
    const guest = await visitWhileWriting(to.environment.DATABASE_URL ?? '');
    const restored = await restoring.ended;
    const { rows } = await guest.query(`select restoring,
      (select count(*)::int from key.one_time_prekeys) as prekeys,
      (select count(*)::int from auth.sessions) as sessions from message.platform`);
    await guest.end();
    expect(restored).toMatchObject({ code: 0, stderr: '' });
    expect(rows).toEqual([{ restoring: null, prekeys: 0, sessions: 0 }]);
    platform = await startStandalone({ environment: { ...own, ...to.environment }, dataDirectory });
    const [shown] = bob.shown;
    const { stream } = await bob.client.openFile(shown ?? expect.fail());
    expect(Buffer.compare(await buffer(stream), bytes)).toBe(0);
    for (const { client } of [alice, bob]) await client.close();
  } finally {
    await platform.stop();
    await from.close();
    await to.close();
  }
}, 240_000);

interface Person {
  client: Client;
  shown: Message[];
  /** Ids of what is acknowledged. */
  sent: string[];
  files: { message: string; bytes: Buffer }[];
}

async function enter(name: string): Promise<Person> {
  const client = createClient({
    url: platform.url,
    store: lasting(openMemoryStore()),
    provider: nodeProvider,
  });
  const person: Person = { client, shown: [], sent: [], files: [] };
  client.on('message', (message) => void person.shown.push(message));
  await client.register({ username: name, password: 'Correct-Horse-7' });
  await client.connect();
  return person;
}

function lasting(store: Store): Store {
  return { transaction: (work) => store.transaction(work), close: async () => undefined };
}

/** Letters and files, one after the other, until told to stop. */
async function keepWriting(
  { client, sent, files }: Person,
  conversation: Parameters<Client['history']>[0],
  signal: AbortSignal,
): Promise<void> {
  for (let count = 0; !signal.aborted; count += 1) {
    const { id } = await client.sendText(conversation, `letter ${count}`);
    await client.whenStored(id);
    sent.push(id);
    // Those of one person are enough.
    if (count % 10 !== 5) continue;
    const bytes = randomBytes(FILE_BYTES);
    const file = { name: 'bytes', type: 'application/octet-stream', data: new Blob([bytes]) };
    const message = await client.sendFile(conversation, file);
    await client.whenStored(message.id);
    files.push({ message: message.id, bytes });
  }
}

function textOf({ content }: Message): string {
  return content.type === 'text' ? content.text : '';
}

async function countMessages(dataDirectory: string, ids: readonly string[]): Promise<number> {
  const rows = await query(dataDirectory, 'select from message.message_ids where id = any($1)', [
    ids,
  ]);
  return rows.length;
}

/** Asks the embedded database of a platform that runs. */
async function query(dataDirectory: string, text: string, values: unknown[] = []) {
  const client = await connectEmbedded(dataDirectory);
  try {
    return (await client.query(text, values)).rows;
  } finally {
    await client.end();
  }
}

/** Connects to a database as soon as a restore has written to it. */
async function visitWhileWriting(url: string): Promise<pg.Client> {
  const beside = new URL(url);
  const database = beside.pathname.slice(1);
  beside.pathname = '/postgres';
  const watcher = new pg.Client({ connectionString: beside.href });
  await watcher.connect();
  const writers = `select from pg_stat_activity
    where application_name = 'sotto-backup' and datname = $1 and backend_xid is not null`;
  await vi.waitFor(
    async () => expect((await watcher.query(writers, [database])).rows).toHaveLength(1),
    { ...WAIT, interval: 5 },
  );
  await watcher.end();
  const guest = new pg.Client({ connectionString: url });
  await guest.connect();
  return guest;
}

/** What the file service has claimed the store with. */
function markerIn(dataDirectory: string): string {
  return join(dataDirectory, 'blobs', '73', '6f', '736f7474-6f00-4000-8000-000000000001');
}

function newDirectory(): string {
  const directory = mkdtempSync(join(folder, 'platform-'));
  chmodSync(directory, 0o711);
  return directory;
}

function inDirectory({ dataDirectory }: Standalone): Record<string, string> {
  return { DATA_DIR: dataDirectory };
}

async function kill(command: Command): Promise<void> {
  command.child.kill('SIGKILL');
  await command.ended;
}
