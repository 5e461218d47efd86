/**
 * Where a request came from, when the gateway is another process.
 *
 * A service sees the gateway's address then. The gateway adds the client's in headers, with a token that it and the
 * services derive from the internal secret; without it they count for nothing, so no caller can name its own address.
 * The token opens nothing else: internal endpoints want the secret itself, which cannot be had from it.
 */
import { hkdfSync } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import { sameSecret } from './secret.ts';
import type { Connection, Fetch, Upgrade } from './service.ts';

/** What the gateway tells. Whoever else sends them is not believed, and the gateway itself drops them. */
export const GATEWAY_HEADERS = {
  token: 'x-sotto-gateway',
  client: 'x-sotto-client',
  origin: 'x-sotto-origin',
} as const;

/** Makes the headers for a request that goes on to a service in another process. */
export function gatewayHeaders(
  internalSecret: string,
): (connection: Connection) => Record<string, string> {
  const token = tokenFrom(internalSecret);
  return ({ remoteAddress, origin }) => ({
    [GATEWAY_HEADERS.token]: token,
    [GATEWAY_HEADERS.client]: remoteAddress,
    ...(origin !== undefined && { [GATEWAY_HEADERS.origin]: origin }),
  });
}

/** A service for a port of its own: what the gateway says of the client becomes its Connection, and the headers go. */
export function behindGateway<S extends { fetch: Fetch; upgrade?: Upgrade }>(
  service: S,
  internalSecret: string,
): S {
  const token = tokenFrom(internalSecret);
  const { upgrade } = service;
  return {
    ...service,
    fetch(request, connection) {
      const { headers } = request;
      const told = hear(token, connection, (name) => headers.get(name) ?? undefined);
      for (const name of NAMES) headers.delete(name);
      return service.fetch(request, told);
    },
    ...(upgrade !== undefined &&
      ({
        upgrade(request, socket, head, connection) {
          const { headers } = request;
          const told = hear(token, connection, (name) => single(headers, name));
          for (const name of NAMES) delete headers[name];
          upgrade(request, socket, head, told);
        },
      } satisfies { upgrade: Upgrade })),
  };
}

const NAMES = Object.values(GATEWAY_HEADERS);

function tokenFrom(internalSecret: string): string {
  const bytes = hkdfSync('sha256', internalSecret, '', 'sotto/v1/gateway-token', 32);
  return Buffer.from(bytes).toString('base64url');
}

function hear(
  token: string,
  connection: Connection | undefined,
  header: (name: string) => string | undefined,
): Connection | undefined {
  const given = header(GATEWAY_HEADERS.token);
  if (given === undefined || !sameSecret(given, token)) return connection;
  const remoteAddress = header(GATEWAY_HEADERS.client) ?? '';
  if (isIP(remoteAddress) === 0) return connection;
  const origin = header(GATEWAY_HEADERS.origin);
  return { ...connection, remoteAddress, ...(origin !== undefined && { origin }) };
}

function single(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' ? value : undefined;
}
