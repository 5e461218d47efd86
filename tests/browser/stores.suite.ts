/** What stores promise, on the stores of a browser: run by `stores.browser.ts` in a page, and in a worker. */
import { openMemoryStore, sealStore } from '@sotto/client';
import { openIndexedDbStore, openSealedIndexedDbStore } from '@sotto/client/indexeddb';
import { nobleProvider } from '@sotto/crypto';
import { storeContract } from '../../packages/client/src/store/store.contract.ts';

const secret = { key: new Uint8Array(32).fill(7) };
const freshName = () => `contract ${crypto.randomUUID()}`;

storeContract('the IndexedDB store', () => openIndexedDbStore(freshName()));
storeContract('the encrypted IndexedDB store', () => openSealedIndexedDbStore(freshName(), secret));
storeContract('an encrypted store in memory', () =>
  sealStore(openMemoryStore(), { secret, provider: nobleProvider }),
);
