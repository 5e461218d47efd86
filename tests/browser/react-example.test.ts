/**
 * The React page of the SDK's examples, in Chromium, built and served by the real platform as the guide says. Wants a
 * Chromium, as `npm test` installs one.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort, NO_LIMITS, type Standalone, startStandalone } from '../cluster.ts';

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
const FLAGS = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
];
const root = fileURLToPath(new URL('../../', import.meta.url));
const timeout = 30_000;
const RECOVERY_CODE = /^[0-9A-Z]{4}(-[0-9A-Z]{4}){6}$/;

describe.runIf(existsSync(executablePath))('the React page', () => {
  let platform: Standalone;
  let environment: Record<string, string>;
  let browser: Browser;
  let folder: string;
  const complaints: string[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sotto page '));
    buildPage(folder);
    const port = String(await freePort());
    environment = { ...NO_LIMITS, SERVER_PORT: port, GATEWAY_WEB_CLIENT: folder };
    platform = await startStandalone({ environment });
    browser = await chromium.launch({ executablePath, args: FLAGS });
  });
  afterAll(async () => {
    await browser?.close();
    await platform?.close();
    rmSync(folder, { recursive: true, force: true });
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
    await page.goto(platform.url);
    // What the platform's policy blocks has no effect: bare HTML has the margin of the browser.
    const margin = await page.evaluate('getComputedStyle(document.body).margin');
    expect(margin).toBe('0px');
    return page;
  }
});

/** By the command of the guide, into a folder of this test. */
function buildPage(folder: string): void {
  const guide = readFileSync(join(root, 'docs/sdk.md'), 'utf8');
  const [, command] =
    /^```\n(node_modules\/\.bin\/esbuild (?:.*\\\n)*.*--outdir=)out\/react\n/m.exec(guide) ??
    expect.fail('the guide has no command');
  execFileSync('sh', ['-c', `${command}"$0"`, folder], { cwd: root, stdio: 'pipe' });
}

async function register(page: Page, name: string): Promise<void> {
  await page.getByPlaceholder('Name').fill(name);
  await page.getByPlaceholder('Password').fill('Correct-Horse-7');
  await page.getByRole('button', { name: 'Register' }).click();
  const code = page.getByRole('dialog').getByText(RECOVERY_CODE);
  await code.waitFor({ timeout });
  await page.getByRole('button', { name: 'I have it' }).click();
  await code.waitFor({ state: 'detached', timeout });
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
