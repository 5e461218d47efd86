/** What a mortal process is told to do. Apart from its program, which begins to wait for this as soon as it is loaded. */
import type { ConversationRecord } from '@sotto/client';
import type { MortalOptions } from './mortal.ts';

type Id = ConversationRecord['id'];

/** One piece of work: doing it again after a death goes on with it, as an application does that was started again. */
export type Work = MortalOptions &
  (
    | { readonly task: 'send'; readonly conversation: Id; readonly text: string }
    | { readonly task: 'receive'; readonly until: string; readonly shownPath: string }
    /** Connects, which publishes keys and renews tokens where that is due. */
    | { readonly task: 'connect' }
    | { readonly task: 'show-code' }
    | { readonly task: 'complete'; readonly code: string }
  );

/** Stands before what one life was given by `messages()`. */
export const LIFE_BEGINS = '--- a life begins\n';
