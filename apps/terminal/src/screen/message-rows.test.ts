/** Names of people and files in the rows of messages. */
import { expect, test } from 'vitest';
import { line, ME, WITH_BOB } from '../chat/desk.fixture.ts';
import { safeLine } from '../safe-text.ts';
import { HOSTILE, OBEYED } from './hostile.fixture.ts';
import { messageRows } from './message-rows.ts';

type Line = ReturnType<typeof line>;
type FileId = Extract<Line['body'], { type: 'file' }>['file']['id'];

test('every name that breaks software is shown as text, of people as of files', () => {
  for (const name of HOSTILE) {
    const reading = { me: ME, nameOf: () => name, columns: 100_000, now: 0, chosen: undefined };
    const shown = messageRows([rowOf(withFile(name))], reading)
      .flatMap(({ spans }) => spans.map(({ text }) => text))
      .join('');
    const text = safeLine(name);
    expect(shown).toContain(`${text}: [file] ${text}, `);
    expect(shown).not.toMatch(OBEYED);
  }
});

function withFile(name: string): Line {
  const [id, key] = ['file' as FileId, new Uint8Array(32)];
  const file = { id, key, name, mediaType: 'text/plain', size: 1 };
  return { ...line(1, WITH_BOB), body: { type: 'file', file } };
}

function rowOf(shown: Line) {
  const opens = { opensDay: false, opensNew: false, isFirst: true, isLast: true };
  return { key: '1', line: shown, ...opens };
}
