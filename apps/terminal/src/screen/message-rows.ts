/** Messages as rows of a window of so many columns: times, names, texts, quotes, reactions, ticks. */
import type { MessageView } from '@sotto/client';
import {
  clockLabel,
  countdownLabel,
  dayLabel,
  isSaid,
  lineKey,
  lineWords,
  type Reader,
  sizeLabel,
  type TimelineRow,
  tickOf,
} from '@sotto/hooks';
import { QUOTE_LENGTH } from '../limits.ts';
import { LOCALE } from '../locale.ts';
import { safeExcerpt, safeLine, safeLines } from '../safe-text.ts';
import { textWidth, wrapText } from '../text-width.ts';
import { nameTone, type Row, type Span, type Tone } from './row.tsx';

/** By whom, where and when messages are read. */
export interface Reading extends Reader {
  readonly columns: number;
  readonly now: number;
  /** The key of the line that a person has chosen. */
  readonly chosen: string | undefined;
}

/** A row, with the line that it is part of. */
export interface MessageRow extends Row {
  readonly line?: MessageView;
}

const INDENT = 6;

/** What has not fitted on the screen is left out by the caller: all rows of all lines, the oldest first. */
export function messageRows(timeline: readonly TimelineRow[], reading: Reading): MessageRow[] {
  const lines = timeline.map(({ line }) => line);
  const quoted = new Map(lines.map((line) => [lineKey(line), line]));
  const lastRead = lines.findLast(({ status }) => status === 'read');
  return timeline.flatMap(({ key, line, opensDay, opensNew }) => [
    ...(opensDay ? [ruleRow(`day/${key}`, dayLabel(line.time, reading.now, LOCALE), reading)] : []),
    ...(opensNew ? [ruleRow(`new/${key}`, 'New', reading)] : []),
    ...lineRows(line, { ...reading, quoted, isLastRead: line === lastRead }),
  ]);
}

interface Placed extends Reading {
  readonly quoted: ReadonlyMap<string, MessageView>;
  readonly isLastRead: boolean;
}

function ruleRow(key: string, words: string, { columns }: Reading): MessageRow {
  const text = ` ${words} `;
  const side = Math.max(1, Math.floor((columns - textWidth(text)) / 2));
  return { key, spans: [{ text: `${'─'.repeat(side)}${text}${'─'.repeat(side)}`, tone: 'dim' }] };
}

function lineRows(line: MessageView, placed: Placed): MessageRow[] {
  const key = lineKey(line);
  const rows = isSaid(line) ? saidRows(line, placed) : happenedRows(line, placed);
  const mark: Span = key === placed.chosen ? { text: '▌', tone: 'accent' } : { text: ' ' };
  return rows.map((spans, index) => ({ key: `${key}/${index}`, spans: [mark, ...spans], line }));
}

function happenedRows(line: MessageView, { columns, ...reader }: Placed): Span[][] {
  const words = `${clockLabel(line.time, LOCALE)} ${safeLine(lineWords(line, namesSafe(reader)))}`;
  return wrapText(words, columns - 1).map((text) => [{ text, tone: 'dim' }]);
}

function saidRows(line: MessageView, placed: Placed): Span[][] {
  const head = headSpans(line, placed);
  const indent = indentFor(placed);
  const room = placed.columns - 1;
  const body = bodyLines(line, placed);
  const tone = bodyTone(line);
  const quote = quoteText(line, placed);
  const rows: Span[][] = [];
  const width = head.reduce((sum, { text }) => sum + textWidth(text), 0);
  if (quote === undefined) {
    const [first = '', ...rest] = wrapAfter(body[0] ?? '', { taken: width, room, indent });
    rows.push(
      [...head, { text: first, tone }],
      ...rest.map((text) => indented(text, tone, indent)),
    );
  } else {
    const [first = ''] = wrapText(quote, Math.max(1, room - width));
    rows.push(
      [...head, { text: first, tone: 'dim' }],
      ...indentedRows(body[0] ?? '', { tone, room, indent }),
    );
  }
  for (const text of body.slice(1)) rows.push(...indentedRows(text, { tone, room, indent }));
  addTail(rows, tailSpans(line, placed), { room, indent });
  const reactions = reactionText(line, placed);
  if (reactions !== '') rows.push(...indentedRows(reactions, { tone: 'dim', room, indent }));
  return rows;
}

