/** What comes while somebody looks elsewhere in the web client, how they are told, and what reading it tells. */
import type { Client } from '@sotto/client';
import type { Locator, Page, Worker } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openWeb, register, TIMEOUT_MS, type Visit, type Web } from './browser.ts';
import { expectShown, notifications, workerThatCounts } from './notifications.ts';
import {
  beginChat,
  cameTo,
  composer,
  conversationRow,
  conversationWith,
  eventually,
  lineOf,
  openChat,
  say,
  ticked,
} from './talk.ts';

const TEST = { timeout: 4 * TIMEOUT_MS };
const POLL = { timeout: TIMEOUT_MS };

let web: Web;
/** Whose page it is in all of these. */
let alice: Visit;
let bob: Client;
let withBob: Awaited<ReturnType<typeof meet>>;

beforeAll(async () => {
  web = await openWeb();
  alice = await web.visit();
  await register(alice.page, 'Alice');
  bob = await web.befriend('Bob');
  withBob = await meet(alice.page, bob, 'Bob');
}, TEST.timeout);
afterAll(() => web?.close());

test('what was read shows another tick than what has come', TEST, async () => {
  const { page } = alice;
  await openBob(page);
  await say(page, 'have you got this?');
  await ticked(page, 'have you got this?', 'Delivered');
  const ground = (name: string) =>
    lineOf(page, 'have you got this?')
      .getByRole('img', { name })
      .evaluate((tick) => getComputedStyle(tick).backgroundColor);
  expect(await ground('Delivered')).toBe('rgba(0, 0, 0, 0)');
  await bob.markRead(await cameTo(bob, withBob, 'have you got this?'));
  await ticked(page, 'have you got this?', 'Read');
  expect(await ground('Read')).not.toBe('rgba(0, 0, 0, 0)');
});

test('a message is read though something has happened below it', TEST, async () => {
  const { page } = alice;
  const carol = await web.befriend('Carol');
  const user = (await carol.me())?.user ?? expect.fail('Carol is gone');
  const [, self] = await Promise.all([bob.findUser('Carol'), bob.findUser('Alice')]);
  const members = [self?.user ?? expect.fail('Alice is gone')];
  const { id } = await bob.groups.create({ members, title: 'Hikers' });
  await conversationRow(page, 'Hikers').waitFor();
  await openBob(page);
  const { id: message } = await bob.sendText(id, 'who comes along?');
  await bob.whenStored(message);
  await bob.groups.add(id, [user]);
  const row = conversationRow(page, 'Hikers');
  await row.getByText('Bob added Carol').waitFor();
  await row.getByText('1 unread').waitFor();
  await openChat(page, 'Hikers');
  await row.getByText('unread').waitFor({ state: 'detached' });
});

test('every tab says in its title how much is unread, but not of what is muted', TEST, async () => {
  const first = alice.page;
  const second = await alice.context.newPage();
  for (const page of [first, second]) await page.goto(web.url);
  await bob.sendText(withBob, 'one');
  for (const page of [first, second]) await expect.poll(() => page.title(), POLL).toBe('(1) Sotto');
  await openBob(second);
  for (const page of [first, second]) await expect.poll(() => page.title(), POLL).toBe('Sotto');
  await second.getByRole('button', { name: 'Conversation menu' }).click();
  await second.getByRole('menuitem', { name: 'Mute notifications' }).click();
  await bobsRow(second).getByLabel('Muted').waitFor();
  await second.goto(web.url);
  await bobsRow(second).getByLabel('Muted').waitFor();
  await bob.sendText(withBob, 'two');
  await bobsRow(second).getByText('1 unread').waitFor();
  expect(await second.title()).toBe('Sotto');
  await openBob(second);
  await second.getByRole('button', { name: 'Conversation menu' }).click();
  await second.getByRole('menuitem', { name: 'Unmute' }).click();
  await bobsRow(second).getByLabel('Muted').waitFor({ state: 'detached' });
  await second.close();
});

