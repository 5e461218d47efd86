/** From an empty browser to a conversation, and what a page must not lose on the way. */
import { gzipSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { keptOffline, openWeb, register, TIMEOUT_MS, type Visit, type Web } from './browser.ts';

const TEST = { timeout: 120_000 };

/** What the first screen may take, compressed and with its letters. */
const FIRST_LOAD_BYTES_MAX = 250_000;

/** The same with the cryptography, which comes once somebody begins: that it does not grow unseen. */
const FIRST_FORM_BYTES_MAX = 300_000;

let web: Web;

beforeAll(async () => {
  web = await openWeb();
});
afterAll(() => web?.close());

test('two strangers who open the page talk within a minute', TEST, async () => {
  const [ann, ben] = [await web.visit(), await web.visit()];
  const began = performance.now();
  await Promise.all([register(ann.page, 'Ann'), register(ben.page, 'Ben')]);
  await writeTo(ann.page, 'Ben', 'good morning');
  await ben.page.getByRole('link', { name: 'Message requests' }).click();
  await ben.page.getByRole('button', { name: 'Accept' }).click();
  await bubble(ben.page, 'good morning').waitFor();
  await say(ben.page, 'and to you');
  await bubble(ann.page, 'and to you').waitFor();
  const seconds = (performance.now() - began) / 1000;
  expect(seconds).toBeLessThan(60);
});

test('a message that is being sent while the page is loaded anew is sent once', TEST, async () => {
  const friend = await web.befriend('Gerd');
  const { page } = await web.visit();
  await register(page, 'Carla');
  await writeTo(page, 'Gerd', 'before');
  await bubble(page, 'before').waitFor();
  await keptOffline(page);
  await web.restart(async () => {
    await say(page, 'across the reload');
    await bubble(page, 'across the reload').waitFor();
    await page.reload();
    await bubble(page, 'across the reload').waitFor();
  });
  const heard = async () => {
    const conversation = (await friend.conversations()).at(0)?.id;
    const items = conversation === undefined ? [] : await friend.history(conversation);
    return items.map((item) =>
      item.type === 'message' && item.content.type === 'text' ? item.content.text : item.type,
    );
  };
  await expect.poll(heard, { timeout: TIMEOUT_MS }).toEqual(['before', 'across the reload']);
});

test('two tabs of one browser show the same, and either may be closed', TEST, async () => {
  const friend = await web.befriend('Hanno');
  const first = await web.visit();
  await register(first.page, 'Dina');
  await writeTo(first.page, 'Hanno', 'from the first tab');
  await bubble(first.page, 'from the first tab').waitFor();
  const second: Visit = { ...first, page: await first.context.newPage() };
  await second.page.goto(first.page.url());
  await bubble(second.page, 'from the first tab').waitFor();
  await say(second.page, 'from the second tab');
  await bubble(first.page, 'from the second tab').waitFor();
  await first.page.close();
  const [conversation] = await friend.conversations();
  await friend.people.accept(conversation!.id);
  await friend.sendText(conversation!.id, 'to whoever is left');
  await bubble(second.page, 'to whoever is left').waitFor();
});

test(
  'what was said is read without a connection, and what is written then leaves later',
  TEST,
  async () => {
    const friend = await web.befriend('Ida');
    const { page, context } = await web.visit();
    await register(page, 'Elsa');
    await writeTo(page, 'Ida', 'while it lasts');
    await bubble(page, 'while it lasts').waitFor();
    await keptOffline(page);
    await context.setOffline(true);
    await page.reload();
    await bubble(page, 'while it lasts').waitFor();
    await say(page, 'from a tunnel');
    await context.setOffline(false);
    const heard = async () => {
      const [conversation] = await friend.conversations();
      const items = conversation === undefined ? [] : await friend.history(conversation.id);
      return items.filter((item) => item.type === 'message').length;
    };
    await expect.poll(heard, { timeout: TIMEOUT_MS }).toBe(2);
  },
);

test(
  'the first screen takes 250 kB at most, letters and all, and nothing from elsewhere',
  TEST,
  async () => {
    // What is kept for a visit without a connection comes when all of this is there.
    const context = await web.browser.newContext({ serviceWorkers: 'block' });
    const page = await context.newPage();
    const loaded: Promise<{ path: string; bytes: number }>[] = [];
    context.on('response', (response) => {
      const { origin, pathname } = new URL(response.url());
      const path = origin === web.url ? pathname : response.url();
      const isPacked = pathname.endsWith('.woff2');
      const sizeOf = (body: Buffer) => (isPacked ? body : gzipSync(body)).length;
      loaded.push(response.body().then((body) => ({ path, bytes: sizeOf(body) })));
    });
    const sum = async () =>
      (await Promise.all(loaded)).reduce((total, { bytes }) => total + bytes, 0);
    await page.goto(web.url, { waitUntil: 'networkidle' });
    await page.getByRole('button', { name: 'Create an account' }).click({ trial: true });
    const first = await sum();
    const paths = (await Promise.all(loaded)).map(({ path }) => path);
    expect(paths.filter((path) => !path.startsWith('/'))).toEqual([]);
    expect(paths.filter((path) => path.endsWith('.woff2'))).toHaveLength(1);
    await page.getByRole('button', { name: 'Create an account' }).click();
    await page.waitForLoadState('networkidle');
    await expect.poll(sum, { timeout: TIMEOUT_MS }).toBeGreaterThan(first + 100_000);
    const whole = await sum();
    process.stdout.write(`first screen: ${first} bytes, with what makes an account ${whole}\n`);
    expect(first).toBeLessThan(FIRST_LOAD_BYTES_MAX);
    expect(whole).toBeLessThan(FIRST_FORM_BYTES_MAX);
    await context.close();
  },
);

function bubble(page: Page, text: string) {
  return page.getByRole('log').getByText(text);
}

/** Begins a conversation by the dialog. A name that is seconds old may not be found at once. */
async function writeTo(page: Page, username: string, text: string): Promise<void> {
  await page.getByRole('button', { name: 'New chat' }).click();
  const dialog = page.getByRole('dialog', { name: 'New chat' });
  await dialog.getByLabel('To', { exact: true }).fill(username);
  await dialog.getByRole('list', { name: 'People' }).getByText(username).first().click();
  await page.waitForURL('**/c/*');
  await say(page, text);
}

async function say(page: Page, text: string): Promise<void> {
  const field = page.getByRole('textbox', { name: 'Message to' });
  await field.fill(text);
  await field.press('Enter');
}
