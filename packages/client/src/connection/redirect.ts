/** Streams that lie elsewhere: a platform may name a place that gives one, for a while, to whoever knows its address. */
import { ClientError, ConnectionError } from '../errors.ts';

interface Asked {
  readonly fetch: typeof globalThis.fetch;
  /** What was asked for, of the platform. */
  readonly target: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** Of success. */
  readonly status: number;
}

/**
 * The answer itself, or that of the place which it names. That place gets no token, and nothing that it says is taken for
 * a word of the platform. Throws `answer.invalid` when it is none to be asked: one without TLS, where
 * the platform has it; and `ConnectionError` when it gives anything but the stream.
 */
export async function followRedirect(answer: Response, asked: Asked): Promise<Response> {
  // A page is not told where to, and has to follow blindly.
  const isHidden = answer.type === 'opaqueredirect';
  if (!isHidden && answer.status !== 307) return answer;
  const found = isHidden ? await askAgain(asked) : await askThere(answer, asked);
  if (found.status === asked.status) return found;
  await found.body?.cancel();
  throw new ConnectionError(`the place of the file answered ${found.status}`);
}

async function askThere(answer: Response, { fetch, target, headers, signal }: Asked) {
  await answer.body?.cancel();
  const place = URL.parse(answer.headers.get('location') ?? '', target);
  assertPlace(place, target);
  const range: Record<string, string> = headers.range === undefined ? {} : { range: headers.range };
  return fetch(place, { headers: range, redirect: 'error', credentials: 'omit', signal });
}

/**
 * Relies on the browser: it drops `Authorization` on the way to another origin (Fetch, HTTP-redirect fetch),
 * and the place is seen only once it has been asked. An engine that does not yet hands the token on, to a place that the
 * platform has named, until it expires, and bound tokens are of no use without the device's key. A proof (`DPoP`) is
 * handed on by all; it is good for one request to the platform, which it has reached already.
 */
async function askAgain({ fetch, target, headers, signal }: Asked) {
  const answer = await fetch(target, { headers, redirect: 'follow', signal });
  assertPlace(URL.parse(answer.url), target);
  return answer;
}

function assertPlace(place: URL | null, target: URL): asserts place is URL {
  if (place?.protocol === 'https:') return;
  if (place?.protocol === 'http:' && target.protocol === 'http:') return;
  throw new ClientError('answer.invalid', 'the platform names no place that may be asked');
}
