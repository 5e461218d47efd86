/** Requests to the services behind the gateway, by the beginning of their path. Bodies stream both ways. */
import type { App, AppEnv, Fetch } from '@sotto/runtime';
import type { Context } from 'hono';
import { endToEnd } from './screen.ts';

/** The services, by what the contract calls them. */
export type Upstreams = Readonly<Record<'auth' | 'key' | 'message' | 'file', Fetch>>;

/** What is not listed is not reachable, `/internal` above all. */
export const ROUTES = {
  '/.well-known/jwks.json': 'auth',
  '/api/v1/auth': 'auth',
  '/api/v1/keys': 'key',
  '/api/v1/conversations': 'message',
  '/api/v1/messages': 'message',
  '/api/v1/users': 'message',
  '/api/v1/ws': 'message',
  '/api/v1/files': 'file',
} as const satisfies Record<string, keyof Upstreams>;

/** Adds the routes. An upstream that rejects is answered for by the app: 503 with Retry-After. */
export function forward(app: App, upstreams: Upstreams): void {
  for (const [prefix, service] of Object.entries(ROUTES)) {
    // Matches the prefix itself and everything below it.
    app.all(`${prefix}/*`, async (context: Context<AppEnv>) => {
      context.set('route', `${prefix}/*`);
      const { status, headers, body } = await upstreams[service](context.req.raw, context.env);
      return new Response(body, { status, headers: endToEnd(headers) });
    });
  }
}
