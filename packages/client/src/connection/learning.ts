/** What the platform lists, as far as it was taken in; what could not be read of it is read over the next connection. */
import type { ConversationId } from '@sotto/api';
import type { GroupDeps } from '../groups/group-authors.ts';
import { readGroup } from '../groups/group-reading.ts';
import { giveAllTitleKeys } from '../groups/group-title.ts';
import { learnConversations } from '../messages/find-conversation.ts';

export interface LearningDeps extends GroupDeps {
  /** There is something new to send in a conversation; in any, when left out. */
  readonly wake: (conversation?: ConversationId) => void;
}

export interface Learning {
  /** Takes it in, once: what changes while connected, or between two connections, comes as slots. Throws what calls throw. */
  need(): Promise<void>;
  /** The next {@link need} takes it in again. */
  again(): void;
  /** Reads on in a group whose log lacks an entry, for what waits for that. Throws what calls throw. */
  readLog(conversation: ConversationId): Promise<void>;
}

/** For all connections of a client. */
export function createLearning(deps: LearningDeps): Learning {
  const { wake } = deps;
  let learning: Promise<void> | undefined;

  function again(): void {
    learning = undefined;
  }

  function fail(error: unknown): never {
    again();
    throw error;
  }

  return {
    again,
    need() {
      learning ??= learnConversations({ ...deps, learnAgain: again })
        .then(() => {
          wake(); // Groups may have turned out to be sound.
          return giveAllTitleKeys(deps, wake);
        })
        .catch(fail);
      return learning;
    },
    readLog: (conversation) => readGroup(deps, conversation).then(() => wake(), fail),
  };
}
