/** Each endpoint of the auth service to one call of the domain. */
import { ApiError, jwks, login, logout, me, refresh, register } from '@sotto/api';
import { findAccount, listRevocations } from '@sotto/api/internal';
import { type App, type Guards, mount } from '@sotto/runtime';
import { type AccountDeps, logIn, registerAccount } from './accounts.ts';
import { ACCESS_TOKEN_MS_MAX } from './limits.ts';
import { logOut, refreshSession } from './sessions.ts';
import { sourceOf } from './source.ts';
import { findUser, revocationsSince } from './store.ts';

/** Mounts all routes. */
export function routes(app: App, guards: Guards, deps: AccountDeps): void {
  const { database, accessTokens } = deps;
  mount(app, guards, register, ({ body, connection }) =>
    registerAccount(deps, body, sourceOf(connection)),
  );
  mount(app, guards, login, ({ body, connection }) => logIn(deps, body, sourceOf(connection)));
  mount(app, guards, refresh, ({ body }) => refreshSession(deps, body.refreshToken));
  mount(app, guards, logout, ({ caller }) => logOut(deps, caller.session));
  mount(app, guards, me, async ({ caller: { user: id, device, session } }) => {
    const user = await findUser(database.query, id);
    if (user === undefined) throw new ApiError('auth.token-invalid');
    const { username, created_at } = user;
    return { user: id, username, device, session, createdAt: created_at.toISOString() };
  });
  mount(app, guards, jwks, async () => ({ keys: [...accessTokens.keys] }));
  internalRoutes(app, guards, deps);
}

function internalRoutes(app: App, guards: Guards, { database }: AccountDeps): void {
  mount(app, guards, findAccount, async ({ params }) => {
    const user = await findUser(database.query, params.user_id);
    return user === undefined ? {} : { account: { user: user.id, username: user.username } };
  });
  mount(app, guards, listRevocations, async ({ query: { since } }) => {
    const page = await revocationsSince(database.query, {
      since: since === undefined ? undefined : new Date(since),
      windowMs: ACCESS_TOKEN_MS_MAX,
    });
    return {
      now: page.now.toISOString(),
      revocations: page.revocations.map(({ id, ended_at }) => ({
        session: id,
        at: ended_at.toISOString(),
      })),
    };
  });
}
