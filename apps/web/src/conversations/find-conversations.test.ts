import type { ConversationView, MessageView } from '@sotto/client';
import type { UserId } from '@sotto/hooks';
import { expect, test } from 'vitest';
import { findConversations } from './find-conversations.ts';

const me = 'me' as UserId;
const names = new Map([['bob', 'Bob Ångström']]);
const reader = { me, nameOf: (user: UserId) => names.get(user) ?? user };

function view(differences: Partial<ConversationView>, text?: string): ConversationView {
  const id = crypto.randomUUID() as ConversationView['id'];
  const newest: MessageView | undefined =
    text === undefined
      ? undefined
      : {
          ...{ conversation: id, seq: 1, sender: 'bob' as UserId, isOwn: false, time: 0 },
          ...{ status: 'received', order: 'next', reactions: [] },
          body: { type: 'text', text, isEdited: false },
        };
  return {
    ...{ id, kind: 'direct', members: [me, 'bob' as UserId], admins: [], unread: 0 },
    ...{ typing: [], timer: null },
    ...(newest && { newest }),
    ...differences,
  };
}

test('conversations are found by name and by what was said last, without case and accents', () => {
  const bob = view({}, 'See you at NOON');
  const choir = view({ kind: 'group', title: 'Chœur de Bâle' });
  const find = (query: string) => findConversations([bob, choir], query, reader);
  expect(find('')).toEqual([bob, choir]);
  expect(find('angstrom')).toEqual([bob]);
  expect(find(' noon  bob ')).toEqual([bob]);
  expect(find('bale')).toEqual([choir]);
  expect(find('nobody')).toEqual([]);
});
