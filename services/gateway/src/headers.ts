/** What browsers are told about everything that leaves the gateway. */
import type { Connection } from '@sotto/runtime';
import type { GatewayConfig } from './config.ts';

/** For what is no page: nothing in it may ever run or be shown inside another page. */
export const DATA_POLICY =
  "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

const HEADERS = {
  'x-frame-options': 'DENY',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'permissions-policy':
    'accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), usb=()',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
} as const;

/** HTTP Strict Transport Security (RFC 6797). */
const HSTS = 'strict-transport-security';

/** True for a header, in lower case, that is ours alone to say. */
export function isSecurityHeader(name: string): boolean {
  return name === HSTS || Object.hasOwn(HEADERS, name);
}

/** The headers of an answer to a client, names and values in turn. */
export type SecurityHeaders = (client: Connection | undefined) => readonly string[];

export interface SecurityHeadersOptions {
  hsts: GatewayConfig['gateway']['hsts'];
  /** The platform serves by a certificate of its own making. */
  isOwnAuthority: boolean;
}

/**
 * The same for all, but for HSTS, which those alone hear who came by TLS: over plain HTTP it must not be sent, and by the
 * platform's own authority it would lock people out of a name that is another machine's tomorrow.
 */
export function securityHeaders({ hsts, isOwnAuthority }: SecurityHeadersOptions): SecurityHeaders {
  const always = Object.entries(HEADERS).flat();
  const seconds = Math.floor(hsts.maxAge / 1000);
  const subdomains = hsts.includeSubdomains ? '; includeSubDomains' : '';
  const byTls = [...always, HSTS, `max-age=${seconds}${subdomains}`];
  return (client) => {
    return !isOwnAuthority && client?.origin?.startsWith('https:') ? byTls : always;
  };
}

/** Adds headers in place. A Content-Security-Policy that the answer has already is its own affair. */
export function secure(response: Response, headers: readonly string[]): Response {
  for (let at = 0; at < headers.length; at += 2) {
    response.headers.set(headers[at] ?? '', headers[at + 1] ?? '');
  }
  if (!response.headers.has('content-security-policy')) {
    response.headers.set('content-security-policy', DATA_POLICY);
  }
  return response;
}

/** The policy of a page: only what is listed, and only from this origin. */
export function pagePolicy(directives: Readonly<Record<string, string>>): string {
  const all = { 'default-src': "'none'", ...directives };
  const fixed = "frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
  return `${Object.entries(all)
    .map(([name, value]) => `${name} ${value}`)
    .join('; ')}; ${fixed}`;
}
