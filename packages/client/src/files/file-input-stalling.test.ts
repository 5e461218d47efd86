/** A file whose bytes do not come: nobody waits for them longer than they want to. */
import type { ConversationId } from '@sotto/api';
import { nodeProvider } from '@sotto/crypto/node';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Client, createClient } from '../client.ts';
import { type Platform, startPlatform } from '../platform/platform.fixture.ts';
import { openMemoryStore } from '../store/store-memory.ts';

let platform: Platform;
let alice: Client;
let conversation: ConversationId;

beforeEach(async () => {
  platform = await startPlatform();
  const [bob, own] = [open(), open()];
  alice = own;
  await bob.register({ username: 'bob', password: 'Secret!23' });
  await alice.register({ username: 'alice', password: 'Secret!23' });
  ({ id: conversation } = await alice.openDirect((await bob.me())!.user));
  await bob.close();
});
afterEach(async () => {
  await alice.close();
  await platform.close();
});

describe.each([
  ['short', 100_000],
  ['long', 6_000_000],
])('of a %s file whose bytes do not come', (_, size) => {
  test('who gives it up does not wait for them, and the input is let go of', async () => {
    const { file, wasRead, wasLeft } = stalled(size);
    const giving = new AbortController();
    const sent = alice.sendFile(conversation, file, { signal: giving.signal });
    await wasRead;
    giving.abort();
    await expect(sent).rejects.toMatchObject({ name: 'AbortError' });
    await wasLeft;
    expect(platform.files.begun.size + platform.files.stored.size).toBe(0);
  });

  test('nor does closing the client', async () => {
    const { file, wasRead, wasLeft } = stalled(size);
    const sent = alice.sendFile(conversation, file).catch((error) => error);
    await wasRead;
    await alice.close();
    expect(await sent).toMatchObject({ code: 'client.closed' });
    await wasLeft;
  });
});

function open(): Client {
  return createClient({ url: platform.url, store: openMemoryStore(), provider: nodeProvider });
}

/** A file of which half comes, and then nothing. */
function stalled(size: number) {
  const [read, left] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const stream = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new Uint8Array(size / 2)),
    pull: () => {
      read.resolve();
      return new Promise<void>(() => {});
    },
    cancel: () => left.resolve(),
  });
  const file = { name: 'film.mp4', type: 'video/mp4', data: { stream, size } };
  return { file, wasRead: read.promise, wasLeft: left.promise };
}
