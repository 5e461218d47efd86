/** Everything that the web client asks, warns of and lays over a screen: looked at by day and by night, and what comes of it. */
import { type Client, createClient, openMemoryStore } from '@sotto/client';
import { nodeProvider } from '@sotto/crypto/node';
import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import {
  atHome,
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
});

test(
  'messages go away when they are told to, and nothing comes from who is blocked',
  TEST,
  async () => {
    const { page } = olga;
    const conversation = await conversationWith(pia, 'Olga');
    await openMenu(page, 'Conversation menu');
    await look(page);
    const timing = await chooseDialog(page, 'Disappearing messages', 'Disappearing messages');
    await timing.getByRole('radio', { name: 'After 30 seconds' }).check();
    await timing.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('img', { name: 'Disappearing messages are on' }).waitFor();
    await expect.poll(() => timersIn(pia, conversation), { timeout: TIMEOUT_MS }).toEqual([30]);
    await pia.setTimer(conversation, 2);
    await pia.sendText(conversation, 'in a flash');
    await lineOf(page, 'in a flash').waitFor();
    await lineOf(page, 'in a flash').waitFor({ state: 'detached' });
    await pia.setTimer(conversation, null);

    await openMenu(page, 'Conversation menu');
    await choose(page, 'Mute notifications');
    await openMenu(page, 'Conversation menu');
    await choose(page, 'Unmute');

    await openMenu(page, 'Conversation menu');
    const blocking = await chooseDialog(page, 'Block or report', 'Block Pia?');
    await blocking.getByRole('switch', { name: 'Also report' }).click();
    await blocking.getByRole('checkbox', { name: 'and to you' }).check();
    await blocking.getByRole('button', { name: 'Report and block' }).click();
    await page.getByText('Reported and blocked').waitFor();
    const unread = await pia.sendText(conversation, 'can you read this?');
    await pia.whenStored(unread.id);
    await page.goto(`${web.url}/settings/privacy`);
    await page.getByRole('button', { name: 'Unblock' }).click();
    await page.getByText('Nobody is blocked').waitFor();
    await page.goto(web.url);
    await openChat(page, 'Pia');
    await pia.sendText(conversation, 'and now?');
    await lineOf(page, 'and now?').waitFor();
    expect(await lineOf(page, 'can you read this?').count()).toBe(0);
  },
);

test('what others see of somebody is what they have chosen', TEST, async () => {
  const { page } = olga;
  const { user } = (await pia.findUser('Olga')) ?? expect.fail('Olga is gone');
  await page.goto(`${web.url}/settings/profile`);
  await page.getByLabel('Name that others see').fill('Olga of the Oaks');
  await page.getByRole('button', { name: 'Save name' }).click();
  await page.getByText('Your name is saved').waitFor();
  const picture = { name: 'me.png', mimeType: 'image/png', buffer: await page.screenshot() };
  await page.getByLabel('Picture file').setInputFiles(picture);
  await page.getByRole('img', { name: 'What others will see' }).waitFor();
  await look(page);
  await page.getByRole('button', { name: 'Use picture' }).click();
  await page.getByText('Your picture is saved').waitFor();
  const seen = () => pia.people.profile(user);
  const chosen = { name: 'Olga of the Oaks', hasPicture: true };
  await expect.poll(seen, { timeout: TIMEOUT_MS }).toMatchObject(chosen);
  await page.getByRole('button', { name: 'Remove' }).click();
  await expect.poll(seen, { timeout: TIMEOUT_MS }).toMatchObject({ hasPicture: false });

  await page.goto(`${web.url}/settings/appearance`);
  await page.getByRole('radio', { name: 'Dark' }).check();
  const ink = () => page.evaluate(() => getComputedStyle(document.body).color);
  const light = await ink();
  await page.reload();
  await expect.poll(ink).toBe(light);
  await page.getByRole('radio', { name: 'Light' }).check();
  await expect.poll(ink).not.toBe(light);
  await page.getByRole('radio', { name: 'As this device' }).check();
  await page.goto(web.url);
  await openChat(page, 'Pia');
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
  await menu.click();
  await choose(page, 'Unlink');
  await lookAtDialog(page, 'Unlink this device?');
  await menu.click();
  const renaming = await chooseDialog(page, 'Rename', 'Rename device');
  await renaming.getByLabel('Name', { exact: true }).fill('Slate');
  await renaming.getByRole('button', { name: 'Save' }).click();
  await row.filter({ hasText: 'Slate' }).waitFor();

  await page.getByRole('button', { name: 'End all sessions' }).click();
  await lookAtDialog(page, 'End all sessions?');
  const isOut = new Promise((resolve) => tablet.on('logged-out', resolve));
  await tablet.connect();
  await page.reload();
  await page.getByRole('button', { name: 'End the session of Slate' }).click();
  await page.getByText('The session is ended').waitFor();
  await isOut;
  const isWarned = new Promise((resolve) => pia.on('identity-changed', resolve));
  await row.filter({ hasText: 'Slate' }).getByRole('button').click();
  const losing = await chooseDialog(page, 'Lost or stolen', 'Lost or stolen');
  await losing.getByLabel('Your password', { exact: true }).fill(PASSWORD);
  await losing.getByRole('button', { name: 'Make a new identity' }).click();
  await row.filter({ hasText: 'Slate' }).waitFor({ state: 'detached' });
  await isWarned;
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
  await page.getByRole('button', { name: 'Forgot your password?' }).click();
  await page.getByRole('heading', { name: 'Set a new password' }).waitFor();
  await look(page);
  await page.getByRole('button', { name: 'Use another account' }).click();
  await page.getByRole('dialog', { name: 'Remove Olga from this browser?' }).waitFor();
  await look(page);
  await page.getByRole('button', { name: 'Remove', exact: true }).click();

  // Nothing of it is here any more: the password alone begins anew.
  await page.getByRole('button', { name: 'I have an account' }).click();
  await page.getByRole('button', { name: 'Only my password' }).click();
  await page.getByLabel('Username').fill('Olga');
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Log in' }).click();
  await atHome(page);
  await beginChat(page, 'Pia');
  await say(page, 'it is me again');
  const conversation = await conversationWith(pia, 'Olga');
  await eventually(async () => {
    const lines = await pia.lines(conversation);
    expect(lines.at(-1)?.body.type).toBe('unreadable');
  });
  const { user } = (await pia.findUser('Olga')) ?? expect.fail('Olga is gone');
  await pia.acceptIdentity(user, (await pia.safetyNumber(user)).digits);
  await say(page, 'and nobody else');
  await cameTo(pia, conversation, 'and nobody else');
  expect(await lineOf(page, 'good morning').count()).toBe(0);
});

/** Looks at a dialog that opens, and closes it. */
async function lookAtDialog(page: Page, title: string): Promise<void> {
  const dialog = page.getByRole('dialog', { name: title });
  await dialog.waitFor();
  await look(page);
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
}

/** What a friend was told about how long messages stay. */
async function timersIn(friend: Client, conversation: Parameters<Client['history']>[0]) {
  const items = await friend.history(conversation);
  return items.flatMap((item) =>
    item.type === 'message' && item.content.type === 'timer' ? [item.content.seconds] : [],
  );
}

/** Opens a dialog by the item of an open menu, and looks at it. */
async function chooseDialog(page: Page, item: string, title: string): Promise<Locator> {
  await choose(page, item);
  const dialog = page.getByRole('dialog', { name: title });
  await dialog.waitFor();
  await look(page);
  return dialog;
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
