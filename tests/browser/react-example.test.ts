/** The React page of the SDK's examples, in Chromium against the real platform. Wants a Chromium, as `npm test` installs one. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort, NO_LIMITS, type Standalone, startStandalone } from '../cluster.ts';

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
const FLAGS = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
  // The page is put into the platform's origin by this test, so Chromium takes it for one from the internet.
  '--disable-features=LocalNetworkAccessChecks',
];
const folder = new URL('../../packages/client/examples/react/', import.meta.url);
const timeout = 30_000;

describe.runIf(existsSync(executablePath))('the React page', () => {
  let platform: Standalone;
  let environment: Record<string, string>;
  let browser: Browser;
  let script: string;
  const complaints: string[] = [];

  beforeAll(async () => {
    const [bundle] = await bundlePage();
    script = bundle?.text ?? expect.fail('nothing was built');
    environment = { ...NO_LIMITS, SERVER_PORT: String(await freePort()) };
    platform = await startStandalone({ environment });
    browser = await chromium.launch({ executablePath, args: FLAGS });
  });
  afterAll(async () => {
    await browser?.close();
    await platform?.close();
  });

  test('two people register, write, see the ticks rise, and find everything after a reload', async () => {
    const [alice, bob] = [await open(), await open()];
    await register(alice, 'Alice');
    await register(bob, 'Bob');
    await writeTo(alice, 'Bob');
    await say(alice, 'good morning');
    await expectLine(alice, 'good morning ✓');

    await bob.getByRole('button', { name: 'Alice' }).click({ timeout });
    await expectLine(bob, 'good morning');
    await bob.getByRole('button', { name: 'Accept' }).click({ timeout });
    await expectLine(alice, 'good morning ✓✓ read');
    await alice.getByTitle('online').first().waitFor({ timeout });
    await say(bob, 'and to you');
    await expectLine(alice, 'and to you');
    // It is on the screen, so it is read.
    await expectLine(bob, 'and to you ✓✓ read');

    await bob.reload();
    await bob.getByRole('button', { name: 'Alice' }).click({ timeout });
    await expectLine(bob, 'and to you ✓✓ read');
    await say(alice, 'welcome back');
    await expectLine(bob, 'welcome back');
    expect(complaints).toEqual([]);
  }, 120_000);

  test('what is written without a connection is seen to wait, and to leave', async () => {
    const [page, other] = [await open(), await open()];
    await register(page, 'Carol');
    await register(other, 'Dave');
    await writeTo(page, 'Dave');
    const { dataDirectory, close } = platform;
    await platform.kill();
    await expectStatus(page, 'connecting');
    await say(page, 'is anybody there');
    await expectLine(page, 'is anybody there …');
    platform = { ...(await startStandalone({ dataDirectory, environment })), close };
    await expectLine(page, 'is anybody there ✓');
  }, 120_000);

  /** A page of a browser of its own. */
  async function open(): Promise<Page> {
    const context = await browser.newContext();
    const page = await context.newPage();
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      // What a page says of requests is no complaint: that they fail is part of a client's life.
      const isOurs = !/^(Failed to load|WebSocket connection)/.test(message.text());
      if (message.type() === 'error' && isOurs) complaints.push(message.text());
    });
    const html = readFileSync(new URL('index.html', folder), 'utf8');
    await page.route(`${platform.url}/chat/`, (route) =>
      route.fulfill({ contentType: 'text/html', body: html }),
    );
    await page.route(`${platform.url}/chat/main.js`, (route) =>
      route.fulfill({ contentType: 'text/javascript', body: script }),
    );
    await page.goto(`${platform.url}/chat/`);
    return page;
  }
});

async function bundlePage() {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('main.tsx', folder))],
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2024',
    jsx: 'automatic',
    // React's own checks are in the build for development.
    define: { 'process.env.NODE_ENV': '"development"' },
    write: false,
  });
  return outputFiles;
}

async function register(page: Page, name: string): Promise<void> {
  await page.getByPlaceholder('Name').fill(name);
  await page.getByPlaceholder('Password').fill('Correct-Horse-7');
  await page.getByRole('button', { name: 'Register' }).click();
  await expectStatus(page, 'connected');
}

/** The directory may not know a name that is seconds old. */
async function writeTo(page: Page, name: string): Promise<void> {
  const field = page.getByPlaceholder('Message');
  await expect
    .poll(
      async () => {
        await page.getByPlaceholder('Write to…').fill(name);
        await page.getByPlaceholder('Write to…').press('Enter');
        return field.isVisible();
      },
      { timeout, interval: 250 },
    )
    .toBe(true);
}

async function say(page: Page, text: string): Promise<void> {
  await page.getByPlaceholder('Message').fill(text);
  await page.getByPlaceholder('Message').press('Enter');
}

async function expectLine(page: Page, text: string): Promise<void> {
  const line = page.getByRole('listitem').filter({ hasText: text });
  await line.waitFor({ timeout });
}

async function expectStatus(page: Page, text: string): Promise<void> {
  await page.getByRole('status').filter({ hasText: text }).waitFor({ timeout });
}
