/**
 * Which origins request proofs may name.
 *
 * The Host that a request came with is its sender's to write. Were it believed, a page at `evil.example` could have a
 * client prove requests to `evil.example` and pass them on under that name. So a proof names an origin that is known to
 * be the platform's, wherever that can be known.
 */
import type { Logger } from './log.ts';
import type { ServerSection } from './sections.ts';

/** Says whether a proof that names one origin is good for a request that called another, both as a URL spells them. */
export type ProofOrigins = (named: string, called: string) => boolean;

export interface ProofOriginsOptions {
  server: Pick<ServerSection, 'host' | 'publishedHost' | 'trustedProxies' | 'publicOrigins'>;
  log: Logger;
  /** What this machine is called, as it is now, when the platform serves its own network by those names. */
  ownHosts?: (() => readonly string[]) | undefined;
}

/**
 * Those that are configured; else, with no proxy in front, those of this machine that was called, where it serves
 * nobody else or says what it is called. Else any that was called, which is told in the log, once.
 */
export function proofOrigins({ server, log, ownHosts }: ProofOriginsOptions): ProofOrigins {
  const { publicOrigins, trustedProxies, host, publishedHost = host } = server;
  if (publicOrigins.length > 0) {
    const known = new Set(publicOrigins);
    return (named) => known.has(named);
  }
  if (trustedProxies === 0 && ownHosts !== undefined) {
    return (named, called) => named === called && ownHosts().includes(hostOf(named));
  }
  if (trustedProxies === 0 && LOOPBACK.test(publishedHost)) {
    return (named, called) => named === called && LOOPBACK_HOSTS.has(hostOf(named));
  }
  log.warn('proofs.any-origin-accepted', { name: 'PUBLIC_ORIGINS' });
  return anyOrigin;
}

/** Takes the caller's word for what it called. */
export const anyOrigin: ProofOrigins = (named, called) => named === called;

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/;
const LOOPBACK_HOSTS: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '::1']);

/** Without the port, which a tunnel may change, and the brackets of an IPv6 address. */
function hostOf(origin: string): string {
  return new URL(origin).hostname.replace(/^\[|\]$/g, '');
}
