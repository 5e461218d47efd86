/**
 * Answers that end the connection while their request is still arriving.
 *
 * To close a socket that holds unread bytes resets the connection, and a sender that is busy sending may then never
 * read why. So the answer goes out whole, and its end, which closes the connection, waits a moment for the sender to
 * read it and stop.
 */
import type { Readable } from 'node:stream';
import { LINGER_MS } from './limits.ts';

/** A request of either version of HTTP. */
type Arriving = Readable & { complete: boolean };

/** The answer itself, unless it says `connection: close` to a request that has not arrived whole. */
export async function linger(response: Response, incoming: Arriving): Promise<Response> {
  if (response.headers.get('connection') !== 'close' || incoming.complete) return response;
  const body = new Uint8Array(await response.arrayBuffer());
  const headers = new Headers(response.headers);
  headers.set('content-length', String(body.byteLength));
  let told = false;
  const stream = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (!told) controller.enqueue(body);
        else {
          await gone(incoming);
          controller.close();
        }
        told = true;
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(stream, { status: response.status, headers });
}

/** Resolves when the sender has hung up, or after LINGER_MS. */
function gone(incoming: Arriving): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, LINGER_MS);
    incoming.once('close', done);
    function done(): void {
      clearTimeout(timer);
      incoming.off('close', done);
      resolve();
    }
  });
}
