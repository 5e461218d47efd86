/** Usernames of people whom this account has met: the platform knows them. */
import { ApiError, type Client } from '@sotto/client';
import { type AskedBook, openAskedBook } from './asked-book.ts';
import type { UserId } from './ids.ts';

/** What the book needs of a client. */
export type BookDeps = Pick<Client, 'on'> & { readonly people: Pick<Client['people'], 'find'> };

const books = new WeakMap<BookDeps, AskedBook<UserId, string>>();

/** The one book of a client. */
export function usernamesOf(client: BookDeps): AskedBook<UserId, string> {
  const known = books.get(client);
  if (known !== undefined) return known;
  const book = openAskedBook(client.on, (user: UserId) => usernameOf(client.people, user));
  books.set(client, book);
  return book;
}

/** Undefined for whom the platform does not show: a deleted account, or nobody we have met. */
async function usernameOf(people: BookDeps['people'], user: UserId): Promise<string | undefined> {
  try {
    return (await people.find(user)).username;
  } catch (error) {
    if (error instanceof ApiError && error.code === 'user.not-found') return undefined;
    throw error;
  }
}
