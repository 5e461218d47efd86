/** What browsers are told about everything that leaves the gateway. */

/** For what is no page: nothing in it may ever run or be shown inside another page. */
export const DATA_POLICY =
  "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

const HEADERS = {
  // Two years; browsers ignore it over plain HTTP.
  'strict-transport-security': 'max-age=63072000; includeSubDomains',
  'x-frame-options': 'DENY',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'permissions-policy':
    'accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), usb=()',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
} as const;

/** The same, names and values in turn, for answers that go out by hand. */
export const SECURITY_HEADERS: readonly string[] = Object.entries(HEADERS).flat();

/** True for a header, in lower case, that is ours alone to say. */
export function isSecurityHeader(name: string): boolean {
  return Object.hasOwn(HEADERS, name);
}

/** Adds the headers in place. A Content-Security-Policy that the answer has already is its own affair. */
export function secure(response: Response): Response {
  for (const [name, value] of Object.entries(HEADERS)) response.headers.set(name, value);
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
