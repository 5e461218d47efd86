/**
 * What the web client costs a person: how long a conversation of ten thousand messages takes to open, in a browser that has
 * them, and how even scrolling through it is. Wants a Chromium, as `npm test` does. The browser draws without a graphics
 * card, and all programs share the machine.
 */
import type { Page } from 'playwright-core';
import type { Result } from '../../scripts/bench.ts';
import { openWeb } from '../web/browser.ts';
import { openLongConversation } from '../web/long-conversation.ts';
import { conversationRow, lineOf } from '../web/talk.ts';

const COUNT = 10_000;
const OPENINGS = 10;
const SCROLL_PX = 120;
const FRAMES = 300;

/** Runs everything, on a platform of its own. */
export async function run(): Promise<Result[]> {
  const web = await openWeb();
  try {
    const names = { writer: 'Karl', reader: 'Lotte' };
    const { page } = await openLongConversation(web, names, COUNT);
    await openOnce(page);
    const openings = [];
    for (let at = 0; at < OPENINGS; at += 1) openings.push(await openOnce(page));
    await conversationRow(page, 'Lotte').click();
    await lineOf(page, `number ${COUNT} `).waitFor();
    const frames = await scroll(page);
    const elements = await page
      .getByRole('log')
      .evaluate((log) => log.querySelectorAll('*').length);
    const what = { case: `${COUNT} messages in one conversation`, implementation: 'web client' };
    return [
      { ...what, step: 'open', p50Ms: quantile(openings, 0.5), worstMs: quantile(openings, 1) },
      {
        ...{ ...what, step: 'scroll back', p50Ms: quantile(frames, 0.5) },
        p99Ms: quantile(frames, 0.99),
        worstMs: quantile(frames, 1),
        elements,
      },
    ];
  } finally {
    await web.close();
  }
}

/** From the click to the newest line on the page, in milliseconds. */
async function openOnce(page: Page): Promise<number> {
  await page.evaluate(() => history.pushState(null, '', '/'));
  await page.evaluate(() => dispatchEvent(new PopStateEvent('popstate')));
  await page.getByRole('log').waitFor({ state: 'detached' });
  const row = conversationRow(page, 'Lotte');
  await row.waitFor();
  return row.evaluate(
    (link, last) =>
      new Promise<number>((resolve) => {
        const began = performance.now();
        const look = () => {
          const log = document.querySelector('[role=log]');
          if (log?.textContent?.includes(last) === true) resolve(performance.now() - began);
          else requestAnimationFrame(look);
        };
        if (link instanceof HTMLElement) link.click();
        look();
      }),
    `number ${COUNT} `,
  );
}

/** The time between frames while somebody scrolls back, older lines being loaded on the way. */
function scroll(page: Page): Promise<number[]> {
  return page.getByRole('log').evaluate(
    (log, { frames, step }) =>
      new Promise<number[]>((resolve) => {
        const times: number[] = [];
        let before = performance.now();
        const draw = (now: number) => {
          times.push(now - before);
          before = now;
          log.scrollBy({ top: -step });
          if (times.length === frames) resolve(times);
          else requestAnimationFrame(draw);
        };
        requestAnimationFrame(draw);
      }),
    { frames: FRAMES, step: SCROLL_PX },
  );
}

function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
  return Math.round(value * 10) / 10;
}
