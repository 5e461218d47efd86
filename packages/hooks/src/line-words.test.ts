import type { MembershipChange, MessageView } from '@sotto/client';
import { expect, test } from 'vitest';
import type { UserId } from './ids.ts';
import { ALICE, BOB, CAROL, line } from './line.fixture.ts';
import { lineWords, peopleIn, previewWords, typingWords } from './line-words.ts';

const nameOf = (user: UserId) => user.charAt(0).toUpperCase() + user.slice(1);
const reader = { me: ALICE, nameOf };
const words = (body: MessageView['body'], differences: Partial<MessageView> = {}) =>
  lineWords(line(1, { body, ...differences }), reader);
const change = (said: MembershipChange, sender: UserId | undefined = BOB) => {
  const { sender: _, ...unsigned } = line(1, { body: { type: 'membership', change: said } });
  return lineWords(sender === undefined ? unsigned : { ...unsigned, sender }, reader);
};

test('membership is told by whom and of whom', () => {
  expect(change({ type: 'added', users: [ALICE, CAROL] })).toBe('Bob added you and Carol');
  expect(change({ type: 'removed', users: [CAROL] }, ALICE)).toBe('You removed Carol');
  expect(change({ type: 'role', user: CAROL, role: 'admin' })).toBe('Bob made Carol an admin');
  expect(change({ type: 'left', user: CAROL }, CAROL)).toBe('Carol left the group');
});

test('everybody whom a line names is known before it is shown', () => {
  const removed = { type: 'removed' as const, users: [CAROL] };
  expect(peopleIn(line(1, { body: { type: 'membership', change: removed } }))).toEqual([
    BOB,
    CAROL,
  ]);
  const reactions = [{ emoji: '👍', users: [ALICE, CAROL] }];
  expect(peopleIn(line(1, { reactions }))).toEqual([BOB, ALICE, CAROL]);
});

test('what the platform wrote has no author', () => {
  const { sender: _, ...unsigned } = line(1);
  const body = { type: 'membership', change: { type: 'departed', user: BOB } } as const;
  expect(lineWords({ ...unsigned, body }, reader)).toBe('Bob deleted their account');
});

test('what cannot be read is said in words, not in codes', () => {
  expect(words({ type: 'unreadable', cause: 'session.missing' })).toContain('asked for again');
  expect(words({ type: 'unreadable', cause: 'sender.invalid' })).not.toContain('again');
});

test('timers are told with their length', () => {
  expect(words({ type: 'timer', seconds: 3600 })).toContain('1 hour');
  expect(words({ type: 'timer', seconds: null })).toBe('Bob turned disappearing messages off');
});

test('in a list it is said who spoke, where that is open', () => {
  expect(previewWords(line(1), false, reader)).toBe('1');
  expect(previewWords(line(1), true, reader)).toBe('Bob: 1');
  expect(previewWords(line(1, { isOwn: true, sender: ALICE }), true, reader)).toBe('You: 1');
  const deleted = line(1, { body: { type: 'deleted' } });
  expect(previewWords(deleted, true, reader)).toBe('This message was deleted');
});

test('who is writing is named as long as that takes little space', () => {
  expect(typingWords([], true, nameOf)).toBe('');
  expect(typingWords([BOB], false, nameOf)).toBe('typing…');
  expect(typingWords([BOB], true, nameOf)).toBe('Bob is typing…');
  expect(typingWords([BOB, CAROL], true, nameOf)).toBe('Bob and Carol are typing…');
  expect(typingWords([BOB, CAROL, ALICE], true, nameOf)).toBe('3 people are typing…');
});
