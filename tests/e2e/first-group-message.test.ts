/** The first message to a group on the real platform: what it asks for, what it uploads, and who can read it. */
import { type Client, createClient, openMemoryStore } from '@sotto/client';
import { nodeProvider } from '@sotto/crypto/node';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { freePort, NO_LIMITS, type Standalone, startStandalone } from '../cluster.ts';
import { enterMembers } from './many-members.ts';

const PASSWORD = 'Correct-Horse-7';
const TEST_MS = 90_000;

let platform: Standalone;
const clients = new Set<Client>();
/** What the watched client has asked for about keys, and the kinds of what it has sent. */
const asked: string[] = [];
const sent: string[] = [];

beforeAll(async () => {
  // Many people register at once; what one of them may send is as anywhere.
  const { LIMITS_SEND_PER_MINUTE: _, LIMITS_SEND_PER_MINUTE_ALL: __, ...lifted } = NO_LIMITS;
  const environment = { ...lifted, SERVER_PORT: String(await freePort()) };
  platform = await startStandalone({ environment });
});
afterAll(() => platform?.close());
afterEach(async () => {
  for (const client of clients) await client.close();
  clients.clear();
});

test(
  'asks for all bundles at once, is not refused, and is uploaded once; the next one is nothing else',
  async () => {
    const names = Array.from({ length: 8 }, (_, index) => `member${index}`);
    const others = await Promise.all(names.map((name) => enter(name)));
    const alice = await enter('alice', { isWatched: true });
    const users = await Promise.all(others.map(async (other) => (await other.me())!.user));
    // More devices than one frame takes.
    const absent = await enterMembers(platform.url, { count: 30, devicesEach: 2 });
    const { id } = await alice.groups.create({ members: [...users, ...absent] });
    asked.length = 0;
    const first = await alice.sendText(id, 'hello, all of you');
    await alice.whenStored(first.id);
    expect(asked.filter((path) => path.includes('/keys/bundle'))).toEqual([
      'POST /api/v1/keys/bundles',
    ]);
    expect(sent).toEqual(['targeted', 'targeted', 'group']);
    const next = await alice.sendText(id, 'and again');
    await alice.whenStored(next.id);
    expect(sent).toEqual(['targeted', 'targeted', 'group', 'group']);
    const expected = ['hello, all of you', 'and again'];
    for (const other of others) {
      await vi.waitFor(async () => expect(await textsOf(other, id)).toEqual(expected), 30_000);
    }
  },
  TEST_MS,
);

async function enter(username: string, { isWatched = false } = {}): Promise<Client> {
  const options = { url: platform.url, store: openMemoryStore(), provider: nodeProvider };
  const client = createClient({
    ...options,
    ...(isWatched && { fetch: watchedFetch, WebSocket: WatchedSocket }),
  });
  clients.add(client);
  await client.register({ username, password: PASSWORD });
  await client.connect();
  return client;
}

const watchedFetch: typeof fetch = (input, init) => {
  const { method, url } = new Request(input, init);
  asked.push(`${method} ${new URL(url).pathname}`);
  return fetch(input, init);
};

class WatchedSocket extends WebSocket {
  override send(data: string): void {
    const frame: { type: string; message?: { kind: string } } = JSON.parse(data);
    if (frame.message !== undefined) sent.push(frame.message.kind);
    super.send(data);
  }
}

async function textsOf(client: Client, conversation: Parameters<Client['history']>[0]) {
  const items = await client.history(conversation);
  return items.flatMap((item) =>
    item.type === 'message' && item.content.type === 'text' ? [item.content.text] : [],
  );
}
