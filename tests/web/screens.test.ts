/** Each screen of the web client as people with disabilities meet it, light and dark, and where the page cannot begin. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { waitFor } from '../daemon.ts';
import {
  atHome,
  expectAccessibleInBothThemes,
  expectNoFaults,
  expectWithinWindow,
  openWeb,
  register,
  TIMEOUT_MS,
  type Visit,
  type Web,
} from './browser.ts';

const TEST = { timeout: 180_000 };

let web: Web;

beforeAll(async () => {
  web = await openWeb();
});
afterAll(() => web?.close());

test('the entrance can be used by everybody', TEST, async () => {
  const visit = await web.visit({ viewport: { width: 390, height: 844 } });
  const { page } = visit;
  await expectAccessibleInBothThemes(page);
  await page.getByRole('button', { name: 'Create an account' }).click();
  await page.getByRole('button', { name: 'Create account' }).click();
  await expectAccessibleInBothThemes(page);
  await page.getByRole('button', { name: 'Back' }).click();
  await page.getByRole('button', { name: 'I have an account' }).click();
  await expectAccessibleInBothThemes(page);
  for (const way of ['Another device of mine', 'A backup', 'Only my password']) {
    await page.getByRole('button', { name: way }).click();
    await page.getByRole('heading', { level: 1 }).waitFor();
    await expectAccessibleInBothThemes(page);
    await page.getByRole('button', { name: 'Back' }).click();
  }
  expectNoFaults(visit);
});

describe('somebody who is in', () => {
  let visit: Visit;

  beforeAll(async () => {
    visit = await web.visit();
    await register(visit.page, 'Alma');
  }, TEST.timeout);

  test('can use their settings', TEST, async () => {
    const { page } = visit;
    await expectAccessibleInBothThemes(page);
    for (const name of ['Profile', 'Devices', 'Privacy', 'Notifications', 'Appearance', 'Backup']) {
      await openSettings(page, name);
      await expectAccessibleInBothThemes(page);
    }
    await page.getByRole('button', { name: 'Make 24 words' }).click();
    await page.getByRole('list', { name: 'Your 24 words' }).waitFor();
    await expectAccessibleInBothThemes(page);
    await page.keyboard.press('Escape');
    await openSettings(page, 'Account');
    await expectAccessibleInBothThemes(page);
    await page.getByRole('button', { name: 'Delete account' }).click();
    await expectAccessibleInBothThemes(page);
    await page.keyboard.press('Escape');
    expectNoFaults(visit);
  });

  test('can let strangers in, talk with them and compare numbers', TEST, async () => {
    const { page } = visit;
    const friend = await web.befriend('Zora');
    const alma = await untilFound(() => friend.findUser('Alma'));
    const { id } = await friend.openDirect(alma.user);
    await friend.sendText(id, 'we have not met');
    await page.goto(`${web.url}/requests`);
    await page.getByText('we have not met').first().waitFor();
    await expectAccessibleInBothThemes(page);
    await page.getByRole('button', { name: 'Block or report' }).click();
    await page.getByRole('switch', { name: 'Also report' }).click();
    await page.getByRole('checkbox', { name: 'we have not met' }).check();
    await expectAccessibleInBothThemes(page);
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Accept' }).click();
    await page.getByRole('log').getByText('we have not met').waitFor();
    await expectAccessibleInBothThemes(page);
    const me = await friend.me();
    await page.goto(`${web.url}/safety/${me?.user}`);
    await page.getByRole('list', { name: 'Your safety number' }).waitFor();
    await expectAccessibleInBothThemes(page);
    expectNoFaults(visit);
  });

  test('finds everything within the window from right to left', TEST, async () => {
    const { page } = visit;
    for (const width of [390, 1280]) {
      await page.setViewportSize({ width, height: 844 });
      for (const path of ['/', '/settings', '/settings/devices', '/requests']) {
        await page.goto(web.url + path);
        await atHome(page);
        await page.evaluate(() => document.documentElement.setAttribute('dir', 'rtl'));
        await page.getByRole('heading').first().waitFor();
        await expectWithinWindow(page);
      }
    }
  });

  test('is told why they are not notified where the browser forbids it', TEST, async () => {
    const { page } = visit;
    // What is not granted is denied from then on.
    await visit.context.grantPermissions([]);
    await openSettings(page, 'Notifications');
    const toggle = page.getByRole('switch', { name: 'Notifications' });
    await page.getByText('Your browser does not let this page notify you').waitFor();
    expect(await toggle.isDisabled()).toBe(true);
    await visit.context.grantPermissions(['notifications']);
    await page.reload();
    await waitFor(() => toggle.isEnabled(), TIMEOUT_MS);
    await visit.context.clearPermissions();
  });
});

test('an address that browsers do not trust says what to do instead', TEST, async () => {
  const origin = web.url.replace(/\/\/[^:/]+/, '//chat.test');
  const visit = await web.visit({ origin });
  const { page } = visit;
  await page.getByRole('heading', { name: 'This address is not safe enough' }).waitFor();
  await page.getByText('npm start -- --lan').waitFor();
  await expectAccessibleInBothThemes(page);
  // The browser's own word on the same: it ignores what it is told over such a connection.
  const ours = visit.faults.filter((fault) => !fault.startsWith('The Cross-Origin-Opener-Policy'));
  expect(ours).toEqual([]);
});

async function openSettings(page: Page, name: string): Promise<void> {
  if (!page.url().includes('/settings')) await page.goto(`${web.url}/settings`);
  await atHome(page);
  await page.getByRole('navigation', { name: 'Settings' }).getByRole('link', { name }).click();
  await page.getByRole('heading', { level: 2, name }).waitFor();
}

/** A name that is seconds old may not be known yet. */
async function untilFound<T>(find: () => Promise<T | undefined>): Promise<T> {
  let found: T | undefined;
  await waitFor(async () => {
    found = await find();
    return found !== undefined;
  }, TIMEOUT_MS);
  return found ?? expect.fail('nobody was found');
}