function headSpans({ time, isOwn, sender }: MessageView, { nameOf }: Placed): Span[] {
  const stamp: Span = { text: `${clockLabel(time, LOCALE)} `, tone: 'dim' };
  if (isOwn) return [stamp, { text: 'you: ', tone: 'strong' }];
  const name = sender === undefined ? 'The server' : safeLine(nameOf(sender));
  return [stamp, { text: `${name}: `, tone: nameTone(sender ?? '') }];
}

/** Where a window is narrow, rows that go on begin further left. */
function indentFor({ columns }: Reading): number {
  return columns < 48 ? 2 : INDENT;
}

function bodyLines(line: MessageView, reader: Reader): string[] {
  const { body } = line;
  if (body.type === 'text') return safeLines(body.text);
  if (body.type === 'file') {
    return [`[file] ${safeLine(body.file.name)}, ${sizeLabel(body.file.size, LOCALE)}`];
  }
  return [safeLine(lineWords(line, namesSafe(reader)))];
}

function bodyTone({ body }: MessageView): Tone {
  if (body.type === 'file') return 'accent';
  return body.type === 'text' ? 'plain' : 'dim';
}

function quoteText({ replyTo }: MessageView, { quoted, nameOf }: Placed): string | undefined {
  if (replyTo === undefined) return undefined;
  const line = quoted.get(lineKey({ reference: replyTo }));
  if (line === undefined) return '┃ (an older message)';
  const who = line.isOwn ? 'you' : safeLine(line.sender === undefined ? '' : nameOf(line.sender));
  const { body } = line;
  const said =
    body.type === 'text' ? body.text : body.type === 'file' ? body.file.name : '(deleted)';
  return `┃ ${who}: ${safeExcerpt(said, QUOTE_LENGTH)}`;
}

function tailSpans(line: MessageView, { isLastRead, now }: Placed): Span[] {
  const spans: Span[] = [];
  if (line.body.type === 'text' && line.body.isEdited)
    spans.push({ text: ' (edited)', tone: 'dim' });
  if (line.order !== 'next') spans.push({ text: ` (${ORDER_WORDS[line.order]})`, tone: 'warning' });
  if (line.expiresAt !== undefined) {
    spans.push({ text: ` ⧗${countdownLabel(line.expiresAt, now)}`, tone: 'dim' });
  }
  const tick = tickOf(line.status);
  if (tick === undefined) return spans;
  const words = line.status === 'failed' || isLastRead ? ` ${tick.words.toLowerCase()}` : '';
  return [...spans, { text: ` ${tick.sign}${words}`, tone: TICK_TONES[line.status] ?? 'dim' }];
}

const ORDER_WORDS = { gap: 'something before this is missing', late: 'this came late' } as const;

const TICK_TONES: Partial<Record<MessageView['status'], Tone>> = {
  read: 'accent',
  failed: 'danger',
};

function reactionText({ reactions }: MessageView, { me, nameOf }: Reader): string {
  const groups = reactions.map(({ emoji, users }) => {
    const names = users.map((user) => (user === me ? 'you' : safeLine(nameOf(user))));
    return `${safeLine(emoji)} ${names.join(', ')}`;
  });
  return groups.join('  ');
}

function addTail(
  rows: Span[][],
  tail: readonly Span[],
  { room, indent }: { readonly room: number; readonly indent: number },
): void {
  if (tail.length === 0) return;
  const last = rows.at(-1) ?? [];
  if (widthOf(last) + widthOf(tail) <= room) last.push(...tail);
  else rows.push([{ text: ' '.repeat(Math.max(0, indent - 1)) }, ...tail]);
}

function widthOf(spans: readonly Span[]): number {
  return spans.reduce((sum, { text }) => sum + textWidth(text), 0);
}

/** The first row stands behind a head, the others are indented. */
function wrapAfter(
  text: string,
  {
    taken,
    room,
    indent,
  }: { readonly taken: number; readonly room: number; readonly indent: number },
): string[] {
  // A blank stands for what is taken, so that words are broken once, over all rows.
  const first = wrapText(text, Math.max(4, room - taken))[0] ?? '';
  const rest = text.slice(first.length).trimStart();
  return rest === '' ? [first] : [first, ...wrapText(rest, room - indent)];
}

function indentedRows(
  text: string,
  { tone, room, indent }: { readonly tone: Tone; readonly room: number; readonly indent: number },
): Span[][] {
  return wrapText(text, room - indent).map((row) => indented(row, tone, indent));
}

function indented(text: string, tone: Tone, indent: number): Span[] {
  return [{ text: ' '.repeat(indent) }, { text, tone }];
}

function namesSafe({ me, nameOf }: Reader): Reader {
  return { me, nameOf: (user) => safeLine(nameOf(user)) };
}
