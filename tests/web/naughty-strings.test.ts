/** Strings that break software, written by others: the page shows them as text, runs nothing, and keeps its shape. */
import { readFileSync } from 'node:fs';
import type { Client } from '@sotto/client';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { waitFor } from '../daemon.ts';
import { expectWithinWindow, openWeb, register, TIMEOUT_MS, type Web } from './browser.ts';

/** Minimaxir's list; `../security/vectors/SOURCES.md` says where it is from. */
const STRINGS: readonly string[] = JSON.parse(
  readFileSync(new URL('../security/vectors/blns.json', import.meta.url), 'utf8'),
);
/** What a name can be made of, of each kind that the list has. */
const NAMES = [
  '<script>alert(0)</script>',
  '"><img src=x onerror=alert(1)>',
  'Ṱ̺̺̕o͞ ̷i̲̬͇̪͙n̝̗͕v̟̜̘̦͟o̶̙̰̠kè͚̮̺̪̹̱̤',
  'ﷺ社會科學院語學研究所ﷺ社會科學院語學研究所ﷺ社會科學院語學',
];
const TITLE = 'javascript:alert(1)//"\'><svg onload=alert(2)> 👩‍👩‍👧‍👦 مجموعة';
/** What the SDK takes. */
const FILE_NAME_LENGTH_MAX = 255;
const FILE_NAMES = [
  '../../../etc/passwd<img src=x onerror=alert(3)>.png',
  '\u202egpj.exe.txt',
  '$HOME `touch /tmp/blns.fail` ﷽.txt',
  ...packed(STRINGS.filter((text) => /^\P{Cc}{1,200}$/u.test(text))),
];

/** A message has room for several. */
const STRINGS_EACH = 12;

let web: Web;

beforeAll(async () => {
  web = await openWeb();
});
afterAll(() => web?.close());

test('naughty strings are text, in messages, names, titles and file names', {
  timeout: 180_000,
}, async () => {
  const { page } = await web.visit({ viewport: { width: 390, height: 844 } });
  page.on('dialog', (dialog) => expect.fail(`the page opened a dialog: ${dialog.message()}`));
  await register(page, 'Nadia');
  const friends = await Promise.all(NAMES.map((_, at) => web.befriend(`Naughty${at}`)));
  await Promise.all(friends.map((one, at) => one.people.setProfile({ name: NAMES[at]! })));
  const [founder] = friends;
  const conversation = await foundGroup(founder!, friends);
  const sent = await sayAll(founder!, conversation);
  for (const [at, name] of FILE_NAMES.entries()) {
    const file = { name, type: 'text/plain', data: new Blob(['nothing']) };
    await friends[1 + (at % (friends.length - 1))]!.sendFile(conversation, file);
  }

  await page.goto(`${web.url}/requests`);
  await page.getByText(TITLE).waitFor();
  await page.getByRole('button', { name: 'Accept' }).click();
  await page.waitForURL('**/c/*');
  await expectShown(page, [...sent, ...FILE_NAMES, ...NAMES]);
  await expectShape(page);
  await page.setViewportSize({ width: 1280, height: 800 });
  await expectShape(page);
});

/** In as few names as hold them all: what has control characters, no honest program sends in one. */
function packed(texts: readonly string[]): string[] {
  const names: string[] = [];
  for (const text of texts) {
    const longer = `${names.at(-1) ?? ''} ${text}`;
    if (names.length > 0 && longer.length <= FILE_NAME_LENGTH_MAX) names.splice(-1, 1, longer);
    else names.push(text);
  }
  return names;
}

async function foundGroup(founder: Client, friends: readonly Client[]) {
  const members = [];
  for (const username of ['Nadia', ...friends.slice(1).map((_, at) => `Naughty${at + 1}`)]) {
    await waitFor(async () => (await founder.findUser(username)) !== undefined, TIMEOUT_MS);
    const found = await founder.findUser(username);
    if (found !== undefined) members.push(found.user);
  }
  const { id } = await founder.groups.create({ members, title: TITLE });
  for (const friend of friends.slice(1)) {
    await waitFor(async () => (await friend.people.requests()).length > 0, TIMEOUT_MS);
    await friend.people.accept(id);
  }
  return id;
}

async function sayAll(client: Client, conversation: Parameters<Client['sendText']>[0]) {
  const sent: string[] = [];
  for (let at = 0; at < STRINGS.length; at += STRINGS_EACH) {
    const text = STRINGS.slice(at, at + STRINGS_EACH).join('\n');
    await client.sendText(conversation, text);
    sent.push(text);
  }
  return sent;
}

/** Looks for texts in all lines, down and up again: only those in view are on the page. */
async function expectShown(page: Page, texts: readonly string[]): Promise<void> {
  const log = page.getByRole('log');
  const missing = new Set(texts);
  let step = 0.5;
  const look = async () => {
    const lines = await log.getByRole('listitem').allTextContents();
    for (const text of missing) if (lines.some((line) => line.includes(text))) missing.delete(text);
    const isAtEnd = await log.evaluate((element, part) => {
      const before = element.scrollTop;
      element.scrollBy(0, part * element.clientHeight);
      return element.scrollTop === before;
    }, step);
    if (isAtEnd) step = -step;
    return [...missing];
  };
  await expect.poll(look, { timeout: TIMEOUT_MS, interval: 50 }).toEqual([]);
}

/** Nothing reaches beyond the window, and no markup came out of what was written. */
async function expectShape(page: Page): Promise<void> {
  await expectWithinWindow(page);
  const made = page
    .getByRole('log')
    .locator('script, iframe, object, svg[onload], [onerror], [onload], a[href^="javascript:" i]');
  expect(await made.count()).toBe(0);
}
