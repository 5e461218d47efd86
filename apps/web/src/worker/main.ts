/** The worker that holds keys, messages and cryptography, so that nothing of it holds up the page. */
import { serveInWorker } from '@sotto/client/worker';

serveInWorker();
