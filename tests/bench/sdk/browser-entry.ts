/** What a page or a worker runs for `in-browser.ts`. Built by esbuild. */
import { openIndexedDbStore } from '@sotto/client/indexeddb';
import { webProvider } from '@sotto/crypto';
import { type FirstGroupMessage, type GroupSize, sayFirst } from './first-group-message.ts';

/** Says the first thing to a group, in a store of this origin. */
async function measure(size: GroupSize): Promise<FirstGroupMessage> {
  const store = await openIndexedDbStore(crypto.randomUUID());
  return sayFirst(webProvider, store, size);
}

Reflect.set(globalThis, 'measure', measure);
const isWorker = Reflect.get(globalThis, 'document') === undefined;
if (isWorker) {
  globalThis.addEventListener('message', async ({ data }: MessageEvent<GroupSize>) => {
    globalThis.postMessage(await measure(data));
  });
}
