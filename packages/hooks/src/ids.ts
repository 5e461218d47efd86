/** Ids as the SDK brands them, for applications that depend on the SDK alone. */
import type { ConversationView, Me, MessageReference } from '@sotto/client';

export type ConversationId = ConversationView['id'];
export type UserId = Me['user'];
export type MessageId = MessageReference['id'];

/** What a user is called here, by whoever looks. */
export type NameOf = (user: UserId) => string;
