/** Everything that the web client asks, warns of and lays over a screen, as people with disabilities meet it, light and dark. */
import { type Client, createClient, openMemoryStore } from '@sotto/client';
import { nodeProvider } from '@sotto/crypto/node';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import {
  expectNoFaults,
  keptOffline,
  expectAccessibleInBothThemes as look,
  openWeb,
  PASSWORD,
  register,
  TIMEOUT_MS,
  type Visit,
  type Web,
} from './browser.ts';
import {
  beginChat,
  cameTo,
  chooseFor,
  conversationWith,
  eventually,
  foundGroup,
  lineOf,
  openChat,
  openGroupInfo,
  say,
} from './talk.ts';

const TEST = { timeout: 6 * TIMEOUT_MS };
const DAY_MS = 24 * 60 * 60 * 1_000;

let web: Web;
/** Whose page is looked at, in all of these. */
let olga: Visit;
let pia: Client;

beforeAll(async () => {
  web = await openWeb();
  olga = await web.visit();
  await register(olga.page, 'Olga');
  pia = await web.befriend('Pia');
  await beginChat(olga.page, 'Pia');
  await say(olga.page, 'good morning');
  const conversation = await conversationWith(pia, 'Olga');
  await cameTo(pia, conversation, 'good morning');
  await pia.people.accept(conversation);
  await pia.sendText(conversation, 'and to you');
  await lineOf(olga.page, 'and to you').waitFor();
}, TEST.timeout);
afterAll(() => web?.close());

test('what can be done with a message, a file and a chat', TEST, async () => {
  const { page } = olga;
  const line = lineOf(page, 'good morning');
  await line.hover();
  await line.getByRole('button', { name: 'React' }).click();
  await look(page);
  await page.keyboard.press('Escape');
  await line.hover();
  await line.getByRole('button', { name: 'More' }).click();
  await look(page);
  await page.keyboard.press('Escape');
  await chooseFor(line, 'Delete');
  await lookAtDialog(page, 'Delete this message?');
  // The pointer lies where it lay: nothing is pointed at before it moves.
  await page.mouse.move(0, 0);
  await chooseFor(line, 'Edit');
  await look(page);
  await page.keyboard.press('Escape');

  const picture = { name: 'hill.png', mimeType: 'image/png', buffer: await page.screenshot() };
  await page.getByLabel('Files to send').setInputFiles(picture);
  await page.getByRole('dialog', { name: 'Send this file?' }).waitFor();
  await look(page);
  await page.getByRole('dialog').getByRole('button', { name: 'Send', exact: true }).click();
  await page.getByRole('button', { name: 'Open hill.png' }).click();
  await page.getByRole('dialog', { name: 'hill.png' }).getByRole('img').waitFor();
  await lookAtDialog(page, 'hill.png');

  await openMenu(page, 'Conversation menu');
  await look(page);
  await choose(page, 'Disappearing messages');
  await lookAtDialog(page, 'Disappearing messages');
  await openMenu(page, 'Conversation menu');
  await choose(page, 'Block or report');
  await lookAtDialog(page, 'Block Pia?');
  expectNoFaults(olga);
});

test('a chat that begins, and a group from its founding to its end', TEST, async () => {
  const { page } = olga;
  await page.getByRole('button', { name: 'New chat' }).click();
  const begin = page.getByRole('dialog', { name: 'New chat' });
  await begin.getByRole('textbox', { name: 'To' }).fill('Nobody');
  await begin.getByText('Nobody here is called').waitFor();
  await lookAtDialog(page, 'New chat');
  await openMenu(page, 'Menu');
  await choose(page, 'New group');
  await page.getByRole('dialog').getByRole('button', { name: 'Create group' }).click();
  await lookAtDialog(page, 'New group');

  await foundGroup(page, 'Choir', ['Pia']);
  await openGroupInfo(page);
  await look(page);
  await openMenu(page, 'What to do with this member');
  await look(page);
  await page.keyboard.press('Escape');
  const steps = { 'Add people': 'Add people', Rename: 'Rename the group' };
  for (const [button, title] of Object.entries(steps)) {
    await page.getByRole('dialog').getByRole('button', { name: button }).click();
    await page.getByRole('dialog', { name: title }).waitFor();
    await look(page);
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  }
  await page.getByRole('dialog').getByRole('button', { name: 'Leave', exact: true }).click();
  await page.getByRole('dialog', { name: 'Leave this group?' }).waitFor();
  await look(page);
  await page.getByRole('dialog').getByRole('button', { name: 'Leave', exact: true }).click();
  await page.getByText('You are no longer in this group.').waitFor();
  await look(page);
  expectNoFaults(olga);
});

test('a warning stands until somebody has seen it, also after a reload', TEST, async () => {
  const { page } = olga;
  const clock = () => Date.now() + 2 * DAY_MS;
  const provider = nodeProvider;
  const theo = createClient({ url: web.url, store: openMemoryStore(), provider, clock });
  onTestFinished(() => theo.close());
  await theo.register({ username: 'Theo', password: PASSWORD });
  await theo.connect(); // Its devices are signed now, by this clock.
  await beginChat(page, 'Theo');
  await say(page, 'is it tomorrow where you are?');
  const doubt = page.getByRole('status').filter({ hasText: 'has a device whose clock is wrong' });
  await doubt.waitFor();
  await look(page);
  await page.reload();
  await doubt.getByRole('button', { name: 'Understood' }).click();
  await doubt.waitFor({ state: 'detached' });
  await page.reload();
  await lineOf(page, 'is it tomorrow where you are?').waitFor();
  expect(await doubt.count()).toBe(0);
  await openChat(page, 'Pia');
});

