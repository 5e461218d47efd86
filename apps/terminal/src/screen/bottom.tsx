/** The last rows: files on their way, what there is to say, and what is being typed. */
import { sizeLabel } from '@sotto/hooks';
import { Box, useCursor } from 'ink';
import type { ReactElement } from 'react';
import type { DeskState, Transfer } from '../chat/desk.ts';
import { masked } from '../chat/question.ts';
import { LOCALE } from '../locale.ts';
import { safeLine } from '../safe-text.ts';
import { fitText, textWidth } from '../text-width.ts';
import { layOut } from './edit-line.ts';
import { type Row, RowLine, Rows, type Span, textRow } from './row.tsx';

/** Rows of what is typed that are seen at once. */
const TYPED_ROWS_MAX = 4;
const TRANSFERS_SHOWN_MAX = 2;
const PROMPT = '› ';
const BAR_CELLS = 20;
const WHOLE_HINT_COLUMNS = 48;

/** How many rows it takes; the rest of the window is for messages. */
export function bottomHeight(state: DeskState, columns: number, rows: number): number {
  return typedRows(state, columns, rows).rows.length + 1 + transferRows(state, columns).length;
}

/** `top` is the row of the window where it begins. */
export function Bottom({
  state,
  columns,
  top,
  windowRows,
}: {
  readonly state: DeskState;
  readonly columns: number;
  readonly top: number;
  readonly windowRows: number;
}): ReactElement {
  const transfers = transferRows(state, columns);
  const typed = typedRows(state, columns, windowRows);
  const { setCursorPosition } = useCursor();
  setCursorPosition({ x: PROMPT.length + typed.x, y: top + transfers.length + 1 + typed.y });
  return (
    <Box flexDirection="column" flexShrink={0}>
      <Rows rows={transfers} />
      <RowLine spans={[hint(state, columns)]} />
      <Rows rows={typed.rows.map(typedRow)} />
    </Box>
  );
}

function typedRows({ draft, question }: DeskState, columns: number, windowRows: number) {
  const most = Math.max(1, Math.min(TYPED_ROWS_MAX, windowRows - 8));
  const shown = question === undefined ? draft : masked(question.draft);
  const { rows, x, y } = layOut(shown, columns - PROMPT.length);
  const first = Math.max(0, Math.min(y, rows.length - most));
  const last = Math.max(y + 1, first + most);
  const start = Math.max(0, last - most);
  return { rows: rows.slice(start, last), x, y: y - start };
}

function hint(state: DeskState, columns: number): Span {
  const { notice, draft, chosen, panel, focus, question } = state;
  if (question !== undefined) {
    return { text: ` ${fitText(question.words, columns - 2)}`, tone: 'accent' };
  }
  if (notice !== undefined) {
    const text = ` ${fitText(safeLine(notice.text), columns - 2)}`;
    return { text, tone: notice.isTrouble ? 'danger' : 'accent' };
  }
  const isNarrow = columns < WHOLE_HINT_COLUMNS;
  const words = (() => {
    if (panel !== undefined) {
      return isNarrow ? 'Esc closes · PageDown scrolls' : 'Esc closes · PageUp and PageDown scroll';
    }
    if (chosen !== undefined) return '/reply /react /edit /delete /save · Esc';
    if (draft.text.startsWith('/')) return 'Tab completes · Enter does it';
    if (focus === 'list') return 'Up, Down, Enter · /new NAME · /help';
    return isNarrow
      ? 'Enter sends · Esc list · /help'
      : 'Enter sends · Up chooses · Esc list · /help';
  })();
  return { text: ` ${fitText(words, columns - 2)}`, tone: 'dim' };
}

function transferRows({ transfers }: DeskState, columns: number): Row[] {
  const listed = [...transfers].slice(0, TRANSFERS_SHOWN_MAX);
  return listed.map(([key, transfer]) =>
    textRow(`${key}`, transferText(transfer, columns), 'accent'),
  );
}

function transferText({ name, verb, done, total }: Transfer, columns: number): string {
  const share = total === 0 ? 0 : done / total;
  const full = Math.floor(share * BAR_CELLS);
  const bar = `${'█'.repeat(full)}${'░'.repeat(BAR_CELLS - full)}`;
  const words = ` ${bar} ${Math.floor(share * 100)} % of ${sizeLabel(total, LOCALE)}`;
  const room = columns - textWidth(words) - 2;
  return ` ${fitText(`${verb} ${safeLine(name)}`, Math.max(8, room))}${words}`;
}

function typedRow(text: string, index: number): Row {
  return {
    key: `${index}`,
    spans: [{ text: index === 0 ? PROMPT : '  ', tone: 'accent' }, { text }],
  };
}
