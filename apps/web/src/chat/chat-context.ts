/** What all parts of an open chat share. */
import type { ConversationView, FileReference, MessageView } from '@sotto/client';
import type { Reader } from '@sotto/hooks';
import { createContext, useContext } from 'react';

/** Something that a line speaks of. */
export type Reference = NonNullable<MessageView['reference']>;

/** What is being written. */
export type Writing =
  | { readonly type: 'new' }
  | { readonly type: 'reply'; readonly to: MessageView }
  | { readonly type: 'edit'; readonly of: MessageView };

/** The chat that is open. */
export interface Chat {
  readonly view: ConversationView;
  readonly reader: Reader;
  readonly isGroup: boolean;
  /** Whether this account may say something here: not in groups that it has left, and not in requests. */
  readonly mayWrite: boolean;
  /** A line that was loaded; undefined for what lies further back. */
  readonly lineOf: (reference: Reference) => MessageView | undefined;
  readonly jumpTo: (reference: Reference) => void;
  readonly reply: (line: MessageView) => void;
  readonly edit: (line: MessageView) => void;
  readonly react: (line: MessageView, emoji: string) => void;
  readonly askToDelete: (line: MessageView) => void;
  /** Shows a picture in full, also when its line goes out of view. */
  readonly showPicture: (file: FileReference) => void;
  /** Takes what has failed out of the way. */
  readonly throwAway: (line: MessageView) => void;
  readonly tryAgain: (line: MessageView) => void;
}

const ChatContext = createContext<Chat | undefined>(undefined);

/** Gives the open chat to everything inside it. */
export const ChatProvider = ChatContext.Provider;

/** The open chat. Throws outside of one, which is a bug of the page. */
export function useChat(): Chat {
  const chat = useContext(ChatContext);
  if (chat === undefined) throw new Error('useChat is used outside a chat');
  return chat;
}
