/** Looking for words in what this device has. Nobody else is asked. */
import type { HistoryItem } from '@sotto/client';
import { conversationName, shortTimeLabel } from '@sotto/hooks';
import { HISTORY_PAGE, SEARCH_HITS_MAX } from '../limits.ts';
import { LOCALE } from '../locale.ts';
import { safeLine } from '../safe-text.ts';
import { nameTone, type Row } from '../screen/row.tsx';
import type { Desk } from './desk.ts';

type Message = Extract<HistoryItem, { type: 'message' }>;

/** Letters around a hit that are shown before it. */
const BEFORE = 20;

/** A message that was found. */
export interface Hit extends Row {
  /** When it goes away, and is not to be seen any more: milliseconds since 1970. */
  readonly expiresAt: number;
}

/** A row for each message that has the words, the newest first. Rejects as reading the history does. */
export async function searchHistory(desk: Desk, words: string): Promise<Hit[]> {
  const wanted = folded(words);
  const hits: Message[] = [];
  for (const { id } of desk.shown.conversations) {
    for (let after = 0; ; ) {
      const page = await desk.client.history(id, { after, limit: HISTORY_PAGE });
      hits.push(...page.filter((item) => isHit(item, wanted)));
      after = page.at(-1)?.seq ?? after;
      if (page.length < HISTORY_PAGE) break;
    }
  }
  const newest = hits.toSorted((one, other) => other.time - one.time).slice(0, SEARCH_HITS_MAX);
  return newest.map((message) => hitRow(desk, message, wanted));
}

function isHit(item: HistoryItem, wanted: string): item is Message {
  return item.type === 'message' && folded(textOf(item)).includes(wanted);
}

/** What of a message can be looked for; edits and reactions are in the messages that they speak of. */
function textOf({ content }: Message): string {
  if (content.type === 'text') return content.text;
  return content.type === 'file' ? content.file.name : '';
}

/** Without case, and with accents as they are composed. */
function folded(text: string): string {
  return text.normalize('NFKC').toLocaleLowerCase();
}

function hitRow(desk: Desk, message: Message, wanted: string): Hit {
  const { me, shown } = desk;
  const { conversation, sender, own, time, id } = message;
  const view = shown.conversations.find((each) => each.id === conversation);
  const who = own ? 'you' : safeLine(shown.nameOf(sender.user));
  const name = view && conversationName(view, me.user, shown.nameOf);
  const where = view?.kind === 'group' || own ? ` in ${safeLine(name ?? '')}` : '';
  return {
    key: `${sender.device}/${id}`,
    expiresAt: message.expiresAt ?? Number.POSITIVE_INFINITY,
    spans: [
      { text: `${shortTimeLabel(time, Date.now(), LOCALE)} `, tone: 'dim' },
      { text: `${who}${where}: `, tone: nameTone(sender.user) },
      { text: safeLine(around(textOf(message), wanted)) },
    ],
  };
}

/** The hit has to be seen, wherever it stands in a long message. */
function around(text: string, wanted: string): string {
  const at = folded(text).indexOf(wanted);
  return at > 2 * BEFORE ? `…${text.slice(at - BEFORE)}` : text;
}
