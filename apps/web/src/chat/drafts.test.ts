import { createClient, openMemoryStore } from '@sotto/client';
import type { ConversationId } from '@sotto/hooks';
import { expect, test } from 'vitest';
import { draftOf, keepDraft, takeBack } from './drafts.ts';

const ROOM = '0197c0de-0000-7000-8000-000000000001' as ConversationId;
const OTHER = '0197c0de-0000-7000-8000-000000000002' as ConversationId;
const openWriter = () => createClient({ url: 'http://127.0.0.1:1', store: openMemoryStore() });

test('a draft is of one conversation and one account, and goes when it is sent', () => {
  const [alice, bob] = [openWriter(), openWriter()];
  keepDraft(alice, ROOM, 'Hello');
  expect(draftOf(alice, ROOM)).toBe('Hello');
  expect(draftOf(alice, OTHER)).toBe('');
  expect(draftOf(bob, ROOM)).toBe('');
  keepDraft(alice, ROOM, '');
  expect(draftOf(alice, ROOM)).toBe('');
});

test('what could not be sent loses nothing of what was written meanwhile', () => {
  const alice = openWriter();
  takeBack(alice, ROOM, 'first');
  expect(draftOf(alice, ROOM)).toBe('first');
  keepDraft(alice, ROOM, 'third');
  takeBack(alice, ROOM, 'second');
  expect(draftOf(alice, ROOM)).toBe('second\nthird');
});
