import { ApiError, type Client, ConnectionError } from '@sotto/client';
import { expect, test, vi } from 'vitest';
import { openAskedBook } from './asked-book.ts';

/** A book over a platform that answers as the test says. */
function openBook(ask: (key: string) => Promise<string | undefined>) {
  let connected: () => void = () => {};
  const on: Client['on'] = (name, listener) => {
    if (name === 'connected') connected = () => listener({ incarnation: 1 } as never);
    return () => {};
  };
  const asked: string[] = [];
  const book = openAskedBook(on, (key: string) => {
    asked.push(key);
    return ask(key);
  });
  return { book, asked, connect: () => connected() };
}

test('what the platform cannot tell keeps nothing else from being asked for', async () => {
  let isMended = false;
  const { book, asked, connect } = openBook(async (key) => {
    if (key === 'bad' && !isMended) throw new ApiError('internal');
    return `of ${key}`;
  });
  book.want(['bad', 'good']);
  await vi.waitFor(() => expect(book.get().get('good')).toBe('of good'));
  book.want(['bad', 'other']);
  await vi.waitFor(() => expect(book.get().get('other')).toBe('of other'));
  expect(asked).toEqual(['bad', 'good', 'other']);
  isMended = true;
  connect();
  await vi.waitFor(() => expect(book.get().get('bad')).toBe('of bad'));
});

test('without a connection the rest waits for it', async () => {
  let isThere = false;
  const { book, asked, connect } = openBook(async (key) => {
    if (!isThere) throw new ConnectionError('not connected');
    return `of ${key}`;
  });
  book.want(['one', 'two']);
  await vi.waitFor(() => expect(asked).toEqual(['one']));
  isThere = true;
  await vi.waitFor(() => {
    connect();
    expect([...book.get().keys()].toSorted()).toEqual(['one', 'two']);
  });
});

test('what is renewed while it is asked for is asked for once more', async () => {
  const answers = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
  let count = 0;
  const { book } = openBook(() => {
    count += 1;
    return answers[count - 1]!.promise;
  });
  book.want(['one']);
  book.renew('one');
  answers[0]!.resolve('before');
  answers[1]!.resolve('after');
  await vi.waitFor(() => expect(book.get().get('one')).toBe('after'));
  expect(count).toBe(2);
});
