/** What a private network is, and what this machine is called in the ones that it is in. */
import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';

/** Names that no public resolver answers for (RFC 6761, 6762, 8375, and what routers use), with all below them. */
export const PRIVATE_DOMAINS = ['localhost', 'local', 'internal', 'home.arpa', 'lan', 'home'];

/** Addresses that nobody reaches from elsewhere (RFC 1918, 6598, 3927, 4193, 4291). */
export const PRIVATE_NETWORKS = [
  '127.0.0.0/8',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '169.254.0.0/16',
  '::1/128',
  'fc00::/7',
  'fe80::/10',
];

const networks = new BlockList();
for (const network of PRIVATE_NETWORKS) {
  const [address = '', prefix = ''] = network.split('/');
  networks.addSubnet(address, Number(prefix), isIPv4(address) ? 'ipv4' : 'ipv6');
}

/** What others in a private network, and this machine itself, reach this machine by. */
export interface OwnHosts {
  /** Names, then addresses; `localhost` first. */
  all: string[];
  /** Those of them that mean this machine elsewhere too, the ones to tell people: addresses, then names. */
  elsewhere: string[];
}

/** As it is now: addresses come and go. */
export function ownHosts(): OwnHosts {
  const name = hostname().toLowerCase();
  const isPrivate = PRIVATE_DOMAINS.some((domain) => name.endsWith(`.${domain}`));
  // Multicast DNS calls every machine so, whatever else it is called.
  const names = [isPrivate ? name : `${name.split('.')[0]}.local`].filter(isHostname);
  const addresses = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ internal, scopeid }) => !internal && !scopeid)
    .map(({ address }) => address)
    .filter((address) => networks.check(address, isIPv4(address) ? 'ipv4' : 'ipv6'))
    .toSorted(
      (one, other) => Number(isIPv6(one)) - Number(isIPv6(other)) || (one < other ? -1 : 1),
    );
  return {
    all: ['localhost', ...names, '127.0.0.1', '::1', ...addresses],
    elsewhere: [...addresses, ...names],
  };
}

/** A machine may be called what no certificate can say. */
function isHostname(name: string): boolean {
  return /^[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*$/.test(name) && !name.startsWith('localhost.');
}
