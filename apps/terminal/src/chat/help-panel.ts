/** The page that `/help` shows. */
import type { Row, Span } from '../screen/row.tsx';
import { padText } from '../text-width.ts';
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

const WIDTH = 20;

/** Keys first, then commands. */
export function helpPanel(
  commands: ReadonlyMap<string, { readonly usage: string; readonly summary: string }>,
): Panel {
  const keys = KEYS.map(([key, words]) => row(key, words));
  const slashes = [...commands].map(([name, { usage, summary }]) =>
    row(`/${name} ${usage}`.trim(), summary),
  );
  return { title: 'Help', rows: [...keys, { key: 'between', spans: [] }, ...slashes] };
}

function row(name: string, words: string): Row {
  const spans: Span[] = [{ text: `${padText(name, WIDTH)} `, tone: 'strong' }, { text: words }];
  return { key: name, spans };
}
