import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeProvider } from '@sotto/crypto/node';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { makeRecoveryKey } from '../backup/backup.ts';
import { type Client, createClient } from '../client.ts';
import { type Platform, startPlatform } from '../platform/platform.fixture.ts';
import { texts, userOf } from '../state/state.fixture.ts';
import { openMemoryStore } from '../store/store-memory.ts';
import { openSharedClient, type SharedClientOptions } from './node-client.ts';

const WAIT = { timeout: 20_000, interval: 10 };

let platform: Platform;
let directory: string;
let clients: Client[];

beforeEach(async () => {
  platform = await startPlatform();
  directory = mkdtempSync(join(tmpdir(), 'sotto-shared-'));
  clients = [];
});
afterEach(async () => {
  for (const client of clients) await client.close();
  await platform.close();
  rmSync(directory, { recursive: true });
});

test('the second to open a store follows the first, and goes on when that is closed', async () => {
  const [first, second] = [await share(), await share()];
  const bob = await stranger('bob');
  await first.register({ username: 'alice', password: 'Secret!23' });
  await second.connect();
  const { id } = await bob.openDirect(await userOf(first));
  await bob.sendText(id, 'one');
  const lines = second.state.messages(id);
  lines.subscribe(() => {});
  await vi.waitFor(() => expect(texts(lines.get())).toEqual(['one']), WAIT);
  const [line] = lines.get() ?? [];
  expect(statSync(join(directory, 'alice.sqlite.sock')).mode & 0o777).toBe(0o600);
  await first.close();
  const { id: message } = await second.sendText(id, 'two');
  await second.whenStored(message);
  await vi.waitFor(() => expect(texts(lines.get())).toEqual(['one', 'two']), WAIT);
  expect(lines.get()?.[0]).toBe(line);
  await vi.waitFor(() => expect(second.state.connection.get().status).toBe('connected'), WAIT);
});

test('files and backups pass between processes, though no socket carries a blob', async () => {
  const [first, second] = [await share(), await share()];
  await first.register({ username: 'alice', password: 'Secret!23' });
  await first.connect();
  const bob = await stranger('bob');
  const { id } = await second.openDirect(await userOf(bob));
  const data = new Blob([new Uint8Array(200_000).fill(9)]);
  const sent = await second.sendFile(id, { name: 'nine', type: 'text/plain', data });
  await second.whenStored(sent.id);
  const [item] = await second.history(id);
  if (item?.type !== 'message') expect.fail('there is no message');
  const { stream } = await second.openFile(item);
  expect(await new Response(stream).bytes()).toEqual(new Uint8Array(200_000).fill(9));

  const words = makeRecoveryKey();
  const backup = await new Response(await second.exportBackup(words)).blob();
  const [, other] = [
    await share({ path: pathOf('again') }),
    await share({ path: pathOf('again') }),
  ];
  const { username } = await other.restoreBackup(words, backup);
  await other.login({ username, password: 'Secret!23' });
  await other.connect();
  expect(await other.history(id)).toHaveLength(1);
});

test('a store is shared only with whoever knows what opens it', async () => {
  const secret = { passphrase: 'open sesame' };
  await share({ secret });
  await expect(share({ secret: { passphrase: 'open barley' } })).rejects.toMatchObject({
    code: 'store.key-wrong',
  });
  await expect(share()).rejects.toMatchObject({ code: 'store.sealed' });
  const other = await share({ secret });
  expect(await other.me()).toBeUndefined();
});

function share(options: Partial<SharedClientOptions> = {}): Promise<Client> {
  return openSharedClient({ url: platform.url, path: pathOf('alice'), ...options }).then(
    (client) => {
      clients.push(client);
      return client;
    },
  );
}

const pathOf = (name: string) => join(directory, `${name}.sqlite`);

async function stranger(username: string): Promise<Client> {
  const store = openMemoryStore();
  const client = createClient({ url: platform.url, store, provider: nodeProvider });
  clients.push(client);
  await client.register({ username, password: 'Secret!23' });
  await client.connect();
  return client;
}
