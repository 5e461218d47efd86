/** A page for `follow.test.ts`, which does all there is to do through the client that it finds here. */
import { openWorkerClient } from '@sotto/client/worker';

/** What the test calls in the page. */
export interface FollowPage {
  readonly open: (url: string, name: string) => Promise<void>;
  client?: Awaited<ReturnType<typeof openWorkerClient>>;
}

declare global {
  interface Window {
    chat: FollowPage;
  }
}

window.chat = {
  async open(url, name) {
    const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
    window.chat.client = await openWorkerClient(worker, { url, name });
  },
};
