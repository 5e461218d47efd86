/** Which service answers which paths: by prefix, the longest one first. */

export const SERVICE_NAMES = ['auth', 'key', 'message', 'file'] as const;
export type ServiceName = (typeof SERVICE_NAMES)[number];

/** What counts when the configuration names no routes: all that the contract has. */
export const ROUTES: readonly string[] = [
  '/.well-known/jwks.json=auth',
  '/api/v1/auth=auth',
  '/api/v1/keys=key',
  '/api/v1/conversations=message',
  '/api/v1/messages=message',
  '/api/v1/users=message',
  '/api/v1/presence=message',
  '/api/v1/blocks=message',
  '/api/v1/reports=message',
  '/api/v1/push=message',
  '/api/v1/ws=message',
  '/api/v1/files=file',
];

/** `/api/v1/auth=auth`: a prefix of whole segments, and the service that it and all below it goes to. */
export const ROUTE = /^((?:\/[A-Za-z0-9._~-]+)+)=(auth|key|message|file)$/;

/** The gateway's own, and what nobody outside reaches. */
const RESERVED =
  /^\/(internal|health|metrics|docs|redoc|openapi\.json|asyncapi\.json|ca\.crt|icon\.svg|c|settings|requests|safety|assets)(\/|$)/;

/** Why a route cannot be, if it cannot. */
export function routeFault(route: string): string | undefined {
  const [, prefix] = ROUTE.exec(route) ?? [];
  if (prefix === undefined || /\/\.{1,2}(\/|$)/.test(prefix)) {
    return 'expected a prefix and one of auth, key, message and file, such as /api/v1/auth=auth';
  }
  return RESERVED.test(prefix.toLowerCase()) ? 'this path cannot be passed on' : undefined;
}

export interface Route {
  prefix: string;
  service: ServiceName;
}

/** The routes in the order in which they are tried. What none of them begins is not reachable. */
export function readRoutes(routes: readonly string[]): Route[] {
  return routes
    .map((route) => {
      const [, prefix = '', service] = ROUTE.exec(route) ?? [];
      return { prefix, service: service as ServiceName };
    })
    .toSorted((one, other) => other.prefix.length - one.prefix.length);
}

/** The route of a path, which is free of escapes and dot segments. */
export function findRoute(routes: readonly Route[], path: string): Route | undefined {
  return routes.find(({ prefix }) => {
    return (
      path.startsWith(prefix) && (path.length === prefix.length || path[prefix.length] === '/')
    );
  });
}
