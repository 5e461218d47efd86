/** What an ended connection has begun may fail when there is another one, which that does not concern. */
import type { ConversationId } from '@sotto/api';
import { nodeProvider } from '@sotto/crypto/node';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Client, createClient } from '../client.ts';
import { notePassedOver } from '../messages/passed-over.ts';
import { type Platform, startPlatform } from '../platform/platform.fixture.ts';
import type { Store } from '../store/store.ts';
import { openMemoryStore } from '../store/store-memory.ts';

/** One request that is not sent on before it may be; it fails if that is refused. */
interface Hold {
  readonly path: string;
  readonly come: PromiseWithResolvers<void>;
  readonly gone: PromiseWithResolvers<void>;
}

let platform: Platform;
let alice: Client;
let store: Store;
let conversation: ConversationId;
let hold: Hold | undefined;
let connections: number;
let downs: number;
let trouble: unknown[];

beforeEach(async () => {
  [hold, connections, downs, trouble] = [undefined, 0, 0, []];
  platform = await startPlatform();
  const bob = open(openMemoryStore());
  await bob.register({ username: 'bob', password: 'Secret!23' });
  // It outlives its client.
  store = { ...openMemoryStore(), close: async () => {} };
  const first = open(store);
  await first.register({ username: 'alice', password: 'Secret!23' });
  await bob.connect();
  await first.connect();
  ({ id: conversation } = await first.openDirect((await bob.me())!.user));
  await first.whenStored((await first.sendText(conversation, 'hello')).id);
  await bob.close();
  await first.close();

  alice = open(store);
  alice.on('connected', () => {
    connections += 1;
  });
  alice.on('disconnected', () => {
    downs += 1;
  });
  alice.on('trouble', ({ error }) => trouble.push(error));
});
afterEach(async () => {
  await alice.close();
  await platform.close();
});

test('a request of an ended connection that fails late ends no other', async () => {
  await alice.connect();
  const { come, gone } = holdNext('/messages');
  sayThatThereIsMore();
  await come.promise;
  platform.cutAll();
  await vi.waitFor(() => expect(connections).toBe(2), 10_000);
  const before = trouble.length;
  gone.reject(new TypeError('the network was lost'));
  await vi.waitFor(() => expect(trouble.length).toBeGreaterThan(before), 10_000);
  await say('still here');
  expect(downs).toBe(1);
});

test('what was passed over is read over the connection that there is, and not in the turn of one that has failed', async () => {
  const { come, gone } = holdNext('/conversations');
  await alice.connect();
  await come.promise;
  let cuts = 1;
  platform.failCall = (operation) =>
    operation === 'listMessages' && cuts-- > 0 ? 'cut' : undefined;
  sayThatThereIsMore();
  await vi.waitFor(() => expect(connections).toBe(2), 10_000);
  await say('greeted');
  await store.transaction((transaction) => notePassedOver(transaction, conversation, 1));
  platform.calls.length = 0;
  gone.resolve();
  await vi.waitFor(() => expect(platform.calls).toContain('listMessages'), 10_000);
  await say('still here');
  expect(downs).toBe(1);
  expect(trouble).toHaveLength(1);
});

function open(own: Store): Client {
  const slow: typeof fetch = async (target, init) => {
    const { pathname } = new URL(String(target));
    if (hold !== undefined && pathname.endsWith(hold.path)) {
      const { come, gone } = hold;
      hold = undefined;
      come.resolve();
      await gone.promise;
    }
    return fetch(target, init);
  };
  return createClient({ url: platform.url, store: own, provider: nodeProvider, fetch: slow });
}

function holdNext(path: string): Hold {
  hold = { path, come: Promise.withResolvers(), gone: Promise.withResolvers() };
  return hold;
}

/** Alice is told of places that she does not have. */
function sayThatThereIsMore(): void {
  const { socket } = platform.devices.find(({ username }) => username === 'alice')!;
  socket!.send(JSON.stringify({ type: 'heads', heads: [{ conversation, last: 9 }] }));
}

async function say(text: string): Promise<void> {
  await alice.whenStored((await alice.sendText(conversation, text)).id);
}
