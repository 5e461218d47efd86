/** Lines and people for tests. */
import type { MessageView } from '@sotto/client';
import type { ConversationId, UserId } from './ids.ts';

export const ALICE = 'alice' as UserId;
export const BOB = 'bob' as UserId;
export const CAROL = 'carol' as UserId;
export const ROOM = 'room' as ConversationId;

/** A text of Bob's at a place, unless something else is said. */
export function line(seq: number, differences: Partial<MessageView> = {}): MessageView {
  const body = { type: 'text', text: `${seq}`, isEdited: false } as const;
  const placed = { conversation: ROOM, seq, time: seq * 1000, order: 'next' } as const;
  const said = { sender: BOB, isOwn: false, status: 'received', reactions: [] } as const;
  return { ...placed, ...said, body, ...differences };
}
