/**
 * A client in a worker, and the page that talks with it. Sub-path `@sotto/client/worker`.
 *
 * Keys, cryptography and the store are in the worker, so that nothing of it holds up the page. The worker's script is the
 * application's own: it calls `serveInWorker()`.
 */
export { openWorkerClient, type WorkerClientOptions } from './worker-page.ts';
export { serveInWorker, type WorkerServing } from './worker-script.ts';
