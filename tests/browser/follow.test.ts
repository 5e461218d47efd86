/** Clients in workers of pages, in Chromium against the real platform. Wants a Chromium, as `npm test` installs one. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort, NO_LIMITS, type Standalone, startStandalone } from '../cluster.ts';

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
const FLAGS = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
  // The page is put into the platform's origin by this test, so Chromium takes it for one from the internet.
  '--disable-features=LocalNetworkAccessChecks',
];

describe.runIf(existsSync(executablePath))('a page with its client in a worker', () => {
  let platform: Standalone;
  let browser: Browser;
  let scripts: ReadonlyMap<string, string>;
  const complaints: string[] = [];

  beforeAll(async () => {
    scripts = await bundlePage();
    const environment = { ...NO_LIMITS, SERVER_PORT: String(await freePort()) };
    platform = await startStandalone({ environment });
    browser = await chromium.launch({ executablePath, args: FLAGS });
  });
  afterAll(async () => {
    await browser?.close();
    await platform?.close();
  });

  test('registers, connects and writes, and the page is never held up', async () => {
    const page = await openTab(await openContext());
    const spent = await clockOf(page);
    await enter(page, 'alice');
    const me = await page.evaluate(() => window.chat.client?.me());
    expect(me).toMatchObject({ username: 'alice' });
    // Of all its work together, and by the processor's time: others on this machine hold up everybody.
    expect(await spent()).toBeLessThan(0.05);
    expect(complaints).toEqual([]);
  }, 60_000);

  async function openContext(): Promise<BrowserContext> {
    const context = await browser.newContext();
    await context.route(`${platform.url}/chat/*`, (route) => {
      const name = new URL(route.request().url()).pathname.slice('/chat/'.length);
      const script = scripts.get(name);
      if (script !== undefined)
        return route.fulfill({ contentType: 'text/javascript', body: script });
      const body = '<!doctype html><script type="module" src="page.js"></script>';
      return route.fulfill({ contentType: 'text/html', body });
    });
    return context;
  }

  async function openTab(context: BrowserContext): Promise<Page> {
    const page = await context.newPage();
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      const isOurs = !/^(Failed to load|WebSocket connection)/.test(message.text());
      if (message.type() === 'error' && isOurs) complaints.push(message.text());
    });
    await page.goto(`${platform.url}/chat/`);
    await page.evaluate((url) => window.chat.open(url, 'chat'), platform.url);
    return page;
  }

  /** Tells how long the page's own thread has worked since now, in seconds of processor time. */
  async function clockOf(page: Page): Promise<() => Promise<number>> {
    const session = await page.context().newCDPSession(page);
    await session.send('Performance.enable', { timeDomain: 'threadTicks' });
    return async () => {
      const { metrics } = await session.send('Performance.getMetrics');
      return metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN;
    };
  }

  function enter(page: Page, username: string) {
    return page.evaluate(async (name) => {
      await window.chat.client?.register({ username: name, password: 'Correct-Horse-7' });
      await window.chat.client?.connect();
    }, username);
  }
});

/** The page, its worker, and what the worker fetches later, by their names. */
async function bundlePage(): Promise<ReadonlyMap<string, string>> {
  const folder = fileURLToPath(new URL('follow-page/', import.meta.url));
  // Each by itself: what a page loads of the SDK is a sixth of what its worker does.
  const built = await Promise.all(
    ['page', 'worker'].map((name) =>
      build({
        entryPoints: [`${folder}${name}.ts`],
        bundle: true,
        splitting: true,
        format: 'esm',
        platform: 'browser',
        target: 'es2024',
        outdir: folder,
        write: false,
      }),
    ),
  );
  const files = built.flatMap(({ outputFiles }) => outputFiles);
  return new Map(files.map(({ path, text }) => [path.slice(folder.length), text]));
}
