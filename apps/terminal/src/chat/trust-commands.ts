/** Commands about whom to believe. */
import { ClientError } from '@sotto/client';
import { alarmsOf } from '@sotto/hooks';
import { CommandError, EXIT } from '../exit-code.ts';
import { qrRows } from '../qr-code.ts';
import { safeLine } from '../safe-text.ts';
import { digitRows } from '../safety-digits.ts';
import { type Row, type Span, textRow } from '../screen/row.tsx';
import { wrapText } from '../text-width.ts';
import type { Desk, Turn } from './desk.ts';
import { needGroup, userMeant } from './people-named.ts';
import { showPanel, tell } from './telling.ts';

/** `/verify [NAME]` */
export async function verify(desk: Desk, rest: string, turn: Turn): Promise<void> {
  const user = await userMeant(desk, rest, turn);
  const { digits, scannable } = await desk.client.safetyNumber(user);
  const { username } = await desk.client.people.find(user);
  const words = `${safeLine(username)} sees the same digits, if nobody sits between you.`;
  desk.compared.set(user, digits);
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

/** `/trust [NAME]`: goes on with the keys that `/verify` has shown, and with no others. */
export async function trust(desk: Desk, rest: string, turn: Turn): Promise<void> {
  const user = await userMeant(desk, rest, turn);
  const shown = desk.compared.get(user);
  if (shown === undefined) {
    throw new CommandError('compare the safety numbers first: /verify', EXIT.refused);
  }
  try {
    await desk.client.acceptIdentity(user, shown);
  } catch (error) {
    if (!(error instanceof ClientError) || error.code !== 'identity.changed') throw error;
    desk.compared.delete(user);
    const words = 'the keys have changed once more since /verify: compare them anew';
    throw new CommandError(words, EXIT.refused, { cause: error });
  }
  await alarmsOf(desk.client).refresh();
  tell(desk, `The keys of ${safeLine(desk.shown.nameOf(user))} are accepted as they were shown`);
}

/** `/trust-group`: takes the members as the server shows them now, after they have told each other who they are. */
export async function trustGroup(desk: Desk, _rest: string, turn: Turn): Promise<void> {
  const { id } = await needGroup(desk, turn);
  const book = alarmsOf(desk.client);
  if (!book.get().brokenGroups.includes(id)) {
    throw new CommandError('there is nothing to decide about this group', EXIT.failed);
  }
  await desk.client.groups.acceptLog(id);
  await book.refresh();
  tell(desk, 'The group goes on as it is shown now', turn.place);
}

/** `/trust-log`: takes the record of everybody's keys as it is now, after its operator has said why it is another one. */
export async function trustLog(desk: Desk): Promise<void> {
  const book = alarmsOf(desk.client);
  if (book.get().general !== 'key-log.broken') {
    throw new CommandError('there is nothing to decide about the record of keys', EXIT.failed);
  }
  await desk.client.acceptKeyLog();
  await book.refresh();
  tell(desk, 'The record of keys is taken as it is now');
}

/** `/ok`: puts away the warnings that were read, and none that has come since; what waits for a decision goes on waiting. */
export async function acknowledge(desk: Desk, _rest: string, { notices }: Turn): Promise<void> {
  if (notices.length === 0) tell(desk, 'No warning is on the screen that /ok puts away');
  for (const notice of notices) await alarmsOf(desk.client).dismiss(notice);
}
