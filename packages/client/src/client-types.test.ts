/** What the compiler knows of the public door: `tsc` checks this file, and running it only shows that it loads. */
import type { ConversationId, UserId } from '@sotto/api';
import { expectTypeOf, test } from 'vitest';
import {
  type Client,
  ClientError,
  type ClientErrorCode,
  type ClientEvent,
  type ClientEvents,
  type ConnectionView,
  type ConversationView,
  createClient,
  type FileReference,
  type GroupRecord,
  type Message,
  type MessageView,
  type Observable,
  openMemoryStore,
  type Presence,
  type Sent,
} from './index.ts';
import { openSharedClient } from './remote/node-client.ts';
import { openWorkerClient } from './remote/worker.ts';

declare const client: Client;
declare const conversation: ConversationId;
declare const user: UserId;
declare const worker: Worker;

/** Never called. */
export function typesOfTheState(): void {
  const { state } = client;
  expectTypeOf(state.connection.get()).toEqualTypeOf<ConnectionView>();
  expectTypeOf(state.conversations.get()).toEqualTypeOf<readonly ConversationView[] | undefined>();
  const messages = state.messages(conversation);
  expectTypeOf(messages).toExtend<Observable<readonly MessageView[] | undefined>>();
  expectTypeOf(messages.older()).toEqualTypeOf<Promise<boolean>>();
  expectTypeOf(state.presence(user).get()).toEqualTypeOf<Presence | undefined>();
  // @ts-expect-error a user is no conversation
  state.messages(user);
  // @ts-expect-error what is shown is not changed in place
  messages.get()?.push();
  // @ts-expect-error nor is a line of it
  state.conversations.get()!.at(0)!.unread = 0;
}

/** Never called. */
export async function typesOfEvents(): Promise<void> {
  expectTypeOf(client.on<'message'>)
    .parameter(1)
    .parameter(0)
    .toEqualTypeOf<Message>();
  const end = client.on('disconnected', ({ retryMs }) => {
    expectTypeOf(retryMs).toEqualTypeOf<number | undefined>();
  });
  expectTypeOf(end).toEqualTypeOf<() => void>();
  const signal = AbortSignal.timeout(1);
  for await (const event of client.each('stored', { signal })) {
    expectTypeOf(event).toEqualTypeOf<ClientEvents['stored']>();
  }
  // @ts-expect-error there is no such event
  client.each('mesage');
  // @ts-expect-error nor is it heard
  client.on('mesage', () => {});
}

/** Never called. */
export async function typesOfOpening(): Promise<void> {
  const [url, store] = ['https://chat.example.org', openMemoryStore()];
  expectTypeOf(createClient({ url, store })).toEqualTypeOf<Client>();
  // @ts-expect-error there is no client without a store
  createClient({ url });
  // @ts-expect-error an option that is misspelled is none
  createClient({ url, store, witness: [] });
  // Wherever it runs, it is the same client.
  expectTypeOf(await openSharedClient({ url, path: 'chat.sqlite' })).toEqualTypeOf<Client>();
  expectTypeOf(await openWorkerClient(worker, { url, name: 'chat' })).toExtend<Client>();
  // @ts-expect-error the store of a shared client is its path's
  await openSharedClient({ url, path: 'chat.sqlite', store });
}

/** Never called. */
export async function typesOfTalk(): Promise<void> {
  const { id } = await client.openDirect(user);
  expectTypeOf(await client.sendText(id, 'hello')).toEqualTypeOf<Sent>();
  // @ts-expect-error a user is no conversation
  await client.sendText(user, 'hello');
  // @ts-expect-error nor is any text
  await client.sendText('00000000-0000-7000-8000-000000000001', 'hello');
  for await (const message of client.messages()) {
    if (message.content.type === 'file') {
      expectTypeOf(message.content.file).toEqualTypeOf<FileReference>();
    }
    if (message.content.type === 'text') expectTypeOf(message.content.text).toBeString();
    // @ts-expect-error not everything that is said is a text
    message.content.text;
  }
  for (const item of await client.history(id)) {
    expectTypeOf(item.seq).toBeNumber();
    if (item.type === 'unreadable') expectTypeOf(item.cause).toBeString();
    // @ts-expect-error only what could be read has content
    item.content;
  }
}

/** Never called. */
export async function typesOfGroups(): Promise<void> {
  const group = await client.groups.create({ members: [user], title: 'Choir' });
  expectTypeOf(group).toEqualTypeOf<GroupRecord>();
  await client.groups.setRole(group.id, user, 'admin');
  // @ts-expect-error there is no such role
  await client.groups.setRole(group.id, user, 'owner');
  // @ts-expect-error somebody's name is not who they are
  await client.groups.add(group.id, ['bob']);
}

/** Never called. */
export function typesOfErrors(error: unknown): string {
  if (!(error instanceof ClientError)) throw error;
  // @ts-expect-error there is no such code
  if (error.code === 'outbox.ful') return 'wait';
  return error.code === 'outbox.full' ? 'wait' : error.code;
}

test('the unions that an application switches over are closed', () => {
  expectTypeOf<'message'>().toExtend<ClientEvent>();
  expectTypeOf<string>().not.toExtend<ClientEvent>();
  expectTypeOf<string>().not.toExtend<ClientErrorCode>();
  expectTypeOf<MessageView['status']>().toEqualTypeOf<
    'waiting' | 'stored' | 'delivered' | 'read' | 'failed' | 'received'
  >();
  expectTypeOf<ConnectionView['status']>().toEqualTypeOf<'connected' | 'connecting' | 'offline'>();
});
