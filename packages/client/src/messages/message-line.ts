/** What a line of a conversation shows of a message's content. */
import type { UserId } from '@sotto/api';
import type { MessageBody, MessageView } from '../state/view.ts';
import type { Reaction } from './annotations.ts';
import type { Content } from './content.ts';

type Shown = Pick<MessageView, 'replyTo'> & { readonly body: MessageBody };

/** What content shows; undefined for what speaks of another message only. */
export function showContent(content: Content, isEdited: boolean): Shown | undefined {
  switch (content.type) {
    case 'text':
      return { body: { type: 'text', text: content.text, isEdited }, ...answering(content) };
    case 'file':
      return { body: { type: 'file', file: content.file }, ...answering(content) };
    case 'timer':
      return { body: { type: 'timer', seconds: content.seconds } };
    case 'deleted':
    case 'unsupported':
      return { body: { type: content.type } };
    case 'reaction':
    case 'edit':
    case 'delete':
      return undefined;
  }
}

/** Reactions by emoji, in the order in which each emoji was first given. */
export function groupReactions(reactions: readonly Reaction[]): MessageView['reactions'] {
  const groups = new Map<string, UserId[]>();
  for (const { emoji, user } of reactions.toSorted((a, b) => a.seq - b.seq)) {
    const users = groups.get(emoji) ?? [];
    groups.set(emoji, users);
    users.push(user);
  }
  return [...groups].map(([emoji, users]) => ({ emoji, users }));
}

function answering({ replyTo }: Extract<Content, { type: 'text' | 'file' }>) {
  return replyTo === undefined ? {} : { replyTo };
}
