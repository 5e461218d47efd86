/** What the compiler knows of the public door: `tsc` checks this file, and running it only shows that it loads. */
import type { ConversationId, UserId } from '@sotto/api';
import { expectTypeOf, test } from 'vitest';
import type {
  Client,
  ClientErrorCode,
  ClientEvent,
  ClientEvents,
  ConnectionView,
  ConversationView,
  Message,
  MessageView,
  Observable,
  Presence,
} from './index.ts';

declare const client: Client;
declare const conversation: ConversationId;
declare const user: UserId;

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

test('the unions that an application switches over are closed', () => {
  expectTypeOf<'message'>().toExtend<ClientEvent>();
  expectTypeOf<string>().not.toExtend<ClientEvent>();
  expectTypeOf<string>().not.toExtend<ClientErrorCode>();
  expectTypeOf<MessageView['status']>().toEqualTypeOf<
    'waiting' | 'stored' | 'delivered' | 'read' | 'failed' | 'received'
  >();
  expectTypeOf<ConnectionView['status']>().toEqualTypeOf<'connected' | 'connecting' | 'offline'>();
});
