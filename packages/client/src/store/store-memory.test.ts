import { nobleProvider } from '@sotto/crypto';
import { storeContract } from './store.contract.ts';
import { openMemoryStore } from './store-memory.ts';
import { sealStore } from './store-sealed.ts';

storeContract('the memory store', openMemoryStore);
storeContract('an encrypted store in memory', () =>
  sealStore(openMemoryStore(), {
    secret: { key: new Uint8Array(32).fill(7) },
    provider: nobleProvider,
  }),
);
