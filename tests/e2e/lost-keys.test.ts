/** A device whose uploads are answered into the void, on the real platform. */
import { type Client, createClient } from '@sotto/client';
import { nodeProvider } from '@sotto/crypto/node';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { type Standalone, startStandalone } from '../cluster.ts';
import { openLossyNetwork } from './lost-answers.ts';
import { openLastingStore } from './stores.ts';

const PASSWORD = 'Correct-Horse-7';
const STEPS = ['identity', 'signed-prekey', 'one-time-prekeys', 'count', 'device-list', 'check'];

let platform: Standalone;
const clients: Client[] = [];

beforeAll(async () => {
  platform = await startStandalone();
});
afterAll(() => platform?.close());
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
});

test('each answer is lost once, and others can write to the device as if none had been', async () => {
  const network = openLossyNetwork();
  const bob = open(network.fetch);
  await bob.register({ username: 'bob', password: PASSWORD });
  for (const step of STEPS) network.lose(`/api/v1/keys/${step}`);
  await bob.connect();
  expect(network.faults).toHaveLength(STEPS.length);
  const me = await bob.me();

  const inbox: string[] = [];
  bob.on('message', ({ content }) => {
    if (content.type === 'text') inbox.push(content.text);
  });
  const lossy = openLossyNetwork();
  const alice = open(lossy.fetch);
  await alice.register({ username: 'alice', password: PASSWORD });
  await alice.connect();
  lossy.lose(`/api/v1/keys/bundle/${me?.user}`);
  const { id } = await alice.openDirect(me?.user ?? expect.fail('nobody is there'));
  await alice.whenStored((await alice.sendText(id, 'hello')).id);
  expect(lossy.faults).toHaveLength(1);
  await vi.waitFor(() => expect(inbox).toEqual(['hello']), { timeout: 10_000 });
}, 90_000);

function open(fetch: typeof globalThis.fetch): Client {
  const store = openLastingStore();
  const client = createClient({ url: platform.url, store, provider: nodeProvider, fetch });
  clients.push(client);
  return client;
}
