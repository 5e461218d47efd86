import { storeContract } from './store.contract.ts';
import { openMemoryStore } from './store-memory.ts';

storeContract('the memory store', openMemoryStore);
