/** A page for `follow.test.ts`: a client in a worker, and what the test does with it. */
import { openWorkerClient } from '@sotto/client/worker';

type Client = Awaited<ReturnType<typeof openWorkerClient>>;
type Conversation = Awaited<ReturnType<Client['openDirect']>>['id'];

/** What the test calls in the page. */
export interface FollowPage {
  client?: Client;
  readonly open: (url: string, name: string) => Promise<void>;
  /** Asks for the name until the directory knows it. */
  readonly talkTo: (username: string) => Promise<Conversation>;
  /** Resolves when all of it is on the platform's disk. */
  readonly say: (conversation: Conversation, texts: readonly string[]) => Promise<void>;
  /** What is on the screen. */
  readonly texts: (conversation: Conversation) => string[];
}

declare global {
  interface Window {
    chat: FollowPage;
  }
}

const shown = new Map<Conversation, ReturnType<Client['state']['messages']>>();

window.chat = {
  async open(url, name) {
    const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
    window.chat.client = await openWorkerClient(worker, { url, name });
  },
  async talkTo(username) {
    for (;;) {
      const found = await client().findUser(username);
      if (found !== undefined) return (await client().openDirect(found.user)).id;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  },
  async say(conversation, texts) {
    const sent = [];
    for (const text of texts) sent.push(await client().sendText(conversation, text));
    await Promise.all(sent.map(({ id }) => client().whenStored(id)));
  },
  texts(conversation) {
    const lines = shown.get(conversation) ?? client().state.messages(conversation);
    if (!shown.has(conversation)) lines.subscribe(() => {});
    shown.set(conversation, lines);
    return (lines.get() ?? []).map(({ body }) => (body.type === 'text' ? body.text : body.type));
  },
};

function client(): Client {
  if (window.chat.client === undefined) throw new Error('the client is not open yet');
  return window.chat.client;
}
