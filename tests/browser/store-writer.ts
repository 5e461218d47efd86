/**
 * A client that writes until somebody ends it: `stores.browser.ts` runs it in a worker and in a frame, and ends both in
 * the middle. Its name is that of the store, and of the channel where it says what it has been told to be on the disk.
 */
import { openIndexedDbStore } from '@sotto/client/indexeddb';

const channel = new BroadcastChannel(self.name);
const store = await openIndexedDbStore(self.name, {
  waitUntil: AbortSignal.timeout(30_000),
});
channel.postMessage('open');
for (;;) {
  const written = await store.transaction(async (transaction) => {
    const before = await transaction.get('first');
    const count = before === undefined ? 1 : new DataView(before.buffer).getUint32(0) + 1;
    const value = new Uint8Array(4);
    new DataView(value.buffer).setUint32(0, count);
    await transaction.put('first', value);
    // Far enough apart for an engine that does not keep its word.
    await transaction.put('middle', new Uint8Array(100_000).fill(count));
    await transaction.put('second', value);
    return count;
  });
  channel.postMessage(written);
}
