/** Files of the web client while somebody scrolls, reads on, or leaves: what goes on, and what is asked before it ends. */
import { randomBytes } from 'node:crypto';
import type { Client } from '@sotto/client';
import type { BrowserContext } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openWeb, register, TIMEOUT_MS, type Visit, type Web } from './browser.ts';
import { beginChat, cameTo, conversationWith, lineOf, say } from './talk.ts';

const TEST = { timeout: 6 * TIMEOUT_MS };
const MIB = 1024 * 1024;

/** More than a window holds. */
const SCREENFUL = 40;

let web: Web;
/** Whose page it is, and who sends. */
let alice: Visit;
let bob: Client;
let conversation: Awaited<ReturnType<typeof conversationWith>>;

beforeAll(async () => {
  web = await openWeb();
  alice = await web.visit({ acceptDownloads: true });
  const { page } = alice;
  await register(page, 'Alice');
  bob = await web.befriend('Bob');
  await beginChat(page, 'Bob');
  await say(page, 'hello');
  conversation = await conversationWith(bob, 'Alice');
  await cameTo(bob, conversation, 'hello');
  await bob.people.accept(conversation);
}, TEST.timeout);
afterAll(() => web?.close());

test('a file that is being saved goes on while its line is out of view', TEST, async () => {
  const { page, context } = alice;
  const data = new Blob([randomBytes(MIB)]);
  await bob.sendFile(conversation, { name: 'film.bin', type: 'application/x-film', data });
  await talk('film');
  const film = lineOf(page, 'film.bin');
  const log = page.getByRole('log');
  const toTop = () => log.evaluate((element) => element.scrollTo(0, 0));
  await lineOf(page, `film ${SCREENFUL}`).waitFor();
  await toTop();
  // Where the browser has a place to write to it asks a person, whom this test has not.
  await page.evaluate(() => Reflect.deleteProperty(globalThis, 'showSaveFilePicker'));
  const held = await holdFiles(context);
  await film.getByRole('button', { name: 'Save film.bin' }).last().click();
  await film.getByRole('progressbar').waitFor();
  await page.getByRole('button', { name: 'Jump to the newest message' }).click();
  await film.waitFor({ state: 'detached' });
  await toTop();
  await film.getByRole('progressbar').waitFor();
  await film.getByRole('button', { name: 'Stop saving film.bin' }).click();
  await film.getByRole('progressbar').waitFor({ state: 'detached' });
  const saved = page.waitForEvent('download');
  await held.release();
  await film.getByRole('button', { name: 'Save film.bin' }).last().click();
  expect((await saved).suggestedFilename()).toBe('film.bin');
});

test('a picture that is looked at stays when its line goes', TEST, async () => {
  const { page } = alice;
  const data = new Blob([Uint8Array.from(await page.screenshot())]);
  await bob.sendFile(conversation, { name: 'hill.png', type: 'image/png', data });
  await page.getByRole('button', { name: 'Jump to the newest message' }).click();
  await lineOf(page, 'hill.png').getByRole('button', { name: 'Open hill.png' }).click();
  const picture = page.getByRole('dialog', { name: 'hill.png' });
  await picture.getByRole('img').waitFor();
  await talk('hill');
  await page.getByRole('log').getByText(`hill ${SCREENFUL}`).waitFor();
  await lineOf(page, 'hill.png').waitFor({ state: 'detached' });
  await picture.getByRole('img').waitFor();
  const saved = page.waitForEvent('download');
  await picture.getByRole('button', { name: 'Save hill.png' }).click();
  expect((await saved).suggestedFilename()).toBe('hill.png');
  await page.keyboard.press('Escape');
  await picture.waitFor({ state: 'detached' });
});

test('who leaves while a file is sent is asked, and nobody else', TEST, async () => {
  const { page, context } = alice;
  const asked: string[] = [];
  page.on('dialog', (dialog) => {
    asked.push(dialog.type());
    void dialog.dismiss();
  });
  await context.route(/\/uploads/, () => undefined);
  const buffer = randomBytes(6 * MIB);
  await page.getByLabel('Files to send').setInputFiles({ name: 'a.bin', mimeType: '', buffer });
  await page.getByRole('dialog').getByRole('button', { name: 'Send', exact: true }).click();
  await page.getByRole('button', { name: 'Pause a.bin' }).click();
  await page.close({ runBeforeUnload: true });
  await expect.poll(() => asked).toEqual(['beforeunload']);
  await page.getByRole('button', { name: 'Do not send a.bin' }).click();
  await page.getByRole('list', { name: 'Files being sent' }).waitFor({ state: 'detached' });
  await page.reload();
  await page.getByRole('log').waitFor();
  expect(asked).toEqual(['beforeunload']);
});

/** Says more than a window holds, and waits until all of it is stored. */
async function talk(about: string): Promise<void> {
  for (let count = 1; count <= SCREENFUL; count += 1) {
    const { id } = await bob.sendText(conversation, `${about} ${count}`);
    if (count === SCREENFUL) await bob.whenStored(id);
  }
}

/** Holds back what is asked for of files, until it is let go. */
async function holdFiles(context: BrowserContext): Promise<{ release: () => Promise<void> }> {
  const files = /\/api\/v1\/files\/[^/]+$/;
  await context.route(files, () => undefined);
  return { release: () => context.unroute(files) };
}
