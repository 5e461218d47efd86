/** What a page or a worker runs for `in-browser.ts`. Built by esbuild. */
import { openIndexedDbStore } from '@sotto/client/indexeddb';
import { webProvider } from '@sotto/crypto';
import {
  type FirstGroupMessage,
  type GroupSize,
  sayFirst,
  watchTurns,
} from './first-group-message.ts';

/** Says the first thing to a group, in a store of this origin. */
async function measure(size: GroupSize): Promise<FirstGroupMessage> {
  const store = await openIndexedDbStore(crypto.randomUUID());
  return sayFirst(webProvider, store, size);
}

/** Has a worker do it, and watches this thread meanwhile. Rejects when the worker fails. */
async function measureInWorker(size: GroupSize): Promise<FirstGroupMessage> {
  const worker = new Worker('/script.js', { type: 'module' });
  const watch = watchTurns();
  try {
    const measured = await new Promise<FirstGroupMessage>((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = ({ message }) => reject(new Error(message));
      worker.postMessage(size);
    });
    return { ...measured, pageHeldUpMs: watch.end() };
  } finally {
    worker.terminate();
  }
}

Reflect.set(globalThis, 'measure', measure);
Reflect.set(globalThis, 'measureInWorker', measureInWorker);
const isWorker = Reflect.get(globalThis, 'document') === undefined;
if (isWorker) {
  globalThis.addEventListener('message', async ({ data }: MessageEvent<GroupSize>) => {
    globalThis.postMessage(await measure(data));
  });
}
