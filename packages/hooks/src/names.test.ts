import { expect, test } from 'vitest';
import type { UserId } from './ids.ts';
import { ALICE, BOB, CAROL } from './line.fixture.ts';
import { conversationName, peerOf } from './names.ts';

const nameOf = (user: UserId) => user.toUpperCase();

test('a conversation of two is called as the other one', () => {
  const view = { kind: 'direct', members: [ALICE, BOB] } as const;
  expect(conversationName(view, ALICE, nameOf)).toBe('BOB');
  expect(peerOf(view, ALICE)).toBe(BOB);
});

test('a group is called by its title, or by who is in it', () => {
  const group = { kind: 'group', members: [ALICE, BOB, CAROL] } as const;
  expect(conversationName({ ...group, title: 'Choir' }, ALICE, nameOf)).toBe('Choir');
  expect(conversationName(group, ALICE, nameOf)).toBe('BOB, CAROL');
  const members = [ALICE, ...['b', 'c', 'd', 'e', 'f'].map((name) => name as UserId)];
  expect(conversationName({ kind: 'group', members }, ALICE, nameOf)).toBe('B, C, D and 2 more');
  expect(conversationName({ kind: 'group', members: [ALICE] }, ALICE, nameOf)).toBe('Group');
  expect(peerOf(group, ALICE)).toBeUndefined();
});
