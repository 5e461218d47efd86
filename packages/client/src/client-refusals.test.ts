/** What a client does not do, and says so at once. */
import { randomUUID } from 'node:crypto';
import { ApiError, toProblem } from '@sotto/api';
import { nodeProvider } from '@sotto/crypto/node';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Client, createClient } from './client.ts';
import type { ConversationRecord } from './messages/conversation-record.ts';
import { type Platform, startPlatform } from './platform/platform.fixture.ts';
import { keys } from './store/key-space.ts';
import type { Store } from './store/store.ts';
import { openMemoryStore } from './store/store-memory.ts';
import { putRecord } from './store/stored-record.ts';
import { LogAlarm } from './trust/log-standing.ts';

const PASSWORD = 'Secret!23';

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

test.each(['localhost:1', 'chat.example.org', 'ws://localhost:1', ''])(
  'a client of %j is not made',
  (url) => {
    expect(() => createClient({ url, store: openMemoryStore() })).toThrow(/^url is to be/);
  },
);

test('what has no id of a conversation is not sent, and no file is uploaded for it', async () => {
  const { alice } = await pair();
  const nowhere = 'nope' as ConversationRecord['id'];
  const file = { name: 'a', type: 'text/plain', data: Uint8Array.of(1) };
  const unknown = { code: 'conversation.unknown' };
  await expect(alice.sendText(nowhere, 'hi')).rejects.toMatchObject(unknown);
  await expect(alice.sendFile(nowhere, file)).rejects.toMatchObject(unknown);
  expect(platform.calls).not.toContain('uploadFile');
});

test('what is written to no conversation is given back, once the platform has said so', async () => {
  const { alice, store, conversation } = await pair();
  const failed = vi.fn();
  alice.on('failed', failed);
  const nowhere = randomUUID() as ConversationRecord['id'];
  const { id } = await alice.sendText(nowhere, 'hi');
  await expect(alice.whenStored(id)).rejects.toMatchObject({ code: 'message.refused' });
  expect(failed).toHaveBeenCalledWith({
    ...{ id, conversation: nowhere },
    code: 'conversation.not-found',
  });
  const key = keys.failed(nowhere, id);
  expect(await store.transaction((transaction) => transaction.get(key))).toBeDefined();
  const asked = () => platform.calls.filter((call) => call === 'getConversation').length;
  const before = asked();
  await alice.whenStored((await alice.sendText(conversation.id, 'meanwhile')).id);
  expect(asked()).toBe(before);
});

test('what is held up by a limit says so', async () => {
  const { alice, conversation } = await pair();
  const trouble = vi.fn();
  alice.on('trouble', trouble);
  platform.judge = () => toProblem(new ApiError('rate.limited', { retryAfter: 53 }));
  await alice.sendText(conversation.id, 'too much');
  await vi.waitFor(() => expect(trouble).toHaveBeenCalled(), 10_000);
  expect(trouble.mock.calls).toEqual([
    [{ error: expect.objectContaining({ message: 'rate limited, for 53 s' }) }],
  ]);
  expect(await alice.unsent(conversation.id)).toHaveLength(1);
});

test('what is no file is refused with what a file is', async () => {
  const { alice, conversation } = await pair();
  const named = { name: 'a', type: 'text/plain' };
  for (const wrong of [undefined, 'a.txt', named, { ...named, data: { stream: 'a', size: 1 } }]) {
    const sent: unknown = Reflect.apply(alice.sendFile, alice, [conversation.id, wrong]);
    await expect(sent).rejects.toThrow(/^a file is \{ name, type, data \}/);
  }
});