test(
  'a page that nobody looks at tells that something has come, and nothing of what',
  TEST,
  async () => {
    const nora = await web.visit();
    const { page, context } = nora;
    await register(page, 'Nora');
    await beginChat(page, 'Bob');
    await say(page, 'hello from Nora');
    const conversation = await conversationWith(bob, 'Nora');
    await cameTo(bob, conversation, 'hello from Nora');
    await bob.people.accept(conversation);
    await context.grantPermissions(['notifications'], { origin: web.url });
    await page.goto(web.url);
    await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
    await bobsRow(page).waitFor();
    const self = await bob.findUser('Nora');
    await turnOn(page, self?.user ?? expect.fail('Nora is gone'));
    const unread = async (count: number) => {
      await bob.sendText(conversation, `secret ${count}`);
      await expect.poll(() => page.title(), POLL).toBe(`(${count}) Sotto`);
    };
    await unread(1);
    await page.evaluate(() => {
      document.hasFocus = () => false;
    });
    // As far as the browser knows, another page of ours is looked at.
    await unread(2);
    const worker = await workerThatCounts(context);
    expect(await notifications(worker)).toEqual([]);
    await lookAway(worker);
    await unread(3);
    await expectShown(worker, 1);
    const told = { title: 'Sotto', body: 'You have new messages', tag: 'messages' };
    expect(await notifications(worker)).toMatchObject([told]);
  },
);

test(
  'a stranger is blocked from their request, which goes, and by the same word in the chat',
  TEST,
  async () => {
    const { page } = alice;
    const [mallory, trudy] = [await web.befriend('Mallory'), await web.befriend('Trudy')];
    for (const stranger of [mallory, trudy]) {
      const conversation = await conversationWith(stranger, 'Alice');
      await stranger.sendText(conversation, 'buy my things');
    }
    await page.goto(`${web.url}/requests`);
    const requests = page.getByRole('main').getByRole('listitem');
    const one = requests.filter({ hasText: 'Mallory' });
    await one.waitFor();
    expect(await one.getByRole('button').allTextContents()).toEqual(['Accept', 'Block or report']);
    await one.getByRole('button', { name: 'Block or report' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Block', exact: true }).click();
    await one.waitFor({ state: 'detached' });
    const { id } = await eventually(async () => {
      const [open] = (await trudy.conversations()).filter(({ kind }) => kind === 'direct');
      return open ?? expect.fail('nothing was begun');
    });
    await page.goto(`${web.url}/c/${id}`);
    const bar = page.getByRole('region', { name: 'Message request' });
    await bar.getByRole('button', { name: 'Block', exact: true }).click();
    await page.getByText('Blocked. They are not told.').waitFor();
    await page.goto(`${web.url}/requests`);
    await page.getByText('No requests').waitFor();
    expect(await composer(page).count()).toBe(0);
  },
);

/** A chat from the page to a friend, who has accepted it. */
async function meet(page: Page, friend: Client, name: string) {
  await beginChat(page, name);
  await say(page, 'hello');
  const conversation = await conversationWith(friend, 'Alice');
  await cameTo(friend, conversation, 'hello');
  await friend.people.accept(conversation);
  return conversation;
}

/** The line of the chat with Bob, who is named in the lines of groups as well. */
function bobsRow(page: Page): Locator {
  return page.getByRole('list', { name: 'Conversations' }).getByRole('link', { name: /^Bob / });
}

async function openBob(page: Page): Promise<void> {
  await bobsRow(page).click();
  await page.getByRole('log').waitFor();
}

/** As the switch in the settings does, which wants a push service. */
function turnOn(page: Page, user: string): Promise<void> {
  return page.evaluate((key) => localStorage.setItem(key, 'on'), `sotto/notifications/${user}`);
}

/** To the service worker all pages that a test drives have the focus. */
function lookAway(worker: Worker): Promise<void> {
  return worker.evaluate(() => {
    const { WindowClient } = globalThis as typeof globalThis & {
      WindowClient: { prototype: object };
    };
    Object.defineProperty(WindowClient.prototype, 'focused', { get: () => false });
  });
}
