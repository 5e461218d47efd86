/** The page that `/help` shows. */
import { type Row, textRow } from '../screen/row.tsx';
import { padText, wrapText } from '../text-width.ts';
import type { Panel } from './desk.ts';

const KEYS: readonly (readonly [string, string])[] = [
  ['Enter', 'send; Alt+Enter begins a new line'],
  ['Tab', 'complete commands, names and files'],
  ['Up, Down', 'choose a message, for /reply, /react, /edit, /delete, /save'],
  ['PageUp, PageDown', 'scroll'],
  ['Ctrl+N, Ctrl+P', 'next and previous conversation'],
  ['Esc', 'let go; then to the list of conversations'],
  ['Ctrl+C', 'empty the line; twice: end'],
];

const WIDTH = 19;

/** Keys first, then commands. */
export function helpPanel(
  commands: ReadonlyMap<string, { readonly usage: string; readonly summary: string }>,
): Panel {
  const slashes = [...commands].map(
    ([name, { usage, summary }]) => [`/${name} ${usage}`.trim(), summary] as const,
  );
  return {
    title: 'Help',
    rowsFor: (columns) => [
      ...KEYS.flatMap(([key, words]) => rows(key, words, columns)),
      { key: 'between', spans: [] },
      ...slashes.flatMap(([name, words]) => rows(name, words, columns)),
    ],
  };
}

/** A name, and beside it what it does, or below it where a window is narrow. */
function rows(name: string, words: string, columns: number): Row[] {
  if (columns < 3 * WIDTH) {
    const below = wrapText(words, columns - 2).map((text) => `  ${text}`);
    return [
      textRow(name, name, 'strong'),
      ...below.map((text, at) => textRow(`${name}/${at}`, text)),
    ];
  }
  return wrapText(words, Math.max(10, columns - WIDTH - 1)).map((text, index) => ({
    key: `${name}/${index}`,
    spans: [{ text: `${padText(index === 0 ? name : '', WIDTH)} `, tone: 'strong' }, { text }],
  }));
}