test('a message that waits is told that the account was taken over, and stays', async () => {
  const { alice, store, conversation } = await pair();
  const compromised = vi.fn();
  alice.on('account-compromised', compromised);
  platform.judge = () => toProblem(new ApiError('message.busy', { retryAfter: 3600 }));
  const { id: earlier } = await alice.sendText(conversation.id, 'before');
  const waiting = expect(alice.whenStored(earlier)).rejects.toMatchObject({
    code: 'account.compromised',
  });
  expect(await alice.unsent(conversation.id)).toHaveLength(1); // By now it has asked the store, and waits.
  const alarm = { code: 'account.compromised', cause: 'key-log.foreign' } as const;
  await store.transaction((transaction) =>
    putRecord(transaction, keys.logAlarm, [LogAlarm, alarm]),
  );
  platform.cutAll();
  await waiting;
  expect(compromised).toHaveBeenCalled();

  const { id } = await alice.sendText(conversation.id, 'after');
  await expect(alice.whenStored(id)).rejects.toMatchObject({ code: 'account.compromised' });
  expect(await alice.unsent(conversation.id)).toMatchObject([{ id: earlier }, { id }]);
});

test('a message that waits is told that the session has ended, and is sent after the next log-in', async () => {
  const { alice, conversation } = await pair();
  platform.judge = () => toProblem(new ApiError('message.busy', { retryAfter: 3600 }));
  const { id } = await alice.sendText(conversation.id, 'before');
  const waiting = expect(alice.whenStored(id)).rejects.toMatchObject({
    code: 'account.logged-out',
  });
  endSessions();
  await waiting;
  await expect(alice.whenStored(id)).rejects.toMatchObject({ code: 'account.logged-out' });

  platform.failCall = () => undefined;
  platform.judge = () => undefined;
  await alice.login({ username: 'alice', password: PASSWORD });
  await alice.connect();
  expect(await alice.whenStored(id)).toMatchObject({ seq: 1 });
});

test('the loop over messages ends with the session, after what has arrived', async () => {
  const { alice, bob, conversation } = await pair();
  const arrived = vi.fn();
  bob.on('message', arrived);
  const ended = vi.fn();
  bob.on('logged-out', ended);
  await alice.sendText(conversation.id, 'hello');
  await vi.waitFor(() => expect(arrived).toHaveBeenCalled(), 20_000);
  endSessions();
  await vi.waitFor(() => expect(ended).toHaveBeenCalled(), { timeout: 10_000 });

  const messages = bob.messages();
  expect((await messages.next()).value).toMatchObject({ content: { text: 'hello' } });
  await expect(messages.next()).rejects.toMatchObject({ code: 'account.logged-out' });
});

test('a loop that waits for messages is ended by a log-out, and another one goes on after a log-in', async () => {
  const { alice, bob, conversation } = await pair();
  const waiting = bob.messages().next();
  const refused = expect(waiting).rejects.toMatchObject({ code: 'account.logged-out' });
  await bob.logout();
  await refused;
  await bob.login({ username: 'bob', password: PASSWORD });
  await bob.connect();
  await alice.sendText(conversation.id, 'hello again');
  expect((await bob.messages().next()).value).toMatchObject({ content: { text: 'hello again' } });
});

/** Every session is over, and no device comes back by its key. */
function endSessions(): void {
  platform.failCall = (operation) => {
    if (operation === 'openChallenge') return undefined;
    if (operation === 'loginByDevice') return new ApiError('auth.challenge-wrong');
    return new ApiError(operation === 'refresh' ? 'auth.refresh-invalid' : 'auth.token-invalid');
  };
  platform.cutAll();
}

async function enter(username: string, store: Store): Promise<Client> {
  const client = createClient({ url: platform.url, store, provider: nodeProvider });
  clients.push(client);
  await client.register({ username, password: PASSWORD });
  await client.connect();
  return client;
}

async function pair() {
  const store = openMemoryStore();
  const [alice, bob] = [await enter('alice', store), await enter('bob', openMemoryStore())];
  const found = await alice.findUser('bob');
  const conversation = await alice.openDirect(found?.user ?? expect.fail('bob is not known'));
  return { alice, bob, store, conversation };
}
