/** A line over a `BroadcastChannel` that two have for themselves. */
import * as z from 'zod/mini';
import type { Line } from './line.ts';

const Message = z.discriminatedUnion('type', [
  /** Whoever was asked is there. */
  z.object({ type: z.literal('welcome') }),
  z.object({ type: z.literal('value'), number: z.int(), value: z.unknown() }),
  z.object({ type: z.literal('bye') }),
]);
type Message = z.infer<typeof Message>;

/** The first message of whoever was asked. */
export const WELCOME: Message = { type: 'welcome' };

/**
 * Each side numbers what it says: when the browser has stopped a tab and something was lost meanwhile, the line ends, and
 * another one begins where all is told anew.
 */
export function channelLine(channel: BroadcastChannel): Line {
  const closing = new AbortController();
  let sent = 0;
  let heard = 0;
  const end = () => {
    if (closing.signal.aborted) return;
    channel.close();
    closing.abort();
  };
  const say = (message: Message) => {
    if (!closing.signal.aborted) channel.postMessage(message);
  };
  return {
    send(value) {
      say({ type: 'value', number: sent, value });
      sent += 1;
    },
    listen(listener) {
      channel.addEventListener('message', ({ data }) => {
        const { data: message } = Message.safeParse(data);
        if (message?.type === 'welcome' || closing.signal.aborted) return;
        const isNext = message?.type === 'value' && message.number === heard;
        if (!isNext) return end();
        heard += 1;
        listener(message.value);
      });
    },
    closed: closing.signal,
    close() {
      say({ type: 'bye' });
      end();
    },
    carriesBlobs: true,
  };
}
