/** Each screen of the web client as people with disabilities meet it, light and dark, and where the page cannot begin. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { waitFor } from '../daemon.ts';
import {
  atHome,
  expectAccessibleInBothThemes,
  expectWithinWindow,
  openWeb,
  register,
  TIMEOUT_MS,
  type Visit,
  type Web,
} from './browser.ts';
import { expectShown, notifications, type WorkerScope, workerThatCounts } from './notifications.ts';

const TEST = { timeout: 180_000 };

let web: Web;

beforeAll(async () => {
  web = await openWeb();
});
afterAll(() => web?.close());

test('the entrance can be used by everybody', TEST, async () => {
  const { page } = await web.visit({ viewport: { width: 390, height: 844 } });
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

  test(
    'turns notifications on, and a push tells of nothing but that something came',
    TEST,
    async () => {
      const { page, context } = visit;
      await context.grantPermissions(['notifications']);
      await page.evaluate(standInForPushService, PUSH_ENDPOINT);
      const told = context.waitForEvent('request', (one) =>
        one.url().endsWith('/push/subscription'),
      );
      await page.getByRole('switch', { name: 'Notifications' }).click();
      const request = await told;
      expect(request.postDataJSON()).toEqual({ endpoint: PUSH_ENDPOINT });
      expect((await request.response())?.status()).toBe(204);
      await page.getByRole('switch', { name: 'Notifications', checked: true }).waitFor();

      const worker = await workerThatCounts(context);
      const shown = { title: 'Sotto', body: 'You have new messages', tag: 'messages', data: null };
      const isShown = async (count: number) => {
        await deliverPush(page, 'what a dishonest server would like to say');
        await expectShown(worker, count);
        expect(await notifications(worker)).toEqual([shown]);
      };
      await isShown(1);
      expect(await worker.evaluate(clickOnNotification)).toBe('focus');
      expect(await notifications(worker)).toEqual([]);
      await isShown(2);
      await page.close();
      expect(await worker.evaluate(clickOnNotification)).toBe('open /');
    },
  );
});

test('an address that browsers do not trust says what to do instead', TEST, async () => {
  const origin = web.url.replace(/\/\/[^:/]+/, '//chat.test');
  // The browser's own word on the same: it ignores what it is told over such a connection.
  const { page } = await web.visit({ origin, complaint: /The Cross-Origin-Opener-Policy/ });
  await page.getByRole('heading', { name: 'This address is not safe enough' }).waitFor();
  await page.getByText('npm start -- --lan').waitFor();
  await expectAccessibleInBothThemes(page);
});

/** An address as Chromium has them. Nobody asks there: who is connected is not woken. */
const PUSH_ENDPOINT = 'https://fcm.googleapis.com/fcm/send/nobody';

/** Runs in the page: subscribes as its browser does, whose push service is not to be reached from here. */
function standInForPushService(endpoint: string): void {
  PushManager.prototype.subscribe = async () =>
    Object.create(PushSubscription.prototype, { endpoint: { value: endpoint } });
}

/** Has the browser hand a push to its service worker. */
async function deliverPush(page: Page, data: string): Promise<void> {
  const browser = await page.context().newCDPSession(page);
  const { promise: registered, resolve } = Promise.withResolvers<string>();
  browser.on('ServiceWorker.workerRegistrationUpdated', ({ registrations: [one] }) => {
    if (one !== undefined) resolve(one.registrationId);
  });
  await browser.send('ServiceWorker.enable');
  const { origin } = new URL(page.url());
  const registrationId = await registered;
  await browser.send('ServiceWorker.deliverPushMessage', { origin, registrationId, data });
  await browser.detach();
}

/** As far as a click needs it. */
interface ClickedScope extends WorkerScope {
  readonly WindowClient: { readonly prototype: { focus(): Promise<void> } };
  readonly Clients: { readonly prototype: { openWindow(path: string): Promise<null> } };
  readonly NotificationEvent: new (name: string, init: object) => Event;
}

/** Runs in the service worker: clicks on the notification, and gives what is done about it, which only a person's click may do. */
async function clickOnNotification(): Promise<string> {
  const scope = globalThis as typeof globalThis & ClickedScope;
  const { promise: done, resolve } = Promise.withResolvers<string>();
  scope.WindowClient.prototype.focus = async () => resolve('focus');
  scope.Clients.prototype.openWindow = async (path) => {
    resolve(`open ${path}`);
    return null;
  };
  const [notification] = await scope.registration.getNotifications();
  scope.dispatchEvent(new scope.NotificationEvent('notificationclick', { notification }));
  return done;
}

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
