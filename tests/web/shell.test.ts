/** The page before anybody is in, and without a connection: what it loads, what it keeps, whom it lets in. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildPage, PAGE_FOLDER } from '../../scripts/web/page-build.ts';
import { expectAccessible, openWeb, PASSWORD, TIMEOUT_MS, type Web } from './browser.ts';

const TEST = { timeout: 4 * TIMEOUT_MS };

let web: Web;
let folder: string;
/** Shown at the first start, this once. */
let invitation: string;
beforeAll(async () => {
  // A copy, so that a test may make another release of it.
  folder = mkdtempSync(join(tmpdir(), 'sotto-page-'));
  await buildPage();
  cpSync(PAGE_FOLDER, folder, { recursive: true });
  web = await openWeb({ REGISTRATION_MODE: 'invite', GATEWAY_WEB_CLIENT: folder });
  const [, code] = /#invite=(\S+)/.exec(web.platform.output()) ?? [];
  invitation = code ?? expect.fail('no invitation was shown');
});
afterAll(async () => {
  await web?.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('where accounts are by invitation', () => {
  test('who comes without one is told, and asked for it', TEST, async () => {
    const { page } = await web.visit();
    await page.getByRole('button', { name: 'Create an account' }).click();
    await fillAccount(page, 'Nobody');
    await page.getByText('Accounts here are by invitation').waitFor();
    expect(await page.getByLabel('Invitation').count()).toBe(1);
    await expectAccessible(page);
  });

  test(
    'the link of an invitation leads to the form, and leaves no trace in the address',
    TEST,
    async () => {
      const { page } = await web.visit({ path: `/#invite=${invitation}` });
      await fillAccount(page, 'Guest');
      const goOn = page.getByRole('button', { name: 'Continue' });
      await goOn.waitFor();
      await expectAccessible(page);
      expect(page.url()).not.toContain('invite');
      expect(await goOn.isDisabled()).toBe(true);
      await page.getByLabel('I have kept it').check();
      await goOn.click();
      await page.getByText('No chats yet').waitFor();
    },
  );
});

test('without a connection the page opens, says so, and comes back by itself', TEST, async () => {
  const { page, context } = await web.visit({ path: `/#invite=${invitation}` });
  await enter(page, 'Traveller');
  // What the service worker keeps is whole once it is in charge.
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  await expectInstallable(page);
  await context.setOffline(true);
  await page.goto(`${web.url}/settings/profile`);
  await page.getByRole('heading', { name: 'Profile' }).first().waitFor();
  await page.getByText('No connection.').waitFor();
  await expectAccessible(page);
  await context.setOffline(false);
  await page.getByText('No connection.').waitFor({ state: 'detached' });
});

test('a part whose code cannot be had takes nothing else away', TEST, async () => {
  const path = `/#invite=${invitation}`;
  // The part that is missing, and a registration that the browser's driver leaves out as no browser does.
  const complaint = /settings-pane|reading 'waiting'/;
  const { page } = await web.visit({ path, serviceWorkers: 'block', complaint });
  await enter(page, 'Torn');
  const code = '**/assets/settings-pane*.js';
  await page.route(code, (route) => route.abort());
  await page.getByRole('button', { name: 'Menu' }).click();
  await page.getByRole('menuitem', { name: 'Settings' }).click();
  await page.getByText('This part of Sotto cannot be shown').waitFor();
  await page.getByText('No chats yet').waitFor();
  await expectAccessible(page);
  await page.unroute(code);
  await page.getByRole('button', { name: 'Reload' }).click();
  await page.getByRole('link', { name: 'Profile' }).waitFor();
});

test(
  'a second tab shows the same account, and goes on when the first is closed',
  TEST,
  async () => {
    const first = await web.visit({ path: `/#invite=${invitation}` });
    await enter(first.page, 'Twin');
    const second = await first.context.newPage();
    await second.goto(web.url);
    await second.getByText('No chats yet').waitFor();
    await first.page.close();
    await second.reload();
    await second.getByText('No chats yet').waitFor();
  },
);

test('a new release waits until it is wanted, and is the whole page then', TEST, async () => {
  const { page, context } = await web.visit({ path: `/#invite=${invitation}` });
  await enter(page, 'Patient');
  // In charge from the first visit on, or there would be nothing to replace.
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
  const other = await context.newPage();
  await other.goto(web.url);
  await other.getByText('No chats yet').waitFor();
  await web.restart(async () => release('next'));
  await page.reload();
  await page.getByText('A new version of Sotto is here.').waitFor();
  await expectAccessible(page);
  expect(await page.locator('meta[name=release]').count()).toBe(0);
  await page.getByRole('button', { name: 'Update' }).click();
  // Whichever tab has asked for it, all go on with the new one.
  for (const tab of [page, other]) {
    await tab.locator('meta[name=release][content=next]').waitFor({ state: 'attached' });
    await tab.getByText('No chats yet').waitFor();
  }
});

test('by plain HTTP and another name, the page says why it does not begin', TEST, async () => {
  const origin = web.url.replace('localhost', 'chat.test');
  const { page } = await web.visit({ origin, complaint: /The Cross-Origin-Opener-Policy/ });
  await page.getByText('This address is not safe enough').waitFor();
  await page.getByRole('link', { name: `${origin.replace('http:', 'https:')}/` }).waitFor();
  await expectAccessible(page);
});

/** Fails unless the browser would offer to install the page, were this no private window. */
async function expectInstallable(page: Page): Promise<void> {
  const browser = await page.context().newCDPSession(page);
  const { errors, url } = await browser.send('Page.getAppManifest');
  expect({ errors, path: new URL(url).pathname }).toEqual({
    errors: [],
    path: '/manifest.webmanifest',
  });
  const { installabilityErrors: all } = await browser.send('Page.getInstallabilityErrors');
  const others = all.map(({ errorId }) => errorId).filter((error) => error !== 'in-incognito');
  expect(others).toEqual([]);
  await browser.detach();
}

/** Makes another release of the page, as a build of other sources would. */
function release(name: string): void {
  const change = (file: string, from: RegExp, to: string) => {
    const path = join(folder, file);
    const text = readFileSync(path, 'utf8');
    expect(text).toMatch(from);
    writeFileSync(path, text.replace(from, to));
  };
  change('index.html', /<title>/, `<meta name="release" content="${name}"><title>`);
  change('service-worker.js', /"version":"\w+"/, `"version":"${name}"`);
}

async function fillAccount(page: Page, username: string): Promise<void> {
  await page.getByLabel('Username').fill(username);
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Create account' }).click();
}

async function enter(page: Page, username: string): Promise<void> {
  await fillAccount(page, username);
  await page.getByLabel('I have kept it').check();
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByText('No chats yet').waitFor();
}
