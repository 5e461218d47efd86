/** Usernames of people whom this account has met. The platform knows them; they are asked for once each, one after another. */
import { ApiError, type Client, type Observable } from '@sotto/client';
import type { UserId } from './ids.ts';

type Names = ReadonlyMap<UserId, string>;

/** What the book needs of a client. */
export type BookDeps = Pick<Client, 'on'> & { readonly people: Pick<Client['people'], 'find'> };

/** An observable map that grows. */
export interface UsernameBook extends Observable<Names> {
  /** Asks for those whose names are not known; what fails is asked for again with the next connection. */
  readonly want: (users: readonly UserId[]) => void;
}

const books = new WeakMap<BookDeps, UsernameBook>();

/** The one book of a client. */
export function usernamesOf(client: BookDeps): UsernameBook {
  const book = books.get(client) ?? openBook(client);
  books.set(client, book);
  return book;
}

function openBook({ people, on }: BookDeps): UsernameBook {
  const listeners = new Set<() => void>();
  const wanted = new Set<UserId>();
  let names: Names = new Map();
  let isAsking = false;

  async function ask(): Promise<void> {
    if (isAsking) return;
    isAsking = true;
    try {
      for (const user of wanted) {
        const username = await usernameOf(people, user);
        wanted.delete(user);
        if (username === undefined) continue;
        names = new Map(names).set(user, username);
        for (const listener of [...listeners]) listener();
      }
    } catch {
      // Without a connection nobody's name can be had: the next one begins again.
    } finally {
      isAsking = false;
    }
  }

  on('connected', () => void ask());
  return {
    get: () => names,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    want(users) {
      for (const user of users) if (!names.has(user)) wanted.add(user);
      if (wanted.size > 0) void ask();
    },
  };
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
