/** Says one thing to one person and ends, as a job does: `node packages/client/examples/notify.ts USERNAME TEXT [URL]`. */
import { ApiError, createClient, type Sent } from '@sotto/client';
import { waitForSqliteStore } from '@sotto/client/sqlite';
import { nodeProvider } from '@sotto/crypto/node';

const [username = '', text = '', url = 'http://localhost:8080'] = process.argv.slice(2);
// Nobody watches a job: it gives up, says why, and ends.
const signal = AbortSignal.timeout(30_000);
// The same device each time, so keep this file. A job that still runs is waited for.
const store = await waitForSqliteStore('notifier.sqlite', { waitUntil: signal });
const notifier = createClient({ url, store, provider: nodeProvider });
const troubles = new Set<string>();
const note = ({ error }: { error?: unknown }) => {
  if (error instanceof Error) troubles.add(error instanceof ApiError ? error.code : error.message);
};
notifier.on('disconnected', note);
notifier.on('trouble', note);
let sent: Sent | undefined;
try {
  const account = { username: 'Notifier', password: 'a rather long passphrase' };
  if ((await notifier.me()) === undefined) await notifier.register(account, { signal });
  await notifier.connect({ signal });
  const found = await notifier.findUser(username, { signal });
  if (found === undefined) throw new Error(`there is no ${username}`);
  const { id: conversation } = await notifier.openDirect(found.user, { signal });
  sent = await notifier.sendText(conversation, text);
  await notifier.whenStored(sent.id, { signal });
} catch (error) {
  process.stderr.write(`${reasonOf(error)}; ${await stateOf(sent)}\n`);
} finally {
  await notifier.close();
}

/** That the time is over says nothing of what it was spent on, with this text or with others that wait. */
function reasonOf(error: unknown): string {
  if (signal.aborted && troubles.size > 0) return [...troubles].join(', ');
  return error instanceof Error ? error.message : String(error);
}

/** Whether the text is kept, and so the exit code: 69 and 1 mean what they do in the terminal client. */
async function stateOf(written: Sent | undefined): Promise<string> {
  const waiting = written === undefined ? [] : await notifier.unsent(written.conversation);
  const isKept = waiting.some(({ id }) => id === written?.id);
  process.exitCode = isKept ? 69 : 1;
  return isKept ? 'the text is kept, and leaves in a later run' : 'nothing was sent';
}
