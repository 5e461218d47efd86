/**
 * What a request is held to before anything looks at it.
 *
 * Services trust no header of the gateway's, so this is not what keeps callers out: it keeps what callers make up from
 * reaching logs and services at all, and sees to it that a path means one thing to everyone who reads it.
 */
import { ApiError } from '@sotto/api';
import { type Connection, ProblemWithHeaders } from '@sotto/runtime';

/** Made up by callers to pose as a proxy or as a service: dropped. `x-request-id` is ours to give. */
const SPOOFED =
  /^(x-(forwarded|user|internal|original|rewrite)-.*|x-(forwarded|real-ip|request-id)|forwarded|via)$/;

/** Of one connection, not of the request (RFC 9110, 7.6.1), and the host, which named the gateway. */
const HOP_BY_HOP =
  /^(connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|http2-settings|expect|host)$/;

/** True for a header that does not go on to a service. */
function isDropped(name: string): boolean {
  const lower = name.toLowerCase();
  return SPOOFED.test(lower) || HOP_BY_HOP.test(lower);
}

/** Takes from the headers what does not go on, and gives the request its id. Changes them in place. */
export function cleanHeaders({ headers, method }: Request, requestId: string): void {
  const named = namedByConnection(headers.get('connection'));
  const dropped = [...headers.keys()].filter((name) => isDropped(name) || named.has(name));
  for (const name of dropped) headers.delete(name);
  // Their bodies are not read, so there is nothing to announce.
  if (method === 'GET' || method === 'HEAD') headers.delete('content-length');
  // Bodies go through as they are: nobody on the way is to compress them.
  headers.set('accept-encoding', 'identity');
  headers.set('x-request-id', requestId);
}

/** What an answer's headers keep. */
export function endToEnd(headers: Headers): Headers {
  const kept = new Headers(headers);
  const named = namedByConnection(headers.get('connection'));
  for (const name of headers.keys()) {
    if (HOP_BY_HOP.test(name) || named.has(name)) kept.delete(name);
  }
  // Who hangs up has not read the body to its end, so we must hang up too.
  if (named.has('close')) kept.set('connection', 'close');
  return kept;
}

function namedByConnection(header: string | null): ReadonlySet<string> {
  // A pattern that takes the spaces along would look at each of them once for every space after it.
  return new Set(header?.split(',').map((name) => name.trim().toLowerCase()));
}

/** What servers disagree on: escapes, empty and dot segments, parameters, backslashes. No path of ours has any. */
const AMBIGUOUS = /[%\\;]|\/\/|\/\.{1,2}(\/|$)/;

/** What any service may take. The others have no use here, and not every client can pass them on. */
const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS';

/** Why a request goes no further, if it does not. */
export function refuse(
  { url, method, headers }: Request,
  connection: Connection | undefined,
): ApiError | undefined {
  const path = new URL(url).pathname;
  if (AMBIGUOUS.test(path)) {
    return new ApiError('request.invalid', { detail: 'the path is ambiguous' });
  }
  if (!METHODS.split(', ').includes(method)) {
    return new ProblemWithHeaders('route.method-not-allowed', { allow: METHODS });
  }
  if (path === '/metrics' && !isLocal(connection, headers)) return new ApiError('route.not-found');
  return undefined;
}

const LOOPBACK = /^(::ffff:)?127\.\d+\.\d+\.\d+$|^::1$/;

/** True for a caller on this machine. A proxy on this machine speaks for callers elsewhere, and says so. */
function isLocal(connection: Connection | undefined, headers: Headers): boolean {
  if (headers.has('x-forwarded-for') || headers.has('forwarded') || headers.has('via'))
    return false;
  return connection !== undefined && LOOPBACK.test(connection.remoteAddress);
}
