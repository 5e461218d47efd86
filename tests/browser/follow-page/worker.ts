/** All that an application writes for its worker. */
import { serveInWorker } from '@sotto/client/worker';

serveInWorker();
