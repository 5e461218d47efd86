/**
 * `fetch` for Node whose bodies of bytes leave as they are. Node's own copies each twice, outside the heap, of which V8 is
 * told, so that the collector walks the heap for every few megabytes of a file.
 *
 * It goes by `node:http`: a dispatcher that an application has set for `fetch`, such as a proxy's, is not asked.
 */
import { type IncomingMessage, type RequestOptions, request as requestPlain } from 'node:http';
import { request as requestSecure } from 'node:https';
import { Readable } from 'node:stream';

/** Statuses whose answers have no body (Fetch, null body status). */
const WITHOUT_BODY: ReadonlySet<number> = new Set([101, 103, 204, 205, 304]);

/**
 * As `fetch`, which it is for everything but bytes. Rejects with the error of `node:http`, such as ECONNREFUSED; with the
 * signal's reason; and with a TypeError for a redirect, which bytes do not follow. Once the answer has been read, the bytes
 * are the caller's again, to put others in their place.
 */
export const nodeFetch: typeof globalThis.fetch = (input, init = {}) => {
  const { body } = init;
  if (!(body instanceof Uint8Array) || input instanceof Request)
    return globalThis.fetch(input, init);
  return sendBytes(new URL(input), body, init);
};

async function sendBytes(url: URL, body: Uint8Array, init: RequestInit): Promise<Response> {
  const { method = 'POST', signal } = init;
  signal?.throwIfAborted();
  const headers = {
    ...Object.fromEntries(new Headers(init.headers)),
    'content-length': body.length,
  };
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const send = url.protocol === 'https:' ? requestSecure : requestPlain;
  const options: RequestOptions = { method, headers, ...(signal && { signal }) };
  const sent = send(url, options, resolve);
  sent.on('error', (error) => reject(signal?.aborted ? signal.reason : error));
  sent.end(body);
  const message = await promise;
  // Whoever answers before all has come would be sent the rest, by then perhaps of other bytes.
  const endSending = (): void => {
    if (!sent.writableFinished) sent.destroy();
  };
  try {
    return responseOf(message, endSending);
  } catch (error) {
    sent.destroy();
    throw error;
  }
}

function responseOf(message: IncomingMessage, endSending: () => void): Response {
  const { statusCode: status = 0, rawHeaders } = message;
  if (status >= 300 && status < 400) throw new TypeError(`answered ${status} to bytes`);
  const headers = new Headers();
  for (let at = 0; at < rawHeaders.length; at += 2)
    headers.append(rawHeaders[at] ?? '', rawHeaders[at + 1] ?? '');
  if (WITHOUT_BODY.has(status)) {
    endSending();
    message.resume();
    return new Response(null, { status, headers });
  }
  const stream = Readable.toWeb(message) as ReadableStream<Uint8Array>;
  message.once('end', endSending);
  return new Response(stream, { status, headers });
}
