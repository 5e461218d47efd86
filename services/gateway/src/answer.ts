/** Answers that go out by hand: those of services as they came, and problems where no app stands between. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ApiError } from '@sotto/api';
import { problemResponse } from '@sotto/runtime';
import { DATA_POLICY, isSecurityHeader } from './headers.ts';
import { LINGER_MS } from './limits.ts';
import { isHopByHop, namedByConnection } from './screen.ts';

/** What every answer gets. */
export interface Ours {
  requestId: string;
  /** See `headers.ts`. */
  security: readonly string[];
}

/** The headers of a service's answer, names and values in turn, with ours. */
export function answerHeaders(
  raw: readonly string[],
  { requestId, security }: Ours,
): { headers: string[]; isLast: boolean } {
  const headers = [...security, 'x-request-id', requestId];
  const named = namedIn(raw);
  let hasPolicy = false;
  for (let at = 0; at < raw.length; at += 2) {
    const name = (raw[at] ?? '').toLowerCase();
    if (name === 'x-request-id' || isSecurityHeader(name)) continue;
    if (isHopByHop(name) || named.has(name)) continue;
    if (name === 'content-security-policy') hasPolicy = true;
    headers.push(name, raw[at + 1] ?? '');
  }
  if (!hasPolicy) headers.push('content-security-policy', DATA_POLICY);
  // Who hangs up has not read the body to its end, so we must hang up too.
  const isLast = named.has('close');
  if (isLast) headers.push('connection', 'close');
  return { headers, isLast };
}

const NONE: ReadonlySet<string> = new Set();

function namedIn(raw: readonly string[]): ReadonlySet<string> {
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at] ?? '';
    if (name.length !== 10 || name.toLowerCase() !== 'connection') continue;
    const value = raw[at + 1] ?? '';
    return value.toLowerCase() === 'keep-alive' ? NONE : namedByConnection(value);
  }
  return NONE;
}

/** Answers with a problem. What still arrives of the request is not waited for. */
export function answerProblem(
  request: IncomingMessage,
  response: ServerResponse,
  { error, requestId, security }: Ours & { error: ApiError },
): void {
  if (response.destroyed) return;
  const isLast = !request.complete;
  const problem = problemResponse(error, requestId);
  const headers = [...security, 'content-security-policy', DATA_POLICY];
  for (const [name, value] of problem.headers) headers.push(name, value);
  if (isLast) headers.push('connection', 'close');
  void problem.text().then((body) => {
    response.writeHead(problem.status, headers);
    response.write(body);
    endAnswer(request, response, { isLast });
  });
}

/**
 * Ends an answer. The last one of a connection whose request is still arriving waits a moment for its sender to read it
 * and stop: to close a socket that holds unread bytes resets the connection.
 */
export function endAnswer(
  request: IncomingMessage,
  response: ServerResponse,
  { isLast }: { isLast: boolean },
): void {
  if (!isLast || request.complete) {
    response.end();
    return;
  }
  request.resume();
  const done = (): void => {
    clearTimeout(timer);
    response.end();
  };
  const timer = setTimeout(done, LINGER_MS);
  request.once('close', done);
}
