/** What a device that talks keeps secret is in no backup of it, however the records that hold it may change. */
import { nodeProvider } from '@sotto/crypto/node';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import * as z from 'zod/mini';
import { Account } from '../account/records.ts';
import { type Client, createClient } from '../client.ts';
import { type Platform, startPlatform } from '../platform/platform.fixture.ts';
import { keys } from '../store/key-space.ts';
import type { Store, StoreEntry } from '../store/store.ts';
import { openMemoryStore } from '../store/store-memory.ts';
import { getRecord } from '../store/stored-record.ts';
import { openBackup } from './archive-file.ts';
import { kindOf } from './archive-kinds.ts';
import { exportBackup, makeRecoveryKey } from './backup.ts';
import { decodeRecoveryWords } from './recovery-words.ts';

/** Not by the table that is to be held to it. */
const SECRET = ['device-key', 'session', 'signed-prekey', 'one-time-prekey', 'outbox', 'sent'];

let platform: Platform;
let clients: Client[];

beforeEach(async () => {
  platform = await startPlatform();
  clients = [];
});
afterEach(async () => {
  for (const client of clients) await client.close();
  await platform.close();
});

test('no key, session or token of a device is in its backup, nor what is encrypted under them', async () => {
  const store = openMemoryStore();
  const [alice, bob] = [await enter('alice', store), await enter('bob', openMemoryStore())];
  const { id } = await alice.openDirect((await bob.me())!.user);
  await alice.whenStored((await alice.sendText(id, 'from her')).id);
  await bob.whenStored((await bob.sendText(id, 'from him')).id);
  await vi.waitFor(async () => expect(await alice.history(id)).toHaveLength(2), 10_000);
  const waiting = await enter('carol', openMemoryStore());
  const { id: unsent } = await alice.openDirect((await waiting.me())!.user);
  platform.judge = () => 'cut';
  await alice.sendText(unsent, 'not to be said twice');
  await vi.waitFor(async () => expect(await sealedIn(store)).toBe(true), 10_000);

  const words = makeRecoveryKey();
  const backup = await exportBackup(store, words, { provider: nodeProvider });
  const blob = await new Response(backup as BodyInit).blob();
  const opened = await openBackup(nodeProvider, decodeRecoveryWords(words), blob);
  const all = (await Array.fromAsync(opened.records())).map(textOf).join('\n');
  expect(all).toContain('from him');
  expect(all).not.toContain('not to be said twice');
  const never = await secretsOf(store);
  expect(never.length).toBeGreaterThan(200);
  for (const secret of never) expect(all).not.toContain(secret);
});

/** Every text of some length in the records that are secret, and the tokens. */
async function secretsOf(store: Store): Promise<string[]> {
  const entries = await store.transaction((it) => it.list({ prefix: '', limit: 10_000 }));
  const account = await store.transaction((it) => getRecord(it, keys.account, Account));
  const { access, refresh } = account?.tokens ?? expect.fail('nobody is logged in');
  const secrets = entries.filter(({ key }) => SECRET.includes(kindOf(key)));
  expect(secrets.map(({ key }) => kindOf(key))).toEqual(expect.arrayContaining(SECRET));
  return [access, refresh, ...secrets.flatMap((entry) => leavesOf(entry))];
}

/** Sessions are bytes, all else is JSON. */
function leavesOf(entry: StoreEntry): string[] {
  const text = new TextDecoder().decode(entry.value);
  if (kindOf(entry.key) === 'session') return [text.slice(0, 64), text.slice(-64)];
  // Ids of people and conversations stand in a history too.
  return (text.match(/"[\w-]{40,}"/g) ?? []).map((leaf) => leaf.slice(1, -1));
}

function textOf({ key, value }: StoreEntry): string {
  return `${key} ${new TextDecoder().decode(value)}`;
}

/** Whether something has left that no answer has come to. */
async function sealedIn(store: Store): Promise<boolean> {
  const page = await store.transaction((it) => it.list({ prefix: keys.outbox(), limit: 1 }));
  const Sealed = z.object({ sealed: z.boolean() });
  return page.some(({ value }) => Sealed.parse(JSON.parse(new TextDecoder().decode(value))).sealed);
}

async function enter(username: string, store: Store): Promise<Client> {
  const client = createClient({ url: platform.url, store, provider: nodeProvider });
  clients.push(client);
  await client.register({ username, password: 'Correct-Horse-7' });
  await client.connect();
  return client;
}
