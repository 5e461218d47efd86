/** Commands about messages: the chosen one, or the newest that the command can speak of. */
import type { MessageTarget, MessageView } from '@sotto/client';
import { saveFile } from '@sotto/client/node';
import { lineKey } from '@sotto/hooks';
import { CommandError, EXIT } from '../exit-code.ts';
import { fileToSend, pathTyped, saveAs } from '../file-path.ts';
import { sendFileOnce } from '../file-sending.ts';
import { safeLine } from '../safe-text.ts';
import type { Desk, Transfer, Turn } from './desk.ts';
import { needOpen, needWords } from './people-named.ts';
import { letGo, placeNow, showNewest } from './places.ts';
import { tell } from './telling.ts';

/** `/reply TEXT` */
export async function reply(desk: Desk, rest: string, turn: Turn): Promise<void> {
  const id = needOpen(turn);
  const text = needWords(rest, '/reply TEXT');
  const replyTo = meant(turn, ({ reference }) => reference !== undefined);
  placeNow(desk, turn.place).said = await desk.client.sendText(id, text, { replyTo });
  letGo(desk, turn);
  showNewest(desk, turn.place);
}

/** `/react EMOJI` */
export async function react(desk: Desk, rest: string, turn: Turn): Promise<void> {
  const isOthers = ({ isOwn, reference }: MessageView) => !isOwn && reference !== undefined;
  await desk.client.react(meant(turn, isOthers), rest === '' ? null : rest);
  letGo(desk, turn);
}

/** `/edit TEXT` */
export async function edit(desk: Desk, rest: string, turn: Turn): Promise<void> {
  const text = needWords(rest, '/edit TEXT');
  const isOwnText = ({ isOwn, body }: MessageView) => isOwn && body.type === 'text';
  await desk.client.edit(justSaid(desk, turn) ?? meant(turn, isOwnText), text);
  letGo(desk, turn);
}

/** `/delete` */
export async function takeBack(desk: Desk, _rest: string, turn: Turn): Promise<void> {
  const isOwn = ({ isOwn, body }: MessageView) => isOwn && ['text', 'file'].includes(body.type);
  await desk.client.deleteMessage(justSaid(desk, turn) ?? meant(turn, isOwn));
  letGo(desk, turn);
}

/** `/file PATH`: goes on while people chat. */
export async function sendFile(desk: Desk, rest: string, turn: Turn): Promise<void> {
  const id = needOpen(turn);
  const path = pathTyped(desk.workingDirectory, needWords(rest, '/file PATH'));
  const file = await fileToSend(path);
  await transfer(desk, { name: file.name, verb: 'sending' }, (onProgress) =>
    sendFileOnce(desk.client, id, { file, onProgress }),
  );
}

/** `/save [PATH]` */
export async function save(desk: Desk, rest: string, turn: Turn): Promise<void> {
  const { body } = meant(turn, (line) => line.body.type === 'file');
  if (body.type !== 'file') return;
  const file = await desk.client.openFile({ content: body });
  const wish = rest === '' ? undefined : pathTyped(desk.workingDirectory, rest);
  const place = { folder: desk.workingDirectory, wish };
  const path = await transfer(desk, { name: file.name, verb: 'saving' }, (onProgress) =>
    saveAs(file.name, place, (free) => saveFile(file, free, { onProgress })),
  );
  letGo(desk, turn);
  tell(desk, `Saved as ${safeLine(path)}`);
}

/** What was entered just before, where the screen did not show it yet: it is the newest all the same. */
function justSaid(desk: Desk, { place, chosen, lines }: Turn): MessageTarget | undefined {
  const { said } = placeNow(desk, place);
  const isShown = lines.some(({ reference }) => reference?.id === said?.id);
  return chosen === undefined && !isShown ? said : undefined;
}

/**
 * The message that was chosen at Enter, or the newest that fits of those that were there. Throws a `CommandError` when there is
 * none, or the chosen one does not fit.
 */
function meant({ chosen, lines }: Turn, fits: (line: MessageView) => boolean): MessageView {
  const isMeant = (line: MessageView) => chosen === undefined || lineKey(line) === chosen;
  const line = lines.findLast((each) => isMeant(each) && fits(each));
  if (line !== undefined) return line;
  throw new CommandError(
    chosen === undefined ? 'there is no such message here' : 'that cannot be done to this message',
    EXIT.nobody,
  );
}

type OnProgress = (progress: Pick<Transfer, 'done' | 'total'>) => void;

let transferCount = 0;

async function transfer<T>(
  desk: Desk,
  about: Pick<Transfer, 'name' | 'verb'>,
  work: (onProgress: OnProgress) => Promise<T>,
): Promise<T> {
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
    return await work(({ done, total }) => show({ ...about, done, total }));
  } finally {
    show(undefined);
  }
}
