/** All routes of the auth service; here those for other services, which are one call of the store each. */
import { jwks } from '@sotto/api';
import { findAccount, listRevocations, noteTokenUses } from '@sotto/api/internal';
import { type App, type Guards, mount } from '@sotto/runtime';
import type { AccountDevicesDeps } from './account-devices.ts';
import { type AccountRoutesDeps, accountRoutes } from './account-routes.ts';
import { deviceRoutes } from './device-routes.ts';
import { ACCESS_TOKEN_MS_MAX } from './limits.ts';
import { type SessionRoutesDeps, sessionRoutes } from './session-routes.ts';
import { findUser, revocationsSince } from './store.ts';
import { takeTokenUses } from './token-uses.ts';

export type RoutesDeps = AccountRoutesDeps & AccountDevicesDeps & SessionRoutesDeps;

/** Mounts all routes. */
export function routes(app: App, guards: Guards, deps: RoutesDeps): void {
  accountRoutes(app, guards, deps);
  sessionRoutes(app, guards, deps);
  deviceRoutes(app, guards, deps);
  internalRoutes(app, guards, deps);
}

function internalRoutes(app: App, guards: Guards, deps: RoutesDeps): void {
  const { database, accessTokens } = deps;
  mount(app, guards, jwks, async () => ({ keys: [...accessTokens.keys] }));
  mount(app, guards, findAccount, async ({ params }) => {
    const user = await findUser(database.query, params.user_id);
    return user === undefined ? {} : { account: { user: user.id, username: user.username } };
  });
  mount(app, guards, noteTokenUses, ({ body }) => takeTokenUses(deps, body));
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
