/** Warnings as rows, in as much of the window as they may take. */
import type { Notice } from '@sotto/client';
import type { Warning } from '../chat/warnings.ts';
import { safeLine } from '../safe-text.ts';
import { fitText, wrapText } from '../text-width.ts';
import { type Row, textRow } from './row.tsx';

/** What is drawn of warnings. */
export interface DrawnWarnings {
  readonly rows: readonly Row[];
  /** What can be put away of those that can be read to their end. */
  readonly notices: readonly Notice[];
}

/** Draws warnings in at most so many rows, one at least: where some are cut, the last row counts them. */
export function warningRows(
  warnings: readonly Warning[],
  { columns, rowsMax }: { readonly columns: number; readonly rowsMax: number },
): DrawnWarnings {
  const all = warnings.flatMap(({ text }, at) =>
    wrapText(safeLine(text), columns - 3).map((words, index) => ({
      at,
      row: warningRow(`${at}/${index}`, words, index === 0),
    })),
  );
  const most = Math.max(1, rowsMax);
  const cut = all.length <= most ? warnings.length : (all[most - 1]?.at ?? 0);
  const notices = warnings.slice(0, cut).flatMap(({ notice }) => notice ?? []);
  const [first, ...others] = warnings.slice(cut);
  if (first === undefined) return { rows: all.map(({ row }) => row), notices };
  const count = others.length === 0 ? '1 warning' : `${others.length + 1} warnings`;
  const words = fitText(`${count}: ${safeLine(first.text)}`, columns - 3);
  const whole = all.slice(0, most - 1).map(({ row }) => row);
  return { rows: [...whole, warningRow('count', words, true)], notices };
}

function warningRow(key: string, words: string, isFirst: boolean): Row {
  return textRow(`warning/${key}`, ` ${isFirst ? '!' : ' '} ${words}`, 'danger');
}
