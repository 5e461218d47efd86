/** What a user interface shows of conversations and messages: plain data that is never changed in place. */
import type { ConversationId, UserId } from '@sotto/api';
import type { FileReference } from '../files/file-reference.ts';
import type { MembershipChange } from '../messages/history-item.ts';
import type { MessageReference } from '../messages/message-reference.ts';

/** What a message shows. */
export type MessageBody =
  | { readonly type: 'text'; readonly text: string; readonly isEdited: boolean }
  | { readonly type: 'file'; readonly file: FileReference }
  /** Its sender took it back. */
  | { readonly type: 'deleted' }
  | { readonly type: 'timer'; readonly seconds: number | null }
  /** Could not be read, and was asked for again: a code of `CryptoError` or `ClientError`. */
  | { readonly type: 'unreadable'; readonly cause: string }
  /** Somebody came, went, got a role or gave the group another title. */
  | { readonly type: 'membership'; readonly change: MembershipChange }
  | { readonly type: 'unsupported' };

/**
 * How far a message has come. Of our own: `waiting` in the outbox, `stored` on the platform's disk, `delivered` to a
 * device of every other member, `read` by all of them, `failed` when the platform refused it for good.
 */
export type MessageStatus = 'waiting' | 'stored' | 'delivered' | 'read' | 'failed' | 'received';

/** One line of a conversation. */
export interface MessageView {
  readonly conversation: ConversationId;
  /** Absent for entries of a membership log. */
  readonly reference?: MessageReference;
  /** Its place, once it has one. */
  readonly seq?: number;
  /** Absent for what the platform wrote: that somebody's account was deleted. */
  readonly sender?: UserId;
  readonly isOwn: boolean;
  /** Milliseconds since 1970: by the sender's clock, or by the platform's where that is not known. */
  readonly time: number;
  readonly status: MessageStatus;
  readonly body: MessageBody;
  readonly replyTo?: MessageReference;
  /** In the order in which each emoji was first given. */
  readonly reactions: readonly { readonly emoji: string; readonly users: readonly UserId[] }[];
  /** When it goes away, in milliseconds since 1970. */
  readonly expiresAt?: number;
  /** `gap`: the sender's count skipped a number before it; `late`: it comes after later ones. */
  readonly order: 'next' | 'gap' | 'late';
}

/** One line of the list of conversations. */
export interface ConversationView {
  readonly id: ConversationId;
  readonly kind: 'direct' | 'group';
  readonly title?: string;
  /** With this account, unless it has left. */
  readonly members: readonly UserId[];
  readonly admins: readonly UserId[];
  /** Messages of others behind the one that was read last. */
  readonly unread: number;
  readonly newest?: MessageView;
  /** Who is writing just now. */
  readonly typing: readonly UserId[];
  /** Seconds that messages live, or null when they stay. */
  readonly timer: number | null;
}
