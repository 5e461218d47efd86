/** Commands about this account, about whom to believe, and about what is kept here. */
import { CommandError, EXIT } from '../exit-code.ts';
import { qrRows } from '../qr-code.ts';
import { safeLine } from '../safe-text.ts';
import { digitRows } from '../safety-digits.ts';
import { type Row, type Span, textRow } from '../screen/row.tsx';
import { wrapText } from '../text-width.ts';
import { type Desk, showPanel, tell } from './desk.ts';
import { needWords, userMeant } from './people-named.ts';
import { searchHistory } from './search.ts';
import { forgetAccountWarnings, forgetUser } from './warnings.ts';

/** `/verify [NAME]` */
export async function verify(desk: Desk, rest: string): Promise<void> {
  const user = await userMeant(desk, rest);
  const { digits, scannable } = await desk.client.safetyNumber(user);
  const { username } = await desk.client.people.find(user);
  const words = `${safeLine(username)} sees the same digits, if nobody sits between you.`;
  showPanel(desk, {
    title: `Safety number of you and ${safeLine(username)}`,
    rowsFor: (columns) => safetyRows({ digits, code: qrRows(scannable), words }, columns),
  });
}

interface SafetyPage {
  readonly digits: string;
  readonly code: readonly string[];
  readonly words: string;
}

/** Digits beside the code where there is room: then a window of 24 rows shows all of it. */
function safetyRows({ digits, code, words }: SafetyPage, columns: number): Row[] {
  const numbers = digitRows(digits);
  const width = (code[0] ?? '').length;
  const beside = columns - width - 3;
  if (beside < (numbers[0] ?? '').length) {
    return [
      ...numbers.map((row, index) => textRow(`digits/${index}`, row, 'strong')),
      ...wrapText(words, columns).map((row, index) => textRow(`words/${index}`, row, 'dim')),
      ...code.map((row, index) => textRow(`code/${index}`, row, 'code')),
    ];
  }
  const notes: Span[] = [
    ...['', ...numbers, ''].map((text) => ({ text, tone: 'strong' as const })),
    ...wrapText(words, beside).map((text) => ({ text, tone: 'dim' as const })),
  ];
  return code.map((row, index) => ({
    key: `code/${index}`,
    spans: [{ text: row, tone: 'code' }, { text: '   ' }, notes[index] ?? { text: '' }],
  }));
}

/** `/trust [NAME]` */
export async function trust(desk: Desk, rest: string): Promise<void> {
  const user = await userMeant(desk, rest);
  await desk.client.acceptIdentity(user);
  forgetUser(desk, user);
  tell(desk, `The keys of ${safeLine(desk.shown.nameOf(user))} are accepted as they are now`);
}

/** `/devices` */
export async function devices(desk: Desk): Promise<void> {
  const listed = await desk.client.devices();
  const owned = listed.map(({ device, name, createdAt, loggedInAt, current }) => {
    const called = name === undefined ? 'A device without a name' : safeLine(name);
    const since = `since ${createdAt.slice(0, 10)}, logged in ${loggedInAt.slice(0, 10)}`;
    return { key: device, text: `${called}${current ? ' (this one)' : ''}, ${since}` };
  });
  const hint = { key: 'hint', text: 'To add one: sotto link there shows a code, /link CODE here.' };
  const rowsFor = (columns: number) =>
    [...owned, hint].flatMap(({ key, text }) =>
      wrapText(text, columns).map((row, at) => textRow(`${key}/${at}`, row)),
    );
  showPanel(desk, { title: 'Your devices', rowsFor });
}

/** `/link CODE` */
export async function link(desk: Desk, rest: string): Promise<void> {
  if (rest === '') {
    throw new CommandError('call sotto link on the new device; then /link CODE here', EXIT.usage);
  }
  tell(desk, 'Linking…');
  await desk.client.completeLink(rest, { history: true });
  tell(desk, 'The device is one of yours now, and gets what was said in the last 30 days');
}

/** `/search WORD` */
export async function search(desk: Desk, rest: string): Promise<void> {
  const words = needWords(rest, '/search WORD');
  const rows = await searchHistory(desk, words);
  const title = rows.length === 0 ? 'Nothing found' : `Found (${rows.length})`;
  showPanel(desk, { title: `${title}: ${safeLine(words)}`, rowsFor: () => rows });
}

/** `/ok` */
export function acknowledge(desk: Desk): void {
  forgetAccountWarnings(desk);
}

/** `/quit` */
export function quit(desk: Desk): void {
  desk.quit();
}
