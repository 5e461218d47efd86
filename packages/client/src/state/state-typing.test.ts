import type { ConversationId, UserId } from '@sotto/api';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createEvents, type Events } from '../events.ts';
import { TYPING_SHOWN_MS } from '../limits.ts';
import type { Message } from '../messages/history-item.ts';
import { openMemoryStore } from '../store/store-memory.ts';
import { openConversationList } from './state-conversations.ts';
import { openTypingBoard, type TypingBoard } from './state-typing.ts';

const conversation = 'a conversation' as ConversationId;
const [alice, bob] = ['alice' as UserId, 'bob' as UserId];
const onChange = vi.fn();
let events: Events;
let board: TypingBoard;

beforeEach(() => {
  vi.useFakeTimers();
  events = createEvents();
  board = openTypingBoard({ events, onChange });
});
afterEach(() => {
  board.close();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
  onChange.mockClear();
});

const type = (user: UserId) => events.emit('typing', { conversation, user });

test('who writes is shown until some seconds after the last sign of it', () => {
  type(alice);
  type(bob);
  expect(board.in(conversation)).toEqual([alice, bob]);
  vi.advanceTimersByTime(TYPING_SHOWN_MS - 1);
  type(alice);
  vi.advanceTimersByTime(1);
  expect(board.in(conversation)).toEqual([alice]);
  vi.advanceTimersByTime(TYPING_SHOWN_MS);
  expect(board.in(conversation)).toEqual([]);
  // Two came and two went; that somebody goes on is no news.
  expect(onChange).toHaveBeenCalledTimes(4);
});

test('closing the client leaves no timer, though somebody still subscribes to the list', () => {
  const closing = new AbortController();
  const pace = { need: () => {}, close: async () => {} };
  const store = openMemoryStore();
  const whoAmI = async () => undefined;
  const deps = { store, events, clock: Date.now, pace, closing: closing.signal, whoAmI };
  openConversationList(deps).subscribe(() => {});
  board.close();
  type(alice);
  expect(vi.getTimerCount()).toBe(1);
  closing.abort();
  expect(vi.getTimerCount()).toBe(0);
});

test('what was written ends it, and nothing else that comes', () => {
  type(alice);
  const from = (user: UserId) =>
    events.emit('message', { conversation, sender: { user } } as Message);
  from(bob);
  expect(board.in(conversation)).toEqual([alice]);
  from(alice);
  expect(board.in(conversation)).toEqual([]);
});
