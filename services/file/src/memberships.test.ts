/** How long an answer about a membership is believed. */
import { randomUUID } from 'node:crypto';
import { ConversationId, UserId } from '@sotto/api';
import { afterEach, expect, test, vi } from 'vitest';
import { createMemberships } from './memberships.ts';

afterEach(() => {
  vi.useRealTimers();
});

test('a clock that is put back prolongs no belief', async () => {
  const [conversation, user] = [ConversationId.parse(randomUUID()), UserId.parse(randomUUID())];
  let member = true;
  const message = async () => Response.json({ member });
  const isMember = createMemberships({ message, internalSecret: 'a secret of the tests' });
  expect(await isMember(conversation, user, undefined)).toBe(true);
  member = false;
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 3_600_000 });
  const isOut = async () => expect(await isMember(conversation, user, undefined)).toBe(false);
  await vi.waitFor(isOut, { timeout: 30_000, interval: 100 });
});
