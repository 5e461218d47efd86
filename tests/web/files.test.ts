/** Files of the web client, in Chromium against the real platform. */
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { BrowserContext, Page, Route } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  expectAccessible,
  openWeb,
  register,
  TIMEOUT_MS,
  type Visit,
  type Web,
} from './browser.ts';
import { beginChat, cameTo, conversationWith, eventually, lineOf, say } from './talk.ts';

const TEST = { timeout: 300_000 };
const MIB = 1024 * 1024;
const UPLOADS = /\/uploads/;

let web: Web;
/** Who sends, in all of these; to somebody else each time. */
let alice: Visit;

beforeAll(async () => {
  web = await openWeb();
  alice = await openPage('Alice');
}, TEST.timeout);
afterAll(() => web?.close());

test('a file of 20 MiB arrives though the connection drops in the middle', TEST, async () => {
  const friend = await web.befriend('Bob');
  const conversation = await meet(alice.page, friend, 'Bob');
  const film = randomBytes(20 * MIB);
  const { requests, second } = await holdSecondPiece(alice.context);
  await attach(alice.page, { name: 'film.mp4', mimeType: 'video/mp4', buffer: film });
  const held = await second;
  await web.restart(async () => {
    requests.length = 0;
    await held.continue();
  });
  await lineOf(alice.page, 'film.mp4').waitFor({ timeout: 4 * TIMEOUT_MS });
  // It went on behind what had come, and did not begin anew.
  const methods = requests.map(({ method }) => method);
  expect(methods).not.toContain('POST');
  const pieces = requests.filter(({ method }) => method === 'PATCH');
  expect(pieces.length).toBeGreaterThan(0);
  for (const { offset } of pieces) expect(offset).toBeGreaterThan(0);
  const sent = await eventually(async () => {
    const found = (await friend.lines(conversation)).find(({ body }) => body.type === 'file');
    return found?.body.type === 'file' ? found.body : expect.fail('the film has not come');
  });
  const opened = await friend.openFile({ content: sent });
  const bytes = await new Response(opened.stream).bytes();
  expect(digest(bytes)).toBe(digest(film));
  expect(await alice.page.getByRole('list', { name: 'Files being sent' }).count()).toBe(0);
});

test('an upload is paused, goes on where it was, and another one is given up', TEST, async () => {
  const friend = await web.befriend('Dora');
  await meet(alice.page, friend, 'Dora');
  const { requests } = await holdSecondPiece(alice.context);
  await attach(alice.page, { name: 'long.bin', mimeType: '', buffer: randomBytes(11 * MIB) });
  await untilSent(alice.page, 'long.bin');
  await expectAccessible(alice.page);
  await alice.page.getByRole('button', { name: 'Pause long.bin' }).click();
  await alice.page.getByText(/^Paused at [1-9]\d* %$/).waitFor();
  await expectAccessible(alice.page);
  requests.length = 0;
  await alice.page.getByRole('button', { name: 'Go on sending long.bin' }).click();
  await lineOf(alice.page, 'long.bin').waitFor({ timeout: 4 * TIMEOUT_MS });
  const methods = requests.map(({ method }) => method);
  expect(methods).toContain('PATCH');
  expect(methods).not.toContain('POST');

  await attach(alice.page, { name: 'other.bin', mimeType: '', buffer: randomBytes(11 * MIB) });
  await alice.page.getByRole('button', { name: 'Do not send other.bin' }).click();
  await alice.page.getByRole('list', { name: 'Files being sent' }).waitFor({ state: 'detached' });
  expect(await lineOf(alice.page, 'other.bin').count()).toBe(0);
});

test('a picture has a thumbnail, opens in full, and is saved as it was', TEST, async () => {
  const fritz = await openPage('Fritz');
  await beginChat(alice.page, 'Fritz');
  const picture = await alice.page.screenshot();
  await attach(alice.page, { name: '../../sunset.png', mimeType: 'image/png', buffer: picture });
  const shown = alice.page.getByRole('button', { name: /^Open .*sunset\.png$/ });
  await shown.waitFor();

  await fritz.page.getByRole('link', { name: /Message requests/ }).click();
  await fritz.page.getByRole('button', { name: 'Accept' }).click();
  await fritz.page.getByRole('button', { name: /^Open .*sunset\.png$/ }).click();
  const preview = fritz.page.getByRole('dialog', { name: /sunset\.png$/ });
  const full = preview.getByRole('img');
  await full.waitFor();
  const width = await full.evaluate(
    (image) => image instanceof HTMLImageElement && image.naturalWidth,
  );
  expect(width).toBeGreaterThan(320);
  // Where the browser has a place to write to it asks a person, whom this test has not.
  await fritz.page.evaluate(() => Reflect.deleteProperty(globalThis, 'showSaveFilePicker'));
  const download = fritz.page.waitForEvent('download');
  await preview.getByRole('button', { name: /^Save / }).click();
  const saved = await download;
  expect(saved.suggestedFilename()).not.toContain('/');
  expect(digest(readFileSync(await saved.path()))).toBe(digest(picture));
  await fritz.page.keyboard.press('Escape');
  await preview.waitFor({ state: 'detached' });
});

