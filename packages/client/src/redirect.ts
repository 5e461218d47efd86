/** Streams that lie elsewhere: a platform may name a place that gives one, for a while, to whoever knows its address. */
import { ClientError, ConnectionError } from './errors.ts';

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
 * The answer itself, or that of the place which it names. That place gets neither token nor proof, and nothing that it
 * says is taken for a word of the platform. Throws `answer.invalid` when it is none to be asked: one without TLS, where
 * the platform has it; and `ConnectionError` when it gives anything but the stream.
 */
export async function followRedirect(answer: Response, asked: Asked): Promise<Response> {
  // A page is not told where to, and fetches without the token by itself (Fetch, section 4.4).
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
  const range = headers.range === undefined ? {} : { range: headers.range };
  return fetch(place, { headers: range, redirect: 'error', credentials: 'omit', signal });
}

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
