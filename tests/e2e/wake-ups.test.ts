/** A device that is away is woken over Web Push, through the SDK, on the platform as users run it. */
import { type Client, createClient, openMemoryStore, type Store } from '@sotto/client';
import { nodeProvider } from '@sotto/crypto/node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type PushServer, startPushServer } from '../../services/message/test/push-server.ts';
import { NO_LIMITS, type Standalone, startStandalone } from '../cluster.ts';
import { openLastingStore } from './stores.ts';

const TEST_MS = 90_000;

let server: PushServer;
let platform: Standalone;
const clients = new Set<Client>();

beforeAll(async () => {
  server = await startPushServer();
  platform = await startStandalone({
    environment: {
      ...NO_LIMITS,
      ...{ PUSH_HOSTS: server.host, PUSH_ALLOW_PRIVATE: 'true', PUSH_CA: server.ca },
    },
  });
});
afterAll(async () => {
  for (const client of clients) await client.close();
  await platform?.close();
  await server?.close();
});

test(
  'a message wakes who is away, and says nothing of itself to the push service',
  async () => {
    const [alice, bob] = [await enter('Alice'), await enter('Bob')];
    expect((await bob.pushKey())?.length).toBe(65);
    await bob.subscribePush({ endpoint: server.endpoint('/bob') });
    const conversation = await introduce(alice, bob);
    await bob.close();
    await alice.sendText(conversation, 'are you there');
    const [request] = await server.waitFor('/bob');
    expect(request).toMatchObject({ method: 'POST', bytes: 0 });
  },
  TEST_MS,
);

test(
  'a subscription where the operator does not let it go is refused, and one can be taken back',
  async () => {
    const store = openLastingStore();
    const carol = await enter('Carol', store);
    await expect(
      carol.subscribePush({ endpoint: 'https://elsewhere.example/carol' }),
    ).rejects.toMatchObject({ code: 'push.endpoint-refused' });
    await carol.subscribePush({ endpoint: server.endpoint('/first') });
    await carol.subscribePush({ endpoint: server.endpoint('/second') });
    await carol.unsubscribePush();
    const dave = await enter('Dave');
    const conversation = await introduce(dave, carol);
    await carol.close();
    await dave.whenStored((await dave.sendText(conversation, 'nobody is woken')).id);
    const again = open(store);
    await again.subscribePush({ endpoint: server.endpoint('/third') });
    await again.close();
    await dave.sendText(conversation, 'now somebody is');
    await server.waitFor('/third');
    expect(server.requests.map(({ path }) => path)).not.toContain('/first');
    expect(server.requests.map(({ path }) => path)).not.toContain('/second');
  },
  TEST_MS,
);

function open(store: Store): Client {
  const client = createClient({ url: platform.url, store, provider: nodeProvider });
  clients.add(client);
  return client;
}

async function enter(username: string, store: Store = openMemoryStore()): Promise<Client> {
  const client = open(store);
  await client.register({ username, password: 'Correct-Horse-7' });
  await client.connect();
  return client;
}

/** Strangers wake nobody, so they are strangers no more. */
async function introduce(from: Client, to: Client) {
  const me = (await to.me()) ?? expect.fail('nobody is logged in');
  const { id } = await from.openDirect(me.user);
  const heard = Promise.withResolvers<void>();
  to.on('message', () => heard.resolve());
  await from.sendText(id, 'may I');
  await heard.promise;
  await to.people.accept(id);
  return id;
}
