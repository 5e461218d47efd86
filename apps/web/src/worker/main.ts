/** The worker that holds keys, messages and cryptography, so that nothing of it holds up the page. */
import { serveInWorker } from '@sotto/client/worker';

// Its address holds a digest of its content, so a tab of before an update shares nothing with one of after it.
serveInWorker({ build: new URL(import.meta.url).pathname });