test('an identity that has changed, and changes again while it is looked at', TEST, async () => {
  const { page } = olga;
  const number = page.getByRole('list', { name: 'Your safety number' });
  const shown = async () => (await number.textContent())?.replaceAll(/\s/g, '');
  const digits = async () => {
    const user = await pia.findUser('Olga');
    return (await pia.safetyNumber(user?.user ?? expect.fail('Olga is gone'))).digits;
  };
  await renew(pia);
  await page.getByText('has changed. They may have a new phone').waitFor();
  await look(page);
  await page.getByRole('button', { name: 'Compare' }).click();
  await number.waitFor();
  const first = await digits();
  expect(await shown()).toBe(first);
  await page.getByLabel('Their number').fill(first);
  await page.getByText('The numbers match').waitFor();
  await look(page);

  await renew(pia);
  await page.getByText('The number has changed while you looked at it').waitFor();
  const second = await digits();
  expect(second).not.toBe(first);
  await expect.poll(shown).toBe(second);
  // What was compared with the one before counts for nothing.
  expect(await page.getByLabel('Their number').inputValue()).toBe('');
  await look(page);
  await page.getByRole('button', { name: 'Accept this number' }).click();
  await page.getByText('Messages go to Pia again').waitFor();
  await page.getByRole('button', { name: 'Accept this number' }).waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Back' }).click();
  await say(page, 'with your newest keys');
  await cameTo(pia, await conversationWith(pia, 'Olga'), 'with your newest keys');
  expectNoFaults(olga);
});

test('devices, sessions and the account', TEST, async () => {
  const { page } = olga;
  const tablet = createClient({ url: web.url, store: openMemoryStore(), provider: nodeProvider });
  const link = await tablet.beginLink();
  await page.goto(`${web.url}/settings/devices`);
  await page.getByLabel('Code of the new device').fill(link.code);
  await page.getByRole('button', { name: 'Link device' }).click();
  const linking = page.getByRole('dialog', { name: 'Link this device?' });
  await linking.getByLabel('Name of the device').fill('Tablet');
  await look(page);
  await linking.getByRole('button', { name: 'Link', exact: true }).click();
  await link.completed;
  const row = page.getByRole('list', { name: 'Your devices' }).getByRole('listitem');
  const menu = row.filter({ hasText: 'Tablet' }).getByRole('button');
  await menu.click();
  await look(page);
  await page.keyboard.press('Escape');
  const changes = { Rename: 'Rename device', Unlink: 'Unlink this device?' };
  for (const [item, title] of Object.entries({ ...changes, 'Lost or stolen': 'Lost or stolen' })) {
    await menu.click();
    await choose(page, item);
    await lookAtDialog(page, title);
  }
  await page.getByRole('button', { name: 'End all sessions' }).click();
  await lookAtDialog(page, 'End all sessions?');
  await tablet.close();

  await page
    .getByRole('navigation', { name: 'Settings' })
    .getByRole('link', { name: 'Account' })
    .click();
  await page.getByRole('button', { name: 'Change password' }).click();
  await lookAtDialog(page, 'Change password');
  await page.getByRole('button', { name: 'Make a new code' }).click();
  const renewing = page.getByRole('dialog', { name: 'New recovery code' });
  await renewing.getByLabel('Your password', { exact: true }).fill(PASSWORD);
  await renewing.getByRole('button', { name: 'Make code' }).click();
  await page.getByRole('dialog', { name: 'Your new recovery code' }).waitFor();
  await lookAtDialog(page, 'Your new recovery code');
  expectNoFaults(olga);
});

test('no connection, somebody else in the account, and the way out', TEST, async () => {
  const { page, context } = olga;
  await keptOffline(page);
  await context.setOffline(true);
  await page.reload();
  await page.getByText('No connection.').waitFor();
  await look(page);
  await context.setOffline(false);
  await page.getByText('No connection.').waitFor({ state: 'detached' });

  // Not linked, so it makes an identity of its own.
  const other = createClient({ url: web.url, store: openMemoryStore(), provider: nodeProvider });
  await other.login({ username: 'Olga', password: PASSWORD });
  await other.connect();
  await page.getByText('Somebody else has made keys for your account').waitFor();
  await look(page);
  await page.getByRole('button', { name: 'What to do' }).click();
  await lookAtDialog(page, 'Your account has another identity');
  await other.close();

  await page.getByRole('button', { name: 'Log out' }).click();
  await page.getByRole('dialog', { name: 'Log out?' }).waitFor();
  await look(page);
  await page.getByRole('dialog').getByRole('button', { name: 'Log out' }).click();
  await page.getByRole('button', { name: 'Use another account' }).click();
  await lookAtDialog(page, 'Remove Olga from this browser?');
  await page.getByRole('button', { name: 'Forgot your password?' }).click();
  await page.getByRole('heading', { name: 'Set a new password' }).waitFor();
  await look(page);
});

/** Looks at a dialog that opens, and closes it. */
async function lookAtDialog(page: Page, title: string): Promise<void> {
  const dialog = page.getByRole('dialog', { name: title });
  await dialog.waitFor();
  await look(page);
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
}

function openMenu(page: Page, name: string): Promise<void> {
  return page.getByRole('button', { name, exact: true }).click();
}

function choose(page: Page, item: string): Promise<void> {
  return page.getByRole('menuitem', { name: item }).click();
}

/** Makes a new identity, and says something with it. */
async function renew(client: Client): Promise<void> {
  await client.login({ username: 'Pia', password: PASSWORD });
  await client.renewIdentity();
  const conversation = await conversationWith(client, 'Olga');
  await eventually(async () => {
    const { id } = await client.sendText(conversation, 'with other keys');
    await client.whenStored(id);
  });
}
