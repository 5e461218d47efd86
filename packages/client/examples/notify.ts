/** Says one thing to one person and ends, as a job does: `node packages/client/examples/notify.ts USERNAME TEXT [URL]`. */
import { createClient } from '@sotto/client';
import { openSqliteStore } from '@sotto/client/sqlite';
import { nodeProvider } from '@sotto/crypto/node';

const [username = '', text = '', url = 'http://localhost:8080'] = process.argv.slice(2);
const store = openSqliteStore('notifier.sqlite'); // the same device each time; keep this file
const notifier = createClient({ url, store, provider: nodeProvider });
try {
  const account = { username: 'Notifier', password: 'a rather long passphrase' };
  if ((await notifier.me()) === undefined) await notifier.register(account);
  await notifier.connect();
  const found = await notifier.findUser(username);
  if (found === undefined) throw new Error(`there is no ${username}`);
  const { id: conversation } = await notifier.openDirect(found.user);
  const { id } = await notifier.sendText(conversation, text);
  await notifier.whenStored(id); // What was written and is not stored yet would leave in the next run.
} finally {
  await notifier.close();
}
