/** Requests to services of this process, by the beginning of their path. Bodies stream both ways. */
import type { App, AppEnv, Fetch } from '@sotto/runtime';
import type { Context } from 'hono';
import type { Route, ServiceName } from './route-table.ts';
import { endToEnd } from './screen.ts';

/** The services, by what the contract calls them. */
export type Upstreams = Readonly<Record<ServiceName, Fetch>>;

/** Adds the routes, which come with the longest first. An upstream that rejects is answered for by the app. */
export function forward(app: App, routes: readonly Route[], upstreams: Upstreams): void {
  for (const { prefix, service } of routes) {
    // Matches the prefix itself and everything below it.
    app.all(`${prefix}/*`, async (context: Context<AppEnv>) => {
      context.set('route', `${prefix}/*`);
      // Bodies go through as they are: nobody on the way is to compress them.
      context.req.raw.headers.set('accept-encoding', 'identity');
      const { status, headers, body } = await upstreams[service](context.req.raw, context.env);
      return new Response(body, { status, headers: endToEnd(headers) });
    });
  }
}
