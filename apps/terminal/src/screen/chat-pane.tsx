/** One conversation: who it is with, what there is to know, and what was said. */
import type { ConversationView, MessageView } from '@sotto/client';
import { firstUnread, lineKey, peopleIn, timelineRows, useNames, useTimeline } from '@sotto/hooks';
import { Box } from 'ink';
import { type ReactElement, useEffect, useMemo, useState } from 'react';
import type { Desk, DeskState } from '../chat/desk.ts';
import { wrapText } from '../text-width.ts';
import { bannerRows, Title } from './chat-head.tsx';
import { type MessageRow, messageRows } from './message-rows.ts';
import { type Row, Rows, textRow } from './row.tsx';
import { useReading } from './use-reading.ts';
import { useWarnings } from './use-warnings.ts';
import { warningRows } from './warning-rows.ts';

export interface ChatProps {
  readonly desk: Desk;
  readonly state: DeskState;
  readonly view: ConversationView;
  readonly columns: number;
  readonly height: number;
  readonly now: number;
}

/** Fills its place: a title, warnings, then the newest rows, or those that were scrolled to. */
export function ChatPane(props: ChatProps): ReactElement {
  const { desk, state, view, columns, height, now } = props;
  const { lines: known, older } = useTimeline(view.id);
  const lines = known ?? NO_LINES;
  const nameOf = useNames(useMemo(() => peopleOf(view, lines), [view, lines]));
  const newFrom = useNewFrom(view, lines);
  const { chosen } = state;
  const rows = useMemo(() => {
    const reading = { me: desk.me.user, nameOf, columns, now: minuteOf(now), chosen };
    return messageRows(timelineRows(lines, { newFrom }), reading);
  }, [lines, newFrom, nameOf, columns, now, chosen, desk]);
  const room = { columns, rowsMax: height - 2 };
  const { rows: warned, notices } = warningRows(useWarnings(view, nameOf), room);
  const head = bannerRows(props, warned);
  const pageRows = Math.max(1, height - 1 - head.length);
  const scroll = Math.min(state.scroll, Math.max(0, rows.length - pageRows));
  noteShown(desk, { lines, rows, pageRows, notices, older });
  useReading({ desk, lines, isAtEnd: scroll === 0 && state.panel === undefined });
  const last = rows.length - scroll;
  const shown = rows.slice(Math.max(0, last - pageRows), last);
  return (
    <Box flexDirection="column" width={columns} height={height} overflow="hidden">
      <Title view={view} desk={desk} nameOf={nameOf} hidden={scroll} />
      <Rows rows={head} />
      <Rows rows={shown} />
      {known?.length === 0 && <Rows rows={emptyRows(columns)} />}
    </Box>
  );
}

const NO_LINES: readonly MessageView[] = [];

function emptyRows(columns: number): Row[] {
  const words = 'Nothing was said here yet. Write something, and press Enter.';
  return wrapText(words, columns - 2).map((text, at) => textRow(`${at}`, ` ${text}`, 'dim'));
}

/** The line at which what is new began when the conversation was opened: it stays while it is read. */
function useNewFrom(
  { unread }: ConversationView,
  lines: readonly MessageView[],
): string | undefined {
  const [unreadAtFirst] = useState(unread);
  const [mark, setMark] = useState<string | undefined>();
  const isRead = lines.length > 0;
  // biome-ignore lint/correctness/useExhaustiveDependencies: it is looked for once, in the first lines that are there
  useEffect(() => {
    if (isRead) setMark(firstUnread(lines, unreadAtFirst));
  }, [isRead]);
  return mark;
}

function noteShown(
  desk: Desk,
  seen: {
    readonly lines: readonly MessageView[];
    readonly rows: readonly MessageRow[];
    readonly pageRows: number;
    readonly notices: Desk['shown']['notices'];
    readonly older: () => Promise<void>;
  },
): void {
  const rowsBelow = new Map<string, number>();
  seen.rows.forEach(({ line }, index) => {
    // The first row of a line is what has to be seen of it.
    const key = line === undefined ? undefined : lineKey(line);
    if (key !== undefined && !rowsBelow.has(key)) rowsBelow.set(key, seen.rows.length - 1 - index);
  });
  const { rows, ...others } = seen;
  desk.shown = { ...desk.shown, ...others, rowsBelow, rowCount: rows.length };
}

function peopleOf(view: ConversationView, lines: readonly MessageView[]) {
  return [...new Set([...view.members, ...lines.flatMap(peopleIn)])];
}

/** Rows are laid out again once a minute at most for the sake of the clock. */
function minuteOf(now: number): number {
  return Math.floor(now / 60_000) * 60_000;
}
