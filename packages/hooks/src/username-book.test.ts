import { ApiError, ConnectionError } from '@sotto/client';
import { expect, test, vi } from 'vitest';
import type { UserId } from './ids.ts';
import { ALICE, BOB, CAROL } from './line.fixture.ts';
import { type BookDeps, usernamesOf } from './username-book.ts';

/** A platform that knows everybody but Carol, while there is a connection. */
function platform() {
  let connected: () => void = () => {};
  const find = vi.fn(async (user: UserId) => {
    if (!state.isThere) throw new ConnectionError('not connected');
    if (user === CAROL) throw new ApiError('user.not-found');
    return { user, username: `${user}-1` };
  });
  const on: BookDeps['on'] = (name, listener) => {
    if (name === 'connected') connected = () => listener({ incarnation: 1 } as never);
    return () => {};
  };
  const state = { isThere: true };
  return { client: { on, people: { find } }, state, find, connect: () => connected() };
}

test('each name is asked for once, and who is not known is not asked for again', async () => {
  const { client, find } = platform();
  const book = usernamesOf(client);
  expect(usernamesOf(client)).toBe(book);
  book.want([ALICE, CAROL, BOB]);
  book.want([ALICE]);
  await vi.waitFor(() => expect(book.get().get(BOB)).toBe('bob-1'));
  expect(book.get().get(ALICE)).toBe('alice-1');
  expect(book.get().has(CAROL)).toBe(false);
  expect(find).toHaveBeenCalledTimes(3);
});

test('what could not be asked is asked with the next connection', async () => {
  const { client, state, connect, find } = platform();
  state.isThere = false;
  const book = usernamesOf(client);
  book.want([ALICE]);
  await vi.waitFor(() => expect(find).toHaveBeenCalledTimes(1));
  state.isThere = true;
  await vi.waitFor(() => {
    connect();
    expect(book.get().get(ALICE)).toBe('alice-1');
  });
});
