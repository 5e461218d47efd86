/** Addresses that are nobody's on the public internet: no push service is there, but other machines of ours may be. */
import { BlockList, isIP } from 'node:net';

/** True for an address that a request of a stranger's choice must not reach, and for what is no address at all. */
export function isSpecialAddress(address: string): boolean {
  const version = isIP(address);
  if (version === 4) return SPECIAL.check(address, 'ipv4');
  // All of IPv6 that is in public use begins so; loopback, private, mapped and translated addresses do not.
  if (version === 6) return !GLOBAL.check(address, 'ipv6') || SPECIAL.check(address, 'ipv6');
  return true;
}

const GLOBAL = new BlockList();
GLOBAL.addSubnet('2000::', 3, 'ipv6');

/** The registries of IANA (RFC 6890), as far as they are not globally reachable; 6to4 and Teredo hide an IPv4 address. */
const SPECIAL = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const) {
  SPECIAL.addSubnet(network, prefix, 'ipv4');
}
for (const [network, prefix] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const) {
  SPECIAL.addSubnet(network, prefix, 'ipv6');
}
