/**
 * The same over a running platform: members who have registered there with all of their devices, and bundles, frames and
 * acknowledgements that go through its gateway. Only who writes is connected, so that nobody else computes in this thread.
 */
import { createClient, type Store } from '@sotto/client';
import { nodeProvider } from '@sotto/crypto/node';
import { register, type User } from '../../e2e/many-members.ts';
import type { FirstGroupMessage } from './first-group-message.ts';

/** Of one group's message. */
export interface FirstOnPlatform extends Omit<FirstGroupMessage, 'heldUpMs'> {
  /** With the answer to the request for the bundles. */
  readonly msInAll: number;
}

/** What the client has asked for and sent. */
interface Traffic {
  bundleRequests: number;
  /** When the last bundles were there. */
  bundlesAt: number;
  readonly kinds: string[];
}

/** Somebody new founds a group of them all in a store, which is closed, and says something. */
export async function sayFirstOnPlatform(
  url: string,
  store: Store,
  members: readonly User[],
): Promise<FirstOnPlatform> {
  const traffic: Traffic = { bundleRequests: 0, bundlesAt: Number.NaN, kinds: [] };
  const client = createClient({ url, store, provider: nodeProvider, ...watched(traffic) });
  try {
    await register(client);
    const { id } = await client.groups.create({ members });
    const begun = performance.now();
    await client.whenStored((await client.sendText(id, 'hello')).id);
    const ended = performance.now();
    const count = (kind: string) => traffic.kinds.filter((sent) => sent === kind).length;
    return {
      ms: ended - traffic.bundlesAt,
      msInAll: ended - begun,
      bundleRequests: traffic.bundleRequests,
      targetedFrames: count('targeted'),
      groupFrames: count('group'),
    };
  } finally {
    await client.close();
  }
}

function watched(traffic: Traffic): { fetch: typeof fetch; WebSocket: typeof WebSocket } {
  return {
    async fetch(input, init) {
      const answer = await fetch(input, init);
      if (!`${input}`.includes('/keys/bundle')) return answer;
      traffic.bundleRequests += 1;
      const body = await answer.arrayBuffer();
      traffic.bundlesAt = performance.now();
      const { status, headers } = answer;
      return new Response(body, { status, headers });
    },
    WebSocket: class extends WebSocket {
      override send(data: Parameters<WebSocket['send']>[0]): void {
        const frame: { message?: { kind: string } } = JSON.parse(String(data));
        if (frame.message !== undefined) traffic.kinds.push(frame.message.kind);
        super.send(data);
      }
    },
  };
}
