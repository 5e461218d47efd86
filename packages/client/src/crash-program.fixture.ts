/** What the processes run that `crash.test.ts` kills: writes what is not written yet, reads what comes, says when done. */
import { nodeProvider } from '@sotto/crypto/node';
import { type Client, createClient } from './client.ts';
import type { ConversationRecord } from './messages/conversation-record.ts';
import type { Message } from './messages/history-item.ts';
import { openSqliteStore } from './store/store-sqlite.ts';

const [url = '', path = '', count = '0', expected = '0'] = process.argv.slice(2);
const client = createClient({ url, store: openSqliteStore(path), provider: nodeProvider });
if (!(await client.me())) await client.register({ username: 'bob', password: 'Secret!23' });
await client.connect();
const [conversation] = await client.conversations();
if (conversation === undefined) {
  // The first start only makes the account; whoever writes to it opens the conversation.
  for await (const _ of client.messages()) break;
  process.exit(0);
}
const written = await writtenBefore(client, conversation);
for (let number = written; number < Number(count); number++) {
  await client.sendText(conversation.id, `${number}`);
}
while ((await received(client, conversation)) < Number(expected)) await nextTurn();
while ((await client.unsent(conversation.id)).length > 0) await nextTurn();
await client.close();

/** How many were written in earlier lives, sent or not: the next number. */
async function writtenBefore(from: Client, { id }: ConversationRecord): Promise<number> {
  const own = (await all(from, id)).filter((message) => message.own);
  return own.length + (await from.unsent(id)).length;
}

async function received(from: Client, { id }: ConversationRecord): Promise<number> {
  return (await all(from, id)).filter((message) => !message.own).length;
}

async function all(from: Client, id: Message['conversation']): Promise<Message[]> {
  const page = await from.history(id, { limit: 10_000 });
  return page.filter((item) => item.type === 'message');
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}
