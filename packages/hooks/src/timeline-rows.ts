/** Lines of a conversation as rows of a page: days between them, where the new ones begin, and who goes on speaking. */
import type { MessageView } from '@sotto/client';
import { isSameDay } from './time-labels.ts';

/**
 * One line, and what stands before it. Days are no rows of their own: when older lines come, a row that is looked at stays the
 * row that it was.
 */
export interface TimelineRow {
  /** Names it for as long as it is shown. */
  readonly key: string;
  readonly line: MessageView;
  /** The first of its day. */
  readonly opensDay: boolean;
  /** It and what follows had not been read when the conversation was opened. */
  readonly opensNew: boolean;
  /** The first, and the last, of what one person says in one go. */
  readonly isFirst: boolean;
  readonly isLast: boolean;
}

/** Who says nothing for so long begins anew. */
const PAUSE_MS = 5 * 60_000;

/** What is said by somebody, and not what has happened. */
const SAID: ReadonlySet<MessageView['body']['type']> = new Set([
  'text',
  'file',
  'deleted',
  'unreadable',
  'unsupported',
]);

/** What counts as unread: the SDK counts it so. */
const UNREAD: ReadonlySet<MessageView['body']['type']> = new Set([
  'text',
  'file',
  'unreadable',
  'unsupported',
]);

/** The name of a line among those of its conversation. */
export function lineKey({ reference, seq }: Pick<MessageView, 'reference' | 'seq'>): string {
  return reference === undefined ? `${seq}` : `${reference.device}/${reference.id}`;
}

/** Whether it stands in a bubble of its sender's. */
export function isSaid({ body }: MessageView): boolean {
  return SAID.has(body.type);
}

/** Whether it can be marked as read: something of somebody else's that has a place and a name. */
export function isHeard({ isOwn, reference, seq }: MessageView): boolean {
  return !isOwn && reference !== undefined && seq !== undefined;
}

/**
 * The line at which what is new begins, when so many are unread; undefined for none. The first one of those given when
 * more are unread than they are.
 */
export function firstUnread(lines: readonly MessageView[], unread: number): string | undefined {
  const counted = lines.filter(({ isOwn, body }) => !isOwn && UNREAD.has(body.type));
  const first = unread > 0 ? counted.at(-Math.min(unread, counted.length)) : undefined;
  return first && lineKey(first);
}

/** What is known beside the lines. */
export interface RowsOptions {
  /** The key of the first new line. */
  readonly newFrom?: string | undefined;
  /** Older lines are still to come: whether the first one here opens a day, or what somebody says, only they tell. */
  readonly hasOlder?: boolean;
}

/** Rows for lines, the oldest first. */
export function timelineRows(
  lines: readonly MessageView[],
  { newFrom, hasOlder = false }: RowsOptions = {},
): TimelineRow[] {
  const keys = lines.map(lineKey);
  return lines.map((line, index) => {
    const [before, after] = [lines[index - 1], lines[index + 1]];
    const opensNew = keys[index] === newFrom;
    const closesOld = after !== undefined && keys[index + 1] === newFrom;
    return {
      key: keys[index]!,
      line,
      opensDay: before === undefined ? !hasOlder : !isSameDay(before.time, line.time),
      opensNew,
      isFirst: opensNew || (before === undefined ? !hasOlder : !goesOn(before, line)),
      isLast: after === undefined || closesOld || !goesOn(line, after),
    };
  });
}

function goesOn(line: MessageView, next: MessageView): boolean {
  return (
    isSaid(line) &&
    isSaid(next) &&
    line.sender === next.sender &&
    line.isOwn === next.isOwn &&
    Math.abs(next.time - line.time) < PAUSE_MS &&
    isSameDay(line.time, next.time)
  );
}
