/**
 * What the web client costs a person: how long the first screen takes in a browser that was never here, and the list of
 * conversations in one that comes back; how long a conversation of ten thousand messages takes to open, in a browser that has
 * them, and how even scrolling through it is. Wants a Chromium, as `npm test` does. The browser draws without a graphics card,
 * and all programs share the machine.
 */
import type { BrowserContext, Page } from 'playwright-core';
import type { Result } from '../../scripts/bench-results.ts';
import { keptOffline, openWeb, type Web } from '../web/browser.ts';
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
    // Whatever a platform or a browser does once only.
    await firstVisit(web);
    const first = [];
    for (let at = 0; at < OPENINGS; at += 1) first.push(await firstVisit(web));
    const names = { writer: 'Karl', reader: 'Lotte' };
    const { page, context } = await openLongConversation(web, names, COUNT);
    const again = await comeBack(page, context);
    await openOnce(page);
    const openings = [];
    for (let at = 0; at < OPENINGS; at += 1) openings.push(await openOnce(page));
    await conversationRow(page, 'Lotte').click();
    await lineOf(page, `number ${COUNT} `).waitFor();
    const frames = await scroll(page);
    const elements = await page
      .getByRole('log')
      .evaluate((log) => log.querySelectorAll('*').length);
    const implementation = 'web client';
    const what = { case: `${COUNT} messages in one conversation`, implementation };
    return [
      { case: 'until it can be used', implementation, step: 'first visit', ...spread(first) },
      { case: 'until it can be used', implementation, step: 'coming back', ...spread(again) },
      { ...what, step: 'open', ...spread(openings) },
      { ...what, step: 'scroll back', ...spread(frames), p99Ms: quantile(frames, 0.99), elements },
    ];
  } finally {
    await web.close();
  }
}

/** From the address to the first screen, in a browser that has nothing of the page. */
async function firstVisit(web: Web): Promise<number> {
  const context = await web.browser.newContext();
  try {
    await noteUsable(context, 'main button');
    const page = await context.newPage();
    await page.goto(web.url);
    return await usableAfter(page);
  } finally {
    await context.close();
  }
}

/** The same for somebody who is in, whose browser has kept the page and all that was said. */
async function comeBack(page: Page, context: BrowserContext): Promise<number[]> {
  await keptOffline(page);
  await noteUsable(context, 'nav[aria-label=Sotto] ul a');
  const times = [];
  for (let at = 0; at < OPENINGS; at += 1) {
    await page.reload();
    times.push(await usableAfter(page));
  }
  return times;
}

const USABLE = 'usable';

/** Has each page take down when what is looked for was drawn and the page heeds clicks again. */
async function noteUsable(context: BrowserContext, selector: string): Promise<void> {
  await context.addInitScript(
    ([wanted, mark]) => {
      const look = () => {
        if (document.querySelector(wanted) === null) requestAnimationFrame(look);
        else requestAnimationFrame(() => setTimeout(() => performance.mark(mark)));
      };
      requestAnimationFrame(look);
    },
    [selector, USABLE] as const,
  );
}

/** In milliseconds from the beginning of the navigation. */
async function usableAfter(page: Page): Promise<number> {
  const mark = await page.waitForFunction(
    (name) => performance.getEntriesByName(name)[0]?.startTime,
    USABLE,
  );
  return (await mark.jsonValue()) ?? Number.NaN;
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

function spread(values: readonly number[]): { p50Ms: number; worstMs: number } {
  return { p50Ms: quantile(values, 0.5), worstMs: quantile(values, 1) };
}

function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
  return Math.round(value * 10) / 10;
}
