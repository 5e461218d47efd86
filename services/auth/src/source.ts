/** Where a request came from, as far as it can be believed: what limits count by, beside the account. */
import { BlockList, isIPv4 } from 'node:net';
import { type Connection, limiterKey } from '@sotto/runtime';

export interface Source {
  /** One of these is one source: an IPv4 address, or the /64 of an IPv6 address, which is one site's. */
  readonly key: string;
  /** Private are this machine, private networks (RFC 1918, 4193, 3927, 4291), and a call within the process. */
  readonly range: 'public' | 'private';
}

/** The source of a request. */
export function sourceOf(connection: Connection | undefined): Source {
  if (connection === undefined) return { key: 'process', range: 'private' };
  const key = limiterKey(connection.remoteAddress);
  if (isIPv4(key)) return { key, range: rangeOf(key, 'ipv4') };
  const [address = ''] = connection.remoteAddress.split('%');
  return { key, range: rangeOf(address, 'ipv6') };
}

const PRIVATE = new BlockList();
PRIVATE.addSubnet('127.0.0.0', 8, 'ipv4');
PRIVATE.addSubnet('10.0.0.0', 8, 'ipv4');
PRIVATE.addSubnet('172.16.0.0', 12, 'ipv4');
PRIVATE.addSubnet('192.168.0.0', 16, 'ipv4');
PRIVATE.addSubnet('169.254.0.0', 16, 'ipv4');
PRIVATE.addAddress('::1', 'ipv6');
PRIVATE.addSubnet('fc00::', 7, 'ipv6');
PRIVATE.addSubnet('fe80::', 10, 'ipv6');

/** An address that is none, of a socket that is gone, is in no private network. */
function rangeOf(address: string, family: 'ipv4' | 'ipv6'): Source['range'] {
  return PRIVATE.check(address, family) ? 'private' : 'public';
}
