/** Keys, pastes and names as people type them in the web client, on a desk and on a phone. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openWeb, register, TIMEOUT_MS, type Visit, type Web } from './browser.ts';
import { beginChat, chooseFor, composer, lineOf, say } from './talk.ts';

const TEST = { timeout: 4 * TIMEOUT_MS };

let web: Web;
/** Who writes at a desk. */
let alice: Visit;

beforeAll(async () => {
  web = await openWeb();
  alice = await web.visit();
  await register(alice.page, 'Alice');
  await web.befriend('Joanna');
  await beginChat(alice.page, 'Joanna');
  await say(alice.page, 'hello');
}, TEST.timeout);
afterAll(() => web?.close());

test('on a phone Enter begins a new line, and the button sends', TEST, async () => {
  const window = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
  const { page } = await web.visit(window);
  await register(page, 'Paula');
  await beginChat(page, 'Joanna');
  await composer(page).fill('first');
  await composer(page).press('Enter');
  await composer(page).pressSequentially('second');
  expect(await composer(page).inputValue()).toBe('first\nsecond');
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await lineOf(page, 'second').waitFor();
  expect(await composer(page).inputValue()).toBe('');
});

test(
  'copied text is text though a picture of it comes along, and an edit takes no files',
  TEST,
  async () => {
    const { page } = alice;
    expect(await isPasteTaken(page, { plain: 'a\tb', html: '<table>' })).toBe(false);
    await chooseFor(lineOf(page, 'hello'), 'Edit');
    expect(await isPasteTaken(page, {})).toBe(false);
    await page.keyboard.press('Escape');
    expect(await page.getByRole('dialog').count()).toBe(0);
    expect(await isPasteTaken(page, { plain: '', html: '<img>' })).toBe(true);
    await page.getByRole('dialog', { name: 'Send this file?' }).waitFor();
    await page.keyboard.press('Escape');
  },
);

test('Enter takes whoever has the name, once it is known who that is', TEST, async () => {
  const { page } = alice;
  await web.befriend('Ann');
  await page.getByRole('button', { name: 'New chat' }).click();
  const dialog = page.getByRole('dialog', { name: 'New chat' });
  const field = dialog.getByRole('textbox', { name: 'To' });
  await field.pressSequentially('ann');
  await field.press('Enter');
  // Joanna is known, and is none.
  await dialog.getByRole('button', { name: 'Ann', exact: true }).waitFor();
  await dialog.getByText('Looking').waitFor({ state: 'detached' });
  await field.press('Enter');
  // Not that of the empty chat, which says hello to her.
  await page.getByRole('heading', { name: /^Ann/ }).waitFor();
});

test('the colour of the bar around the page is that of the chosen theme', TEST, async () => {
  const { page } = alice;
  await page.emulateMedia({ colorScheme: 'light' });
  await page.goto(`${web.url}/settings/appearance`);
  const colours = () =>
    page
      .locator('meta[name=theme-color]')
      .evaluateAll((metas) =>
        metas.flatMap((meta) =>
          meta instanceof HTMLMetaElement && matchMedia(meta.media).matches ? [meta.content] : [],
        ),
      );
  const [light, dark] = ['#f5f1e8', '#121614'];
  for (const [choice, colour] of [
    ['As this device', light],
    ['Dark', dark],
    ['Light', light],
  ] as const) {
    await page.getByRole('radio', { name: choice }).check();
    expect(await colours()).toEqual([colour]);
  }
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.reload();
  await page.getByRole('radio', { name: 'Light' }).waitFor();
  expect(await colours()).toEqual([light]);
});

/** Whether the page takes a paste of a picture, with text of these kinds, for a file to send. */
function isPasteTaken(page: Page, text: { plain?: string; html?: string }): Promise<boolean> {
  return composer(page).evaluate((field, { plain, html }) => {
    const clipboardData = new DataTransfer();
    clipboardData.items.add(new File(['dots'], 'image.png', { type: 'image/png' }));
    if (plain !== undefined) clipboardData.setData('text/plain', plain);
    if (html !== undefined) clipboardData.setData('text/html', html);
    const options = { clipboardData, bubbles: true, cancelable: true };
    return !field.dispatchEvent(new ClipboardEvent('paste', options));
  }, text);
}
