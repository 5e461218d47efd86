/** Whom a user may find, as the operator allows: everybody, those whose names begin so, or nobody. */
import { type Answer, ApiError, type Query, type searchUsers, type UserId } from '@sotto/api';
import type { Database } from '@sotto/runtime';
import { findMet } from './acquaintance-store.ts';
import type { Copies } from './copies.ts';
import { findUsernames, findUsers, type Username } from './copy-store.ts';
import { FOUND_USERS_MAX, SEARCH_LENGTH_MIN } from './limits.ts';
import { findPresences, findSights } from './presence-store.ts';
import type { Tables } from './schema.ts';

/** `open` lists all, by name. `search` finds a few by the first letters. `off` finds nobody. */
export const DIRECTORY_MODES = ['open', 'search', 'off'] as const;
export type DirectoryMode = (typeof DIRECTORY_MODES)[number];

type Found = Answer<typeof searchUsers>['users'];

export interface Directory {
  /** Throws `user.directory-off`, and `request.invalid` for what the mode does not answer. */
  search(caller: UserId, query: Query<typeof searchUsers>): Promise<Found>;
  /** Throws `user.not-found` for everybody whom the caller has not met, unless the directory is open. */
  get(caller: UserId, user: UserId): Promise<Found[number]>;
}

export interface DirectoryDeps {
  database: Pick<Database<Tables>, 'query'>;
  copies: Pick<Copies, 'hasUser'>;
  mode: DirectoryMode;
}

/** The directory of one mode. */
export function createDirectory({ database, copies, mode }: DirectoryDeps): Directory {
  async function withPresence(caller: UserId, users: readonly Username[]): Promise<Found> {
    const sights = users.map(({ user: other }) => ({ viewer: caller, other }));
    const places = await findSights(database, sights);
    const seen = users.filter((_, place) => places.has(place)).map(({ user }) => user);
    const presences = await findPresences(database, seen);
    return users.map(({ user, username }) => ({ user, username, presence: presences.get(user) }));
  }

  return {
    async search(caller, { name = '', after, limit }) {
      if (mode === 'off') throw new ApiError('user.directory-off');
      if (mode === 'open') {
        return withPresence(caller, await findUsers(database, { prefix: name, after, limit }));
      }
      if (name.length < SEARCH_LENGTH_MIN) {
        const detail = `give ${SEARCH_LENGTH_MIN} letters or more`;
        throw new ApiError('request.invalid', { detail, fields: ['name'] });
      }
      if (after !== undefined) {
        const detail = 'this directory gives no pages: give more letters';
        throw new ApiError('request.invalid', { detail, fields: ['after'] });
      }
      const page = { prefix: name, after, limit: Math.min(limit, FOUND_USERS_MAX) };
      return withPresence(caller, await findUsers(database, page));
    },
    async get(caller, user) {
      if (mode !== 'open' && user !== caller) {
        const met = await findMet(database, caller, { others: [user] });
        if (!met.has(user)) throw new ApiError('user.not-found');
      }
      if (!(await copies.hasUser(user))) throw new ApiError('user.not-found');
      const [found] = await withPresence(caller, await findUsernames(database, [user]));
      if (found === undefined) throw new ApiError('user.not-found');
      return found;
    },
  };
}
