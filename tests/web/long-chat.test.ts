/** Ten thousand messages in one conversation of the web client. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openWeb, TIMEOUT_MS, type Visit, type Web } from './browser.ts';
import { openLongConversation } from './long-conversation.ts';
import { conversationRow, lineOf } from './talk.ts';

const COUNT = 10_000;
const TEST = { timeout: 300_000 };

/** Of all elements of the log: about ten for each line in view. */
const ELEMENTS_MAX = 400;
const LINES_MAX = 45;

let web: Web;
let visit: Visit;

beforeAll(async () => {
  web = await openWeb();
  visit = await openLongConversation(web, { writer: 'Karl', reader: 'Lotte' }, COUNT);
}, 600_000);
afterAll(() => web?.close());

test('it opens at its end, with no more elements than are in view', TEST, async () => {
  const { page } = visit;
  await conversationRow(page, 'Lotte').click();
  await lineOf(page, `number ${COUNT} `).waitFor();
  await expectFew(page);
});

test(
  'going back leads past what is kept up to date, in order and without a jump',
  TEST,
  async () => {
    const { page } = visit;
    for (const [first = 0] = await shown(page); first > COUNT - 700; ) {
      const before = await shown(page);
      await page.getByRole('log').evaluate((log) => log.scrollTo({ top: 40 }));
      await expect
        .poll(async () => (await shown(page))[0], { timeout: TIMEOUT_MS })
        .toBeLessThan(before[0] ?? 0);
      const [now = 0] = await shown(page);
      if (now <= COUNT - 700) break;
    }
    const numbers = await shown(page);
    expect(numbers).toEqual(numbers.map((_, at) => numbers[0]! + at));
    await expectFew(page);
  },
);

test('older lines that come do not move the one that is looked at', TEST, async () => {
  const { page } = visit;
  const moved = await page.getByRole('log').evaluate(watchWhileOlderCome, 1200);
  expect(moved.pages).toBeGreaterThan(0);
  expect(moved.px).toBeLessThan(4);
});

test('one button leads back to the end', TEST, async () => {
  const { page } = visit;
  await page.getByRole('button', { name: 'Jump to the newest message' }).click();
  await lineOf(page, `number ${COUNT} `).waitFor();
  await expectFew(page);
});

/** The numbers of the lines on the page, from the top. */
function shown(page: Page): Promise<number[]> {
  return page.getByRole('log').evaluate((log) =>
    [...log.querySelectorAll('[role=listitem]')]
      .map((line) => Number(/number (\d+)/.exec(line.textContent ?? '')?.[1]))
      .filter((number) => !Number.isNaN(number))
      .sort((a, b) => a - b),
  );
}

/**
 * Runs in the page: goes up by two pixels a frame from a place that has settled, follows a line, and stops when older ones have
 * come before it. Gives how far it has moved since the frame before, and how many pages have come.
 */
async function watchWhileOlderCome(log: Element, top: number) {
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  const placeOf = (line: Element) => Number(line.getAttribute('aria-posinset'));
  log.scrollTo({ top });
  for (let frames = 0; frames < 30; frames += 1) await frame();
  const { x, y, width, height } = log.getBoundingClientRect();
  const line = document.elementFromPoint(x + width / 2, y + height / 4)?.closest('[role=listitem]');
  if (line === null || line === undefined) throw new Error('no line is there');
  const place = placeOf(line);
  const topOf = () => line.getBoundingClientRect().top;
  let before = topOf();
  while (placeOf(line) === place && log.scrollTop > 2) {
    before = topOf();
    log.scrollBy({ top: -2 });
    await frame();
  }
  let px = 0;
  for (let frames = 0; frames < 30; frames += 1) {
    px = Math.max(px, Math.abs(topOf() - before));
    await frame();
  }
  return { px, pages: (placeOf(line) - place) / 50 };
}

async function expectFew(page: Page): Promise<void> {
  const log = page.getByRole('log');
  expect(await log.evaluate((element) => element.querySelectorAll('*').length)).toBeLessThan(
    ELEMENTS_MAX,
  );
  expect(await log.getByRole('listitem').count()).toBeLessThan(LINES_MAX);
}
