/** The process that `files.test.ts` starts with a small heap: sends a file, opens it as somebody else, and saves it. */
import { openAsBlob } from 'node:fs';
import { type Client, createClient, type Message } from '@sotto/client';
import { saveFile } from '@sotto/client/node';
import { openSqliteStore } from '@sotto/client/sqlite';
import { nodeProvider } from '@sotto/crypto/node';

const [url = '', directory = '', from = '', to = ''] = process.argv.slice(2);

let rssMax = 0;
const measure = () => {
  rssMax = Math.max(rssMax, process.memoryUsage.rss());
};

const alice = await open('alice');
const bob = await open('bob');
const { id } = await alice.openDirect((await bob.me())!.user);
measure();
const rssBefore = rssMax;
const data = await openAsBlob(from);
const progress: number[] = [];
const onProgress = ({ done, total }: { done: number; total: number }) => {
  measure();
  progress.push(done / total);
};
await alice.sendFile(id, { name: 'film.mp4', type: 'video/mp4', data }, { onProgress });
const message = await firstMessage(bob);
const opened = await bob.openFile(message);
await saveFile(opened, to, { onProgress: measure });
for (const client of [alice, bob]) await client.close();
process.stdout.write(
  JSON.stringify({ rssBefore, rssMax, first: progress[0], last: progress.at(-1) }),
);

async function open(username: string): Promise<Client> {
  const store = openSqliteStore(`${directory}/${username}.db`);
  const client = createClient({ url, store, provider: nodeProvider });
  await client.register({ username, password: 'Correct-Horse-7' });
  await client.connect();
  return client;
}

async function firstMessage(client: Client): Promise<Message> {
  for await (const message of client.messages()) return message;
  throw new Error('nothing has come');
}
