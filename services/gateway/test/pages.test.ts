/** The pages as a browser sees them. Wants a Chromium: CHROMIUM names it, `npm test` installs one. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endpoints, PROBLEMS } from '@sotto/api';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Gateway, gatewayTo, startUpstream, type Upstream } from './upstream.fixture.ts';

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
const FLAGS = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
];

describe.runIf(existsSync(executablePath))('in a browser', () => {
  const profile = mkdtempSync(join(tmpdir(), 'sotto-browser-'));
  let upstream: Upstream;
  let gateway: Gateway;
  let browser: BrowserContext;
  beforeAll(async () => {
    upstream = await startUpstream();
    gateway = await gatewayTo(upstream.url);
    browser = await chromium.launchPersistentContext(profile, { executablePath, args: FLAGS });
  });
  afterAll(async () => {
    await browser?.close();
    await gateway.close();
    await upstream.close();
    rmSync(profile, { recursive: true, force: true });
  });

  /** Opens a page; everything that it complains of, and every host that it calls, is collected. */
  async function open(path: string) {
    const page = await browser.newPage();
    const complaints: string[] = [];
    const hosts = new Set<string>();
    page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => hosts.add(new URL(request.url()).host));
    await page.addInitScript(() => {
      const reports: string[] = [];
      Object.assign(window, { reports });
      document.addEventListener('securitypolicyviolation', (event) => {
        reports.push(`${event.violatedDirective} ${event.blockedURI}`);
      });
    });
    await page.goto(gateway.url + path, { waitUntil: 'networkidle' });
    const finish = async () => {
      const reports = await page.evaluate(() => 'reports' in window && window.reports);
      await page.close();
      expect({ complaints, reports, hosts: [...hosts] }).toEqual({
        complaints: [],
        reports: [],
        hosts: [new URL(gateway.url).host],
      });
    };
    return { page, finish };
  }

  const styled = (page: Page) =>
    page.evaluate(() => getComputedStyle(document.body).backgroundColor);

  it('/ says that the platform runs and leads to the documents, by light and by dark', async () => {
    const { page, finish } = await open('/');
    expect(await page.locator('h1').textContent()).toBe('Sotto is running');
    expect(
      await page.locator('img').evaluate((image: HTMLImageElement) => image.naturalWidth),
    ).toBeGreaterThan(0);
    await page.emulateMedia({ colorScheme: 'light' });
    const light = await styled(page);
    await page.emulateMedia({ colorScheme: 'dark' });
    expect(await styled(page)).not.toBe(light);
    await page.getByRole('link', { name: 'Read the reference' }).click();
    await page.waitForURL('**/redoc');
    await finish();
  });

  it('/redoc tells of every operation and every problem, without a script', async () => {
    const { page, finish } = await open('/redoc');
    expect(await page.locator('script').count()).toBe(0);
    for (const { id, path } of endpoints) {
      expect(await page.locator(`#${id} .path`).textContent()).toBe(path);
    }
    const problems = await page.locator('#problems ~ article code').allTextContents();
    expect(problems).toEqual(Object.keys(PROBLEMS));
    await page.setViewportSize({ width: 360, height: 700 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(
      360,
    );
    await finish();
  });

  it('/docs shows every operation, opens one in five, and calls one', async () => {
    const { page, finish } = await open('/docs');
    await page.locator('.opblock').first().waitFor();
    expect(await page.locator('.opblock').count()).toBe(endpoints.length);
    // One at a time, and not all: Swagger UI draws the whole page anew at each click, which takes a second.
    for (const [place, block] of (await page.locator('.opblock').all()).entries()) {
      if (place % 5 > 0 && (await block.getAttribute('id')) !== 'operations-auth-me') continue;
      const toggle = block.locator('.opblock-summary-control');
      await toggle.click();
      await block.locator('.responses-wrapper').waitFor();
      if ((await block.getAttribute('id')) !== 'operations-auth-me') await toggle.click();
    }
    await page.locator('.auth-wrapper .authorize').first().click();
    // One for each way to say who calls, and none that it cannot offer.
    expect(await page.locator('.dialog-ux input').count()).toBe(3);
    expect(await page.locator('.dialog-ux').textContent()).not.toMatch(/unsupported/i);
    await page.locator('.dialog-ux input').first().fill('token');
    await page.locator('.dialog-ux .authorize').first().click();
    await page.locator('.dialog-ux .btn-done').first().click();
    const operation = page.locator('#operations-auth-me');
    await operation.locator('.try-out__btn').click();
    await operation.locator('.execute').click();
    const answer = operation.locator('.live-responses-table .response-col_status');
    expect(await answer.last().textContent()).toContain('200');
    expect(upstream.seen).toContain('GET /api/v1/auth/me');
    await finish();
  }, 180_000);
});
