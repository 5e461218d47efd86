/** Commands about messages: the chosen one, or the newest that the command can speak of. */
import { resolve } from 'node:path';
import type { MessageView } from '@sotto/client';
import { saveFile } from '@sotto/client/node';
import { lineKey } from '@sotto/hooks';
import { CommandError, EXIT } from '../exit-code.ts';
import { fileToSend, pathToSave } from '../file-path.ts';
import { safeLine } from '../safe-text.ts';
import { type Desk, type Transfer, tell } from './desk.ts';
import { needOpen, needWords } from './people-named.ts';

/** `/reply TEXT` */
export async function reply(desk: Desk, rest: string): Promise<void> {
  const id = needOpen(desk);
  const text = needWords(rest, '/reply TEXT');
  const replyTo = meant(desk, ({ reference }) => reference !== undefined);
  await desk.client.sendText(id, text, { replyTo });
  desk.change({ chosen: undefined, scroll: 0 });
}

/** `/react EMOJI` */
export async function react(desk: Desk, rest: string): Promise<void> {
  const isOthers = ({ isOwn, reference }: MessageView) => !isOwn && reference !== undefined;
  await desk.client.react(meant(desk, isOthers), rest === '' ? null : rest);
  desk.change({ chosen: undefined });
}

/** `/edit TEXT` */
export async function edit(desk: Desk, rest: string): Promise<void> {
  const text = needWords(rest, '/edit TEXT');
  const isOwnText = ({ isOwn, body }: MessageView) => isOwn && body.type === 'text';
  await desk.client.edit(meant(desk, isOwnText), text);
  desk.change({ chosen: undefined });
}

/** `/delete` */
export async function takeBack(desk: Desk): Promise<void> {
  const isOwn = ({ isOwn, body }: MessageView) => isOwn && ['text', 'file'].includes(body.type);
  await desk.client.deleteMessage(meant(desk, isOwn));
  desk.change({ chosen: undefined });
}

/** `/file PATH`: goes on while people chat. */
export async function sendFile(desk: Desk, rest: string): Promise<void> {
  const id = needOpen(desk);
  const path = resolve(
    desk.workingDirectory,
    needWords(rest, '/file PATH').replace(/^"(.*)"$/u, '$1'),
  );
  const file = await fileToSend(path);
  await transfer(desk, { name: file.name, verb: 'sending' }, (onProgress) =>
    desk.client.sendFile(id, file, { onProgress }),
  );
}

/** `/save [PATH]` */
export async function save(desk: Desk, rest: string): Promise<void> {
  const { body } = meant(desk, (line) => line.body.type === 'file');
  if (body.type !== 'file') return;
  const file = await desk.client.openFile({ content: body });
  const wish = rest === '' ? undefined : rest;
  const path = pathToSave(file.name, { folder: desk.workingDirectory, wish });
  await transfer(desk, { name: file.name, verb: 'saving' }, (onProgress) =>
    saveFile(file, path, { onProgress }),
  );
  desk.change({ chosen: undefined });
  tell(desk, `Saved as ${safeLine(path)}`);
}

/** The chosen message, or the newest that fits. Throws a `CommandError` when there is none, or the chosen one does not fit. */
function meant({ state, shown }: Desk, fits: (line: MessageView) => boolean): MessageView {
  const { chosen } = state.get();
  const isMeant = (line: MessageView) => chosen === undefined || lineKey(line) === chosen;
  const line = shown.lines.findLast((each) => isMeant(each) && fits(each));
  if (line !== undefined) return line;
  throw new CommandError(
    chosen === undefined ? 'there is no such message here' : 'that cannot be done to this message',
    EXIT.nobody,
  );
}

type OnProgress = (progress: Pick<Transfer, 'done' | 'total'>) => void;

let transferCount = 0;

async function transfer(
  desk: Desk,
  about: Pick<Transfer, 'name' | 'verb'>,
  work: (onProgress: OnProgress) => Promise<unknown>,
): Promise<void> {
  transferCount += 1;
  const key = transferCount;
  const show = (next: Transfer | undefined) => {
    const transfers = new Map(desk.state.get().transfers);
    if (next === undefined) transfers.delete(key);
    else transfers.set(key, next);
    desk.change({ transfers });
  };
  show({ ...about, done: 0, total: 0 });
  try {
    await work(({ done, total }) => show({ ...about, done, total }));
  } finally {
    show(undefined);
  }
}
