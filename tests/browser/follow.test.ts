/** Clients in workers of pages, in Chromium against the real platform. Wants a Chromium, as `npm test` installs one. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort, NO_LIMITS, type Standalone, startStandalone } from '../cluster.ts';
import type { FollowPage } from './follow-page/page.ts';

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
const FLAGS = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
  // The page is put into the platform's origin by this test, so Chromium takes it for one from the internet.
  '--disable-features=LocalNetworkAccessChecks',
];

const timeout = 30_000;

type Conversation = Awaited<ReturnType<FollowPage['talkTo']>>;

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

  test('two tabs of one account show the same, and the second goes on when the first is closed', async () => {
    const [context, elsewhere] = [await openContext(), await openContext()];
    const [first, second] = [await openTab(context), await openTab(context)];
    await enter(first, 'carol');
    await second.evaluate(() => window.chat.client?.connect());
    const peer = await openTab(elsewhere);
    await enter(peer, 'dave');
    const conversation = await peer.evaluate(() => window.chat.talkTo('carol'));
    await peer.evaluate((id) => window.chat.say(id, ['hello']), conversation);
    await expectTexts([first, second, peer], conversation, ['hello']);

    await Promise.all([
      first.evaluate((id) => window.chat.say(id, ['from the first']), conversation),
      second.evaluate((id) => window.chat.say(id, ['from the second']), conversation),
    ]);
    await expect.poll(() => textsOf(peer, conversation), { timeout }).toHaveLength(3);
    await expectTexts([first, second], conversation, await textsOf(peer, conversation));

    // What the second says while the first goes is said once, by whoever comes next.
    const texts = Array.from({ length: 20 }, (_, number) => `number ${number}`);
    const saying = second.evaluate((it) => window.chat.say(it.conversation, it.texts), {
      conversation,
      texts,
    });
    await expect.poll(() => textsOf(second, conversation), { timeout }).toContain('number 3');
    await first.close();
    await saying;
    await peer.evaluate((id) => window.chat.say(id, ['still there?']), conversation);
    await expect.poll(() => textsOf(second, conversation), { timeout }).toContain('still there?');
    const all = await textsOf(peer, conversation);
    expect(all.filter((text) => text.startsWith('number'))).toEqual(texts);
    await expectTexts([second], conversation, all);
    expect(complaints).toEqual([]);
  }, 120_000);

  const textsOf = (page: Page, conversation: Conversation) =>
    page.evaluate((id) => window.chat.texts(id), conversation);

  async function expectTexts(pages: readonly Page[], conversation: Conversation, texts: string[]) {
    for (const page of pages)
      await expect.poll(() => textsOf(page, conversation), { timeout }).toEqual(texts);
  }

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
