import { ApiError, type UserEntry, UserId } from '@sotto/api';
import { expect, test } from 'vitest';
import type { Call } from '../connection/call.ts';
import { ConnectionError } from '../errors.ts';
import { openMemoryStore } from '../store/store-memory.ts';
import { findKnownPerson } from './known-names.ts';

const BOB = UserId.parse('0193f000-0000-7000-8000-000000000001');
const CAROL = UserId.parse('0193f000-0000-7000-8000-000000000002');

test('whoever was found once has a name without a connection, the last one that was told', async () => {
  const store = openMemoryStore();
  const told = (username: string) => answering(async () => ({ user: BOB, username }));
  const cut = answering(() => Promise.reject(new ConnectionError('no way through')));
  await expect(findKnownPerson({ store, call: cut }, BOB)).rejects.toThrow('no way through');
  for (const name of ['bob', 'bobby']) await findKnownPerson({ store, call: told(name) }, BOB);
  expect(await findKnownPerson({ store, call: cut }, BOB)).toEqual({
    user: BOB,
    username: 'bobby',
  });
  await expect(findKnownPerson({ store, call: cut }, CAROL)).rejects.toThrow('no way through');
});

test('a platform that says that there is no such user is believed', async () => {
  const store = openMemoryStore();
  await findKnownPerson(
    { store, call: answering(async () => ({ user: BOB, username: 'bob' })) },
    BOB,
  );
  const gone = answering(() => Promise.reject(new ApiError('user.not-found')));
  await expect(findKnownPerson({ store, call: gone }, BOB)).rejects.toMatchObject({
    code: 'user.not-found',
  });
});

/** A platform that answers each question alike. */
function answering(answer: () => Promise<UserEntry>): Call {
  return (async () => answer()) as Call;
}
