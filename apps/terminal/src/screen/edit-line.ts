/** What is being typed, and where the cursor stands in it. Moves are by what people see as one letter. */
import { textWidth } from '../text-width.ts';

export interface Draft {
  readonly text: string;
  /** In code units: between two letters. */
  readonly cursor: number;
}

export const EMPTY_DRAFT: Draft = { text: '', cursor: 0 };

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** A draft with the cursor at its end. */
export function draftOf(text: string): Draft {
  return { text, cursor: text.length };
}

/** Puts what was typed or pasted at the cursor, without what no keyboard means to write. */
export function insert({ text, cursor }: Draft, typed: string): Draft {
  const clean = typed
    .replace(/\r\n?/gu, '\n')
    .replaceAll('\t', '    ')
    .replace(/[^\P{Cc}\n]/gu, '');
  return {
    text: text.slice(0, cursor) + clean + text.slice(cursor),
    cursor: cursor + clean.length,
  };
}

/** Takes the letter before the cursor away. */
export function backspace(draft: Draft): Draft {
  return cut(draft, left(draft).cursor, draft.cursor);
}

/** Takes the letter behind the cursor away. */
export function deleteNext(draft: Draft): Draft {
  return cut(draft, draft.cursor, right(draft).cursor);
}

export function left(draft: Draft): Draft {
  const before = [...graphemes.segment(draft.text.slice(0, draft.cursor))].at(-1);
  return { ...draft, cursor: before?.index ?? 0 };
}

export function right(draft: Draft): Draft {
  const [next] = graphemes.segment(draft.text.slice(draft.cursor));
  return { ...draft, cursor: draft.cursor + (next?.segment.length ?? 0) };
}

/** To the beginning of the line that the cursor is in. */
export function home(draft: Draft): Draft {
  return { ...draft, cursor: draft.text.lastIndexOf('\n', draft.cursor - 1) + 1 };
}

/** To its end. */
export function end(draft: Draft): Draft {
  const next = draft.text.indexOf('\n', draft.cursor);
  return { ...draft, cursor: next === -1 ? draft.text.length : next };
}

export function wordLeft(draft: Draft): Draft {
  const before = draft.text.slice(0, draft.cursor);
  return { ...draft, cursor: before.replace(/\S+\s*$|\s+$/u, '').length };
}

export function wordRight(draft: Draft): Draft {
  const [next = ''] = /^\s*\S*/u.exec(draft.text.slice(draft.cursor)) ?? [];
  return { ...draft, cursor: draft.cursor + next.length };
}

/** Takes the word before the cursor away. */
export function cutWord(draft: Draft): Draft {
  return cut(draft, wordLeft(draft).cursor, draft.cursor);
}

export function cutToStart(draft: Draft): Draft {
  return cut(draft, home(draft).cursor, draft.cursor);
}

export function cutToEnd(draft: Draft): Draft {
  return cut(draft, draft.cursor, end(draft).cursor);
}

/** A draft in rows of so many cells, and the cell of the cursor. A row at least. */
export function layOut(
  { text, cursor }: Draft,
  columns: number,
): { readonly rows: readonly string[]; readonly x: number; readonly y: number } {
  const before = hardRows(text.slice(0, cursor), columns);
  const rows = hardRows(text, columns);
  const x = textWidth(before.at(-1) ?? '');
  return { rows, x, y: before.length - 1 };
}

/** Cut where the row is full: the cursor moves on by one cell for each that is typed. */
function hardRows(text: string, columns: number): string[] {
  return text.split('\n').flatMap((line) => {
    const rows: string[] = [];
    let row = '';
    let width = 0;
    for (const { segment } of graphemes.segment(line)) {
      const next = textWidth(segment);
      if (width + next >= columns) {
        rows.push(row);
        [row, width] = ['', 0];
      }
      row += segment;
      width += next;
    }
    return [...rows, row];
  });
}

function cut({ text }: Draft, from: number, to: number): Draft {
  return { text: text.slice(0, from) + text.slice(to), cursor: from };
}
