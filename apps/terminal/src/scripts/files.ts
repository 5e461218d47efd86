/** `sotto send-file TO PATH` and `sotto save TO [ID]`. */
import { resolve } from 'node:path';
import type { Client, HistoryItem, TransferProgress } from '@sotto/client';
import { saveFile } from '@sotto/client/node';
import { type Call, withClient } from '../call.ts';
import { CommandError, EXIT, wrongCall } from '../exit-code.ts';
import { fileToSend, saveAs } from '../file-path.ts';
import { sendFileOnce } from '../file-sending.ts';
import { HISTORY_PAGE } from '../limits.ts';
import { safeJson, safeLine } from '../safe-text.ts';
import { findConversation } from './names.ts';
import { arrive } from './send.ts';
import { untilQuiet } from './until-quiet.ts';

type Message = Extract<HistoryItem, { type: 'message' }>;

/** Sends a file, and ends once its message is on the platform's disk. */
export async function sendFile(call: Call): Promise<void> {
  const [, to, path, ...rest] = call.words;
  if (to === undefined || path === undefined || rest.length > 0) {
    throw wrongCall('sotto send-file TO PATH');
  }
  const file = await fileToSend(resolve(call.workingDirectory, path));
  await withClient(call, async (client) => {
    const conversation = await findConversation(client, to);
    const onProgress = progressOf(call, file.name);
    const sending = { file, onProgress, signal: call.signal };
    const sent = await sendFileOnce(client, conversation, sending);
    await arrive(call, client, sent);
  });
}

/** Saves a file that came, or was sent, in a conversation. */
export async function save(call: Call): Promise<void> {
  const [, to, id, ...rest] = call.words;
  if (to === undefined || rest.length > 0) throw wrongCall('sotto save TO [ID] [-o PATH]');
  await withClient(call, async (client) => {
    await untilQuiet(client, call.signal);
    const message = await findFile(client, await findConversation(client, to), id);
    const file = await client.openFile(message, { signal: call.signal });
    const folder = call.workingDirectory;
    const onProgress = progressOf(call, file.name);
    const path = await saveAs(file.name, { folder, wish: call.options.output }, (free) =>
      saveFile(file, free, { onProgress }),
    );
    const { size } = file;
    call.output.out(call.options.json === true ? safeJson({ path, size }) : safeLine(path));
  });
}

async function findFile(
  client: Client,
  conversation: Message['conversation'],
  id: string | undefined,
): Promise<Message> {
  let found: Message | undefined;
  for (let after = 0; ; ) {
    const page = await client.history(conversation, { after, limit: HISTORY_PAGE });
    for (const item of page) if (isFile(item) && (id === undefined || item.id === id)) found = item;
    after = page.at(-1)?.seq ?? after;
    if (page.length < HISTORY_PAGE) break;
  }
  if (found !== undefined) return found;
  throw new CommandError('there is no such file in this conversation', EXIT.nobody);
}

function isFile(item: HistoryItem): item is Message {
  return item.type === 'message' && item.content.type === 'file';
}

/** On a terminal, how far it is; nothing elsewhere. */
function progressOf({ output }: Call, name: string): (progress: TransferProgress) => void {
  let told = -1;
  return ({ done, total }) => {
    const percent = total === 0 ? 100 : Math.floor((100 * done) / total);
    if (!output.isTerminal || Math.floor(percent / 10) === Math.floor(told / 10)) return;
    told = percent;
    output.note(`${safeLine(name)}: ${percent} %`);
  };
}
