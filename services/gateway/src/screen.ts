/**
 * What a request is held to before anything looks at it.
 *
 * Services trust no header of the gateway's, so this is not what keeps callers out: it keeps what callers make up from
 * reaching logs and services at all, and sees to it that a path means one thing to everyone who reads it.
 */
import type { IncomingMessage } from 'node:http';
import { ApiError } from '@sotto/api';
import { type Connection, ProblemWithHeaders } from '@sotto/runtime';

/** Made up by callers to pose as a proxy, as a service or as us: dropped. `x-request-id` is ours to give. */
const SPOOFED =
  /^(x-(forwarded|user|internal|sotto|original|rewrite|http-method|method)-.*|x-(forwarded|real-ip|client-ip|request-id)|(true|cf)-.*-ip|forwarded|via)$/;

/** Of one connection, not of the request (RFC 9110, 7.6.1), and the host, which named the gateway. */
const HOP_BY_HOP =
  /^(connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|http2-settings|expect|host)$/;

/** True for a header, in lower case, that is of one connection. */
export function isHopByHop(name: string): boolean {
  return HOP_BY_HOP.test(name);
}

/** True for a header that does not go on to a service. */
function isDropped(lower: string): boolean {
  return SPOOFED.test(lower) || HOP_BY_HOP.test(lower);
}

/** Takes from the headers what does not go on, and gives the request its id. Changes them in place. */
export function cleanHeaders({ headers, method }: Request, requestId: string): void {
  const named = namedByConnection(headers.get('connection'));
  const dropped = [...headers.keys()].filter((name) => isDropped(name) || named.has(name));
  for (const name of dropped) headers.delete(name);
  // Their bodies are not read, so there is nothing to announce.
  if (isBodiless(method)) headers.delete('content-length');
  headers.set('x-request-id', requestId);
}

/** The headers of a request that goes on from socket to socket, names and values in turn. */
export function headersToSend(
  { rawHeaders, headers: given, method = '' }: IncomingMessage,
  ours: { host: string; requestId: string; told: Readonly<Record<string, string>> },
): { headers: string[]; hasBody: boolean } {
  const named = namedByConnection(given.connection ?? null);
  const headers = [
    'host',
    ours.host,
    'accept-encoding',
    'identity',
    'x-request-id',
    ours.requestId,
  ];
  for (const name in ours.told) headers.push(name, ours.told[name] ?? '');
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? '').toLowerCase();
    if (isDropped(name) || named.has(name) || OURS.has(name)) continue;
    headers.push(name, rawHeaders[at + 1] ?? '');
  }
  const length = given['content-length'];
  const isChunked = given['transfer-encoding'] !== undefined;
  const hasBody = !isBodiless(method) && (isChunked || (length !== undefined && length !== '0'));
  if (isChunked && hasBody) headers.push('transfer-encoding', 'chunked');
  else if (hasBody) headers.push('content-length', length ?? '0');
  // Where a body belongs, that there is none has to be said.
  else if (method.startsWith('P')) headers.push('content-length', '0');
  return { headers, hasBody };
}

/** Framing and negotiation, which are the gateway's own. */
const OURS: ReadonlySet<string> = new Set(['content-length', 'accept-encoding']);

function isBodiless(method: string): boolean {
  return method === 'GET' || method === 'HEAD';
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

/** The names in a Connection header. */
export function namedByConnection(header: string | null): ReadonlySet<string> {
  // A pattern that takes the spaces along would look at each of them once for every space after it.
  return new Set(header?.split(',').map((name) => name.trim().toLowerCase()));
}

/** What servers disagree on: escapes, empty and dot segments, parameters, backslashes. No path of ours has any. */
const AMBIGUOUS = /[%\\;]|\/\/|\/\.{1,2}(\/|$)/;

/** A path of segments that nobody reads in another way, and a query. */
const PLAIN = /^(\/[A-Za-z0-9._~!$&'()*+,=:@-]+)+(\?[!$-~]*)?$/;
const DOT_SEGMENT = /^[^?]*\/\.{1,2}([/?]|$)/;

/** True for a path with a query that can go on as it is. False says nothing: it may be fine when read by a URL parser. */
export function isPlain(target: string): boolean {
  return PLAIN.test(target) && !DOT_SEGMENT.test(target);
}

/** What any service may take. The others have no use here, and not every client can pass them on. */
const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS';
export const RELAYED_METHODS: ReadonlySet<string> = new Set(METHODS.split(', '));

/** Where a request came from, and how many proxies of ours stand between. */
export interface Coming {
  connection: Connection | undefined;
  trustedProxies: number;
}

/** Why a request goes no further, if it does not. */
export function refuse(request: Request, coming: Coming): ApiError | undefined {
  const { url, method } = request;
  const path = new URL(url).pathname;
  if (AMBIGUOUS.test(path)) {
    return new ApiError('request.invalid', { detail: 'the path is ambiguous' });
  }
  if (!RELAYED_METHODS.has(method)) {
    return new ProblemWithHeaders('route.method-not-allowed', { allow: METHODS });
  }
  if (path === '/metrics' && !isLocal(request, coming)) return new ApiError('route.not-found');
  return undefined;
}

const LOOPBACK = /^(::ffff:)?127\.\d+\.\d+\.\d+$|^::1$/;

const LOOPBACK_HOST = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/** What proxies add. Not all do, and what a caller wrote proves nothing else. */
const ADDED =
  /^(x-(forwarded|real|client|original|envoy|amzn)-.*|(true|cf|fastly)-.*|forwarded|via)$/;

/**
 * True for a caller on this machine. A proxy on this machine speaks for callers elsewhere: where one is known to stand,
 * nobody is local, and one that nobody told us of gives itself away by what it adds, or by the name that was called.
 */
function isLocal({ url, headers }: Request, { connection, trustedProxies }: Coming): boolean {
  if (trustedProxies > 0 || connection === undefined) return false;
  if (!LOOPBACK_HOST.test(new URL(url).hostname)) return false;
  return (
    LOOPBACK.test(connection.remoteAddress) && ![...headers.keys()].some((name) => ADDED.test(name))
  );
}
