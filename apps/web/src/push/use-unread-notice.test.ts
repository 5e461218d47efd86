import type { ConversationId } from '@sotto/hooks';
import { expect, test } from 'vitest';
import { unreadIn } from './use-unread-notice.ts';

test('what is unread is counted over all conversations but those that are muted', () => {
  const views = [
    { id: 'choir' as ConversationId, unread: 2 },
    { id: 'work' as ConversationId, unread: 30 },
    { id: 'family' as ConversationId, unread: 1 },
  ];
  expect(unreadIn(views, (id) => id === 'work')).toBe(3);
  expect(unreadIn([], () => false)).toBe(0);
});
