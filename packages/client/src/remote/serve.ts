/** A client for whoever is at the other end of a line. */
import type { Client } from '../client-interface.ts';
import { answersOf } from './answers.ts';
import { followHolder } from './follower.ts';
import type { Holder } from './holder.ts';
import type { Line } from './line.ts';
import { isPatient } from './repetition.ts';
import { createSharing, type Sharing } from './sharing.ts';
import { openWire, type Wire } from './wire.ts';

/** How a client is served. */
export interface ServeOptions {
  /** Of all that the client is served to; their own when left out. */
  readonly sharing?: Sharing;
  /** The follower was closed. Nothing but its line ends when left out. */
  readonly onClose?: () => Promise<void>;
}

/**
 * Serves a client over a line, until that ends. `messages()` of the client is not to be called beside it; `close` of a
 * follower is its own and closes no client, unless `onClose` does.
 */
export function serveClient(
  client: Client,
  line: Line,
  { sharing = createSharing(client), onClose = async () => {} }: ServeOptions = {},
): Wire {
  const answer = answersOf(client, sharing, line.closed);
  return openWire(line, async (name, args, signal) =>
    name === 'close' ? onClose() : answer(name, args, signal),
  );
}

/** The client at the other end of a line, as if it were here. It is closed when the line ends. */
export function followClient(line: Line): Client {
  return followHolder(holderBy(openFollowing(line)));
}

/** The wire of one who follows: they ask, answer nothing, and watch who answers them. */
export function openFollowing(line: Line): Wire {
  return openWire(line, refuse, { isPatient });
}

/** Whoever answers at the other end of a wire. */
export function holderBy(wire: Wire): Holder {
  const { ask, closed, silent } = wire;
  return {
    ask,
    closed,
    silent,
    async close() {
      // Without an answer there is nothing left to close.
      await ask('close', []).catch(() => {});
      wire.close();
    },
  };
}

/** Nobody asks anything of one who follows but what they gave. */
async function refuse(): Promise<never> {
  throw new TypeError('nothing is answered here');
}
