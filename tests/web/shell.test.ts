/** The page before anybody is in, and without a connection: what it loads, what it keeps, whom it lets in. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  expectAccessible,
  expectNoFaults,
  openWeb,
  PASSWORD,
  TIMEOUT_MS,
  type Web,
} from './browser.ts';

const TEST = { timeout: 4 * TIMEOUT_MS };

/** What somebody downloads before they can do something; the letters come beside it. */
const FIRST_LOAD_BYTES_MAX = 250_000;

let web: Web;
/** Shown at the first start, this once. */
let invitation: string;
beforeAll(async () => {
  web = await openWeb({ REGISTRATION_MODE: 'invite' });
  const [, code] = /#invite=(\S+)/.exec(web.platform.output()) ?? [];
  invitation = code ?? expect.fail('no invitation was shown');
});
afterAll(async () => {
  await web?.close();
});

test('the first load is small, and breaks no rule of its policy', TEST, async () => {
  const visit = await web.visit();
  await visit.page.getByRole('button', { name: 'Create an account' }).waitFor();
  const bytes = await visit.page.evaluate(() =>
    performance
      .getEntriesByType('resource')
      .filter((entry) => entry instanceof PerformanceResourceTiming)
      .filter(({ name }) => /\.(js|css)$/.test(name))
      .reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0),
  );
  expect(bytes).toBeGreaterThan(50_000);
  expect(bytes).toBeLessThan(FIRST_LOAD_BYTES_MAX);
  await expectAccessible(visit.page);
  expectNoFaults(visit);
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
      const visit = await web.visit({ path: `/#invite=${invitation}` });
      const { page } = visit;
      await fillAccount(page, 'Guest');
      const goOn = page.getByRole('button', { name: 'Continue' });
      await goOn.waitFor();
      await expectAccessible(page);
      expect(page.url()).not.toContain('invite');
      expect(await goOn.isDisabled()).toBe(true);
      await page.getByLabel('I have kept it').check();
      await goOn.click();
      await page.getByText('No chats yet').waitFor();
      expectNoFaults(visit);
    },
  );
});

test('without a connection the page opens, says so, and comes back by itself', TEST, async () => {
  const { page, context } = await web.visit({ path: `/#invite=${invitation}` });
  await enter(page, 'Traveller');
  // What the service worker keeps is whole once it is in charge.
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  await context.setOffline(true);
  await page.goto(`${web.url}/settings/profile`);
  await page.getByRole('heading', { name: 'Profile' }).first().waitFor();
  await page.getByText('No connection.').waitFor();
  await expectAccessible(page);
  await context.setOffline(false);
  await page.getByText('No connection.').waitFor({ state: 'detached' });
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
    expectNoFaults(first);
  },
);

test('by plain HTTP and another name, the page says why it does not begin', TEST, async () => {
  const origin = web.url.replace('localhost', 'chat.test');
  const { page } = await web.visit({ origin });
  await page.getByText('This address is not safe enough').waitFor();
  await page.getByRole('link', { name: `${origin.replace('http:', 'https:')}/` }).waitFor();
  await expectAccessible(page);
});

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
