/** Who a request comes from, when proxies stand between. */
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { Connection } from '@sotto/runtime';

/** One header's value, several lines of it joined by commas; undefined when there is none. */
export type ReadHeader = (name: string) => string | undefined;

/**
 * The client's connection. Each proxy of ours adds the address that it was called from on the right of X-Forwarded-For;
 * the last of them called us. So the client is as many places from the right as there are proxies, whatever a caller
 * wrote to the left of it, and without proxies the header counts for nothing.
 */
export function clientOf(
  connection: Connection,
  header: ReadHeader,
  trustedProxies: number,
): Connection {
  if (trustedProxies === 0) return connection;
  const origin = originOf(header);
  return {
    ...connection,
    remoteAddress: rightMostUntrusted(connection.remoteAddress, header, trustedProxies),
    ...(origin !== undefined && { origin }),
  };
}

/** The client of a request as it came from the socket, with the origin that it called where its Host is one. */
export function describeClient(
  { headers, socket }: IncomingMessage,
  connection: Connection,
  trustedProxies: number,
): Connection {
  const origin = originFrom('encrypted' in socket ? 'https' : 'http', headers.host ?? '');
  const own = origin === undefined ? connection : { ...connection, origin };
  return clientOf(own, (name) => headers[name]?.toString(), trustedProxies);
}

function rightMostUntrusted(nearest: string, header: ReadHeader, trustedProxies: number): string {
  const hops = header('x-forwarded-for')?.split(',').map(addressOf) ?? [];
  // From the nearest hop on: one that is no address was written by nobody whom we trust, and ends the walk.
  let client = nearest;
  for (let passed = 0; passed < trustedProxies; passed++) {
    const hop = hops.at(-1 - passed);
    if (hop === undefined) break;
    client = hop;
  }
  return client;
}

/** `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1` or `[2001:db8::1]:80`. */
function addressOf(hop: string): string | undefined {
  const text = hop.trim();
  if (isIP(text) !== 0) return text;
  const [, bracketed, dotted] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d{1,5})?$/.exec(text) ?? [];
  const address = bracketed ?? dotted ?? '';
  return isIP(address) === 0 ? undefined : address;
}

const HOST = /^[A-Za-z0-9._-]+(:\d{1,5})?$|^\[[0-9A-Fa-f:.]+\](:\d{1,5})?$/;

/** The origin that the client called, as the proxy that ends its TLS tells: it passes the Host on. */
function originOf(header: ReadHeader): string | undefined {
  const scheme = header('x-forwarded-proto')?.split(',').at(-1)?.trim().toLowerCase();
  const host = header('host') ?? '';
  if ((scheme !== 'http' && scheme !== 'https') || !HOST.test(host)) return undefined;
  return originFrom(scheme, host);
}

/** As a URL spells it: in lower case, without the scheme's own port. Undefined for a host that is none. */
export function originFrom(scheme: 'http' | 'https', host: string): string | undefined {
  if (!HOST.test(host)) return undefined;
  const usual = scheme === 'https' ? ':443' : ':80';
  const spelled = host.toLowerCase();
  return `${scheme}://${spelled.endsWith(usual) ? spelled.slice(0, -usual.length) : spelled}`;
}
