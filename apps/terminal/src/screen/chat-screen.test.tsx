/** The window in sizes in which there is no room beside what is shown. */
import { Duplex } from 'node:stream';
import type { Alarms } from '@sotto/client';
import { render } from 'ink';
import { expect, onTestFinished, test } from 'vitest';
import { deskWith, open, WITH_BOB } from '../chat/desk.fixture.ts';
import { showPanel } from '../chat/telling.ts';
import { ChatScreen } from './chat-screen.tsx';

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

/** Draws a chat whose client has something to warn of in a window of that size. */
function draw(size: { readonly columns: number; readonly rows: number }) {
  const { desk } = deskWith({ alarms: async () => ALARMS, conversations: async () => [] });
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
