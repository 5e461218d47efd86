/** The window in sizes in which there is no room beside what is shown. */
import { Duplex } from 'node:stream';
import type { Alarms } from '@sotto/client';
import { render } from 'ink';
import { expect, onTestFinished, test } from 'vitest';
import { type BOB, deskWith, GROUP, open, WITH_BOB } from '../chat/desk.fixture.ts';
import { showPanel } from '../chat/telling.ts';
import { safeLine } from '../safe-text.ts';
import { textWidth } from '../text-width.ts';
import { ChatScreen } from './chat-screen.tsx';
import { HOSTILE, OBEYED } from './hostile.fixture.ts';

const BEHIND = { kind: 'store-behind' } as const;
const ALARMS: Alarms = {
  general: 'key-log.broken',
  identityChanged: [],
  logBroken: [],
  notices: [BEHIND],
};

test('a narrow window shows warnings above its list, and what can be put away is what was drawn', async () => {
  const low = draw({ columns: 40, rows: 12 });
  await expect.poll(low.shown).toContain('2 warnings: The server’s');
  expect(low.shown()).toContain('Choir');
  expect(low.desk.shown.notices).toEqual([]);
  const high = draw({ columns: 40, rows: 40 });
  await expect.poll(high.shown).toContain('This store is older than what the');
  expect(high.desk.shown.notices).toEqual([BEHIND]);
});

test('a panel does not hide that there are warnings', async () => {
  const { desk, shown } = draw({ columns: 80, rows: 24 });
  open(desk, WITH_BOB);
  await expect.poll(() => desk.shown.notices).toEqual([BEHIND]);
  showPanel(desk, { title: 'Safety number of you and bob', rowsFor: () => [] });
  await expect.poll(shown).toMatch(/Safety number of you and bob ! 2 warnings: The server’s/);
  expect(desk.shown.notices).toEqual([]);
});

test('no terminal obeys a title or a name that somebody else has chosen', async () => {
  const titled = HOSTILE.map((title, at) => ({ ...GROUP, id: `${at}` as typeof GROUP.id, title }));
  const views = [WITH_BOB, ...titled];
  const conversations = { get: () => views, subscribe: () => () => {} };
  const profile = (user: typeof BOB) => {
    const its = { user, time: 0, name: HOSTILE.toReversed().join(' '), hasPicture: false };
    return { get: () => its, subscribe: () => () => {} };
  };
  const state = { ...deskWith({}).desk.client.state, conversations, profile };
  // Narrow enough for the list alone, and high enough for all of it.
  const { desk, shown } = draw({ columns: 60, rows: 3 * views.length }, { state });
  await expect.poll(shown).toContain(`#${HOSTILE[0]}`);
  for (const title of HOSTILE.map(safeLine).filter((each) => textWidth(each) <= 40)) {
    expect(shown()).toContain(`#${title.trimEnd()}`);
  }
  expect(shown()).not.toMatch(OBEYED);
  open(desk, WITH_BOB);
  const name = safeLine(HOSTILE.at(-1) ?? '');
  await expect.poll(shown).toMatch(`\n ${name} `);
  expect(shown()).not.toMatch(OBEYED);
});

/** Draws a chat whose client has something to warn of in a window of that size. */
function draw(
  size: { readonly columns: number; readonly rows: number },
  answers: Parameters<typeof deskWith>[0] = {},
) {
  const quiet = { alarms: async () => ALARMS, conversations: async () => [] };
  const { desk } = deskWith({ ...quiet, ...answers });
  let last = '';
  const window = new Duplex({
    read() {},
    write(chunk, _, done) {
      last = String(chunk);
      done();
    },
  });
  const stdout = Object.assign(window, { ...size, isTTY: true }) as NodeJS.WriteStream;
  const stdin = new Duplex({ read() {}, write() {} }) as NodeJS.ReadStream;
  const itself = () => stdin;
  Object.assign(stdin, { isTTY: true, setRawMode: itself, ref: itself, unref: itself });
  const screen = render(<ChatScreen desk={desk} account="me" />, {
    stdout,
    stdin,
    debug: true,
    interactive: true,
    patchConsole: false,
    exitOnCtrlC: false,
  });
  onTestFinished(() => screen.unmount());
  return { desk, shown: () => last };
}
