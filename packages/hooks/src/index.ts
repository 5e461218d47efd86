/** The public door: the SDK's state in React, for pages and for terminals. */
export { ClientProvider, useClient } from './client-context.ts';
export { useObservable } from './use-observable.ts';
export {
  useConnection,
  useConversations,
  useMessages,
  usePresence,
  useProfile,
} from './use-state-of.ts';
