/** One person in a terminal, the other one in a browser. Wants a Chromium, as `npm test` installs one. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openWeb, register, type Web } from '../web/browser.ts';
import { lineOf, openChat, say, ticked } from '../web/talk.ts';
import { registerIn, TerminalWindow } from './terminal-window.ts';

const TEST = { timeout: 240_000 };

let web: Web;
let directory: string;
let window: TerminalWindow | undefined;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'sotto-both-'));
  web = await openWeb();
});
afterAll(async () => {
  window?.close();
  await web?.close();
  rmSync(directory, { recursive: true, force: true });
});

test(
  'a terminal and a browser chat with each other, ticks, reactions and files included',
  TEST,
  async () => {
    const wanda = await web.visit();
    await register(wanda.page, 'Wanda');
    const words = ['--data', join(directory, 'data'), '--url', web.url];
    window = await TerminalWindow.open({ directory, name: 'tim', words });
    await registerIn(window, { username: 'Timothy', password: 'Correct-Horse-7' });

    await window.say('/new Wanda');
    await window.say('from a terminal');
    await wanda.page.getByRole('link', { name: /Message requests/ }).click();
    await wanda.page.getByRole('button', { name: 'Accept' }).click();
    await openChat(wanda.page, 'Timothy');
    await lineOf(wanda.page, 'from a terminal').waitFor();
    await window.sees('from a terminal ✓✓ read');

    await say(wanda.page, 'from a page');
    await window.sees('Wanda: from a page');
    await ticked(wanda.page, 'from a page', 'Read');
    await window.say('/react 👍');
    await lineOf(wanda.page, 'from a page').getByText('👍').waitFor();

    writeFileSync(join(directory, 'notes.txt'), 'kept in a file\n');
    await window.say('/file notes.txt');
    await lineOf(wanda.page, 'notes.txt').waitFor();
    await window.say('/save copy.txt');
    await window.sees('Saved as');
    expect(readFileSync(join(directory, 'copy.txt'), 'utf8')).toBe('kept in a file\n');
  },
);