test('what is pasted or dropped is asked about before it leaves', TEST, async () => {
  const friend = await web.befriend('Hanna');
  const conversation = await meet(alice.page, friend, 'Hanna');
  await alice.page.getByRole('textbox', { name: /^Message to/ }).evaluate((field) => {
    const clipboardData = new DataTransfer();
    for (const name of ['keep.txt', '<b>drop</b>.txt']) {
      clipboardData.items.add(new File(['words'], name, { type: 'text/plain' }));
    }
    field.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true }));
  });
  const dialog = alice.page.getByRole('dialog', { name: 'Send 2 files?' });
  await dialog.getByRole('button', { name: 'Leave out <b>drop</b>.txt' }).click();
  await alice.page.getByRole('button', { name: 'Send', exact: true }).last().click();
  await lineOf(alice.page, 'keep.txt').waitFor();
  await dragOver(alice.page, 'dragenter');
  await alice.page.getByText('Drop files to send them').waitFor();
  await expectAccessible(alice.page);
  await dragOver(alice.page, 'drop');
  await alice.page.getByRole('dialog').getByRole('button', { name: 'Send', exact: true }).click();
  await lineOf(alice.page, 'dragged.txt').waitFor();
  expect(await alice.page.getByText('Drop files to send them').count()).toBe(0);
  const names = async () =>
    (await friend.lines(conversation)).flatMap(({ body }) =>
      body.type === 'file' ? [body.file.name] : [],
    );
  await expect.poll(names, { timeout: TIMEOUT_MS }).toEqual(['keep.txt', 'dragged.txt']);
});

test('text that no message holds is offered as a file', TEST, async () => {
  const friend = await web.befriend('Jana');
  await meet(alice.page, friend, 'Jana');
  await say(alice.page, 'long '.repeat(30_000));
  await alice.page.getByText('This is too long for one message.').waitFor();
  await alice.page.getByRole('button', { name: 'Send as a text file' }).click();
  await alice.page.getByRole('dialog').getByRole('button', { name: 'Send', exact: true }).click();
  await lineOf(alice.page, 'message.txt').waitFor();
});

async function openPage(username: string): Promise<Visit> {
  const visit = await web.visit({ acceptDownloads: true });
  await register(visit.page, username);
  return visit;
}

/** A chat from the page to a friend, who has accepted it. */
async function meet(page: Page, friend: Parameters<typeof conversationWith>[0], name: string) {
  await beginChat(page, name);
  await say(page, 'hello');
  const conversation = await conversationWith(friend, 'Alice');
  await cameTo(friend, conversation, 'hello');
  await friend.people.accept(conversation);
  return conversation;
}

async function attach(
  page: Page,
  file: { readonly name: string; readonly mimeType: string; readonly buffer: Buffer },
): Promise<void> {
  const choosing = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Attach files' }).click();
  await (await choosing).setFiles(file);
  await page.getByRole('dialog').getByRole('button', { name: 'Send', exact: true }).click();
}

/** What is asked of the platform about an upload; a piece has the place where it begins. */
interface UploadRequest {
  readonly method: string;
  readonly offset: number;
}

/** Holds back the second piece of the next upload until somebody lets it go on; notes all requests for uploads. */
async function holdSecondPiece(context: BrowserContext) {
  const requests: UploadRequest[] = [];
  const { promise: second, resolve: hold } = Promise.withResolvers<Route>();
  let pieces = 0;
  await context.unroute(UPLOADS);
  await context.route(UPLOADS, async (route) => {
    const request = route.request();
    const method = request.method();
    requests.push({ method, offset: Number(request.headers()['upload-offset'] ?? 0) });
    if (method === 'PATCH') pieces += 1;
    if (method === 'PATCH' && pieces === 2) hold(route);
    else await route.continue();
  });
  return { requests, second };
}

/** Holds a file over the open chat, or lets go of it there. */
function dragOver(page: Page, type: 'dragenter' | 'drop'): Promise<void> {
  return page.getByRole('log').evaluate((log, name) => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File(['words'], 'dragged.txt', { type: 'text/plain' }));
    log.dispatchEvent(new DragEvent(name, { dataTransfer, bubbles: true, cancelable: true }));
  }, type);
}

/** Waits until the first of a file's pieces is there: it is read and encrypted before anything leaves. */
async function untilSent(page: Page, name: string): Promise<void> {
  const bar = page.getByRole('progressbar', { name: `${name}: how much was sent` });
  const part = () => bar.evaluate((it) => it instanceof HTMLProgressElement && it.position);
  await expect.poll(part, { timeout: 3 * TIMEOUT_MS }).toBeGreaterThan(0);
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
