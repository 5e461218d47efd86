/** What a user interface shows, and binds to without glue: one observable for each thing on a page. */
import type { ConversationId, Presence, UserId } from '@sotto/api';
import type { ClientCore } from '../client-core.ts';
import { createPace } from '../connection/pace.ts';
import { ClientError } from '../errors.ts';
import { STATE_PAUSE_MS } from '../limits.ts';
import type { Profile } from '../people/profile.ts';
import { type Observable, onePerKey } from './observable.ts';
import { type ConnectionView, openConnectionState } from './state-connection.ts';
import { openConversationList } from './state-conversations.ts';
import { type Messages, MessageWindow } from './state-messages.ts';
import { openProfile } from './state-profile.ts';
import type { StateDeps } from './stored-value.ts';
import type { ConversationView } from './view.ts';

/**
 * Observables of what this device knows. What is asked for by an id is the same object each time, while anybody has it. A
 * value is the same object until something of it has changed, and so is each line of a list; after `close` none changes.
 */
export interface ClientState {
  readonly connection: Observable<ConnectionView>;
  /** First the one where something was said last; undefined until they were read, and while nobody is logged in. */
  readonly conversations: Observable<readonly ConversationView[] | undefined>;
  messages(conversation: ConversationId): Messages;
  /**
   * Whether somebody is there. Undefined while that is not known: without a connection, and of those who do not share an
   * accepted conversation with this account or do not show themselves. Asked of the platform for as long as somebody subscribes,
   * for at most 256 people at once.
   */
  presence(user: UserId): Observable<Presence | undefined>;
  /** What somebody shows of themselves, also this account; undefined while nothing of it has come. */
  profile(user: UserId): Observable<Profile | undefined>;
}

/** The state of a client. Nothing is read, and no timer runs, before somebody subscribes. */
export function openState(core: ClientCore): ClientState {
  const { store, events, clock, closing, presences } = core;
  const onError = (error: unknown) => events.emit('trouble', { error });
  const pace = createPace({ pauseMs: STATE_PAUSE_MS, onError });
  closing.addEventListener('abort', () => void pace.close());
  const deps: StateDeps = { store, events, clock, pace, closing, whoAmI: () => whoIs(core) };
  return {
    connection: openConnectionState({ events, clock, closing }),
    conversations: openConversationList(deps),
    messages: onePerKey((conversation: ConversationId) => new MessageWindow(deps, conversation)),
    presence: presences.of,
    profile: onePerKey((user: UserId) => openProfile(deps, user)),
  };
}

async function whoIs(core: ClientCore) {
  try {
    return (await core.peerDeps()).local;
  } catch (error) {
    if (error instanceof ClientError && error.code === 'account.missing') return undefined;
    throw error;
  }
}
