/** One hook for each thing that the SDK keeps up to date. */
import type { ClientState, ConnectionView, ConversationView, MessageView } from '@sotto/client';
import { useMemo } from 'react';
import { useClient } from './client-context.ts';
import { useObservable } from './use-observable.ts';

type ConversationId = Parameters<ClientState['messages']>[0];
type UserId = Parameters<ClientState['presence']>[0];

/** Whether this device is connected. */
export function useConnection(): ConnectionView {
  return useObservable(useClient().state.connection);
}

/** All conversations, the newest first; undefined until they were read. */
export function useConversations(): readonly ConversationView[] | undefined {
  return useObservable(useClient().state.conversations);
}

/** The newest lines of a conversation, and what shows older ones. */
export function useMessages(conversation: ConversationId): {
  readonly lines: readonly MessageView[] | undefined;
  readonly older: () => Promise<boolean>;
} {
  const { state } = useClient();
  const messages = useMemo(() => state.messages(conversation), [state, conversation]);
  return { lines: useObservable(messages), older: messages.older };
}

/** Whether somebody is there; undefined while that is not known. */
export function usePresence(user: UserId): ReturnType<ReturnType<ClientState['presence']>['get']> {
  const { state } = useClient();
  return useObservable(useMemo(() => state.presence(user), [state, user]));
}

/** What somebody shows of themselves; undefined while nothing of it has come. */
export function useProfile(user: UserId): ReturnType<ReturnType<ClientState['profile']>['get']> {
  const { state } = useClient();
  return useObservable(useMemo(() => state.profile(user), [state, user]));
}
