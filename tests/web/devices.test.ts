/** An account on several devices in the web client: linked, lost, restored, and known by its safety number. */
import { readFileSync } from 'node:fs';
import type { Client } from '@sotto/client';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { waitFor } from '../daemon.ts';
import { atHome, openWeb, PASSWORD, register, TIMEOUT_MS, type Web } from './browser.ts';

const TEST = { timeout: 120_000 };

let web: Web;

beforeAll(async () => {
  web = await openWeb();
});
afterAll(() => web?.close());

test('a second browser is linked by its code, with what was said before', TEST, async () => {
  const first = await web.visit();
  await register(first.page, 'Alice');
  const friend = await web.befriend('Frieda');
  await writeTo(friend, 'Alice', 'from before the link');
  await acceptRequest(first.page);
  await first.page.getByText('from before the link').first().waitFor();

  const second = await web.visit();
  await second.page.getByRole('button', { name: 'I have an account' }).click();
  await second.page.getByRole('button', { name: 'Another device of mine' }).click();
  const code = await second.page.locator('code').filter({ hasText: 'sotto-link:' }).textContent();
  await goTo(first.page, '/settings/devices');
  await first.page.getByLabel('Code of the new device').fill(code ?? '');
  await first.page.getByRole('button', { name: 'Link device' }).click();
  const dialog = first.page.getByRole('dialog', { name: 'Link this device?' });
  await dialog.getByLabel('Name of the device').fill('Tablet');
  await dialog.getByRole('button', { name: 'Link', exact: true }).click();
  await second.page.getByRole('button', { name: 'That is me' }).click();
  await atHome(second.page);
  await first.page.getByRole('list', { name: 'Your devices' }).getByText('Tablet').waitFor();
  await second.page.getByText('from before the link').first().waitFor();

  const devices = first.page.getByRole('list', { name: 'Your devices' });
  await devices.getByRole('button', { name: 'Actions for Tablet' }).click();
  await first.page.getByRole('menuitem', { name: 'Unlink' }).click();
  await first.page.getByRole('button', { name: 'Unlink', exact: true }).click();
  await devices.getByText('Tablet').waitFor({ state: 'detached' });
  await second.page.getByRole('button', { name: 'Log in' }).waitFor();
});

test('a backup brings messages and the safety number into an empty browser', TEST, async () => {
  const old = await web.visit({ acceptDownloads: true });
  await register(old.page, 'Berta');
  const friend = await web.befriend('Gustav');
  const { user } = await found(friend, 'Berta');
  await writeTo(friend, 'Berta', 'to be kept');
  await acceptRequest(old.page);
  await old.page.getByText('to be kept').first().waitFor();
  const before = await friend.safetyNumber(user);

  await goTo(old.page, '/settings/backup');
  const words = await makeWords(old.page);
  await old.page.getByLabel('Your 24 words').fill(words);
  const download = old.page.waitForEvent('download');
  await old.page.getByRole('button', { name: 'Save backup' }).click();
  const backup = {
    name: 'sotto.backup',
    mimeType: 'application/octet-stream',
    buffer: readFileSync(await (await download).path()),
  };
  await old.context.close();

  const fresh = await web.visit();
  await fresh.page.getByRole('button', { name: 'I have an account' }).click();
  await fresh.page.getByRole('button', { name: 'A backup' }).click();
  await fresh.page.getByLabel('Backup file').setInputFiles(backup);
  await fresh.page.getByLabel('Your 24 words').fill(words.replace(/^\w+/, 'zebra'));
  await fresh.page.getByRole('button', { name: 'Restore' }).click();
  await fresh.page.getByText('These are not the 24 words').waitFor();
  await fresh.page.getByLabel('Your 24 words').fill(words.toUpperCase());
  await fresh.page.getByRole('button', { name: 'Restore' }).click();
  await fresh.page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await fresh.page.getByRole('button', { name: 'Log in' }).click();
  await fresh.page.getByText('to be kept').first().waitFor();
  expect((await friend.safetyNumber(user)).digits).toBe(before.digits);
  await goTo(fresh.page, '/settings/devices');
  await fresh.page.getByRole('list', { name: 'Your devices' }).getByText('This device').waitFor();
});

test('a contact with another identity is shown, compared, and written to again', TEST, async () => {
  const alice = await web.visit();
  await register(alice.page, 'Clara');
  const friend = await web.befriend('Hugo');
  await writeTo(friend, 'Clara', 'with my old keys');
  await acceptRequest(alice.page);
  const { user } = await found(friend, 'Clara');
  const chat = new URL(alice.page.url()).pathname;

  await friend.login({ username: 'Hugo', password: PASSWORD });
  await friend.renewIdentity();
  await writeTo(friend, 'Clara', 'with my new keys');
  const banner = alice.page.getByText('has changed. They may have a new phone');
  await banner.waitFor();
  await alice.page.reload();
  await banner.waitFor();

  await alice.page.getByRole('button', { name: 'Compare' }).click();
  const shown = alice.page.getByRole('list', { name: 'Your safety number' });
  const { digits } = await friend.safetyNumber(user);
  expect((await shown.textContent())?.replaceAll(/\s/g, '')).toBe(digits);
  const theirs = alice.page.getByLabel('Their number');
  await theirs.fill(digits.replace(/^\d{5}/, (group) => `${(Number(group) + 1) % 100_000}`));
  await alice.page.getByText('These numbers differ').waitFor();
  await theirs.fill(digits.replaceAll(/\d{5}/g, '$& '));
  await alice.page.getByText('The numbers match').waitFor();
  await alice.page.getByRole('button', { name: 'Accept this number' }).click();
  await alice.page
    .getByRole('button', { name: 'Accept this number' })
    .waitFor({ state: 'detached' });
  await goTo(alice.page, chat);
  await banner.waitFor({ state: 'detached' });
});

test(
  'an account is left by its owner alone: other passwords and names do nothing',
  TEST,
  async () => {
    const { page } = await web.visit();
    await register(page, 'Dora');
    await goTo(page, '/settings/account');
    await page.getByRole('button', { name: 'Delete account' }).click();
    const dialog = page.getByRole('dialog', { name: 'Delete your account?' });
    const goOn = dialog.getByRole('button', { name: 'Delete for ever' });
    await dialog.getByLabel('Your password', { exact: true }).fill('Not-The-Password-1');
    await dialog.getByLabel('Type Dora to go on').fill('somebody');
    expect(await goOn.isDisabled()).toBe(true);
    await dialog.getByLabel('Type Dora to go on').fill('dora');
    await goOn.click();
    await dialog.getByText('The username or the password is wrong').waitFor();
    await dialog.getByLabel('Your password', { exact: true }).fill(PASSWORD);
    await goOn.click();
    // What the browser has held of the account is gone with it.
    await page.getByRole('button', { name: 'Create an account' }).waitFor();
  },
);

/** Leads there without loading the page anew. */
async function goTo(page: Page, path: string): Promise<void> {
  await page.goto(new URL(path, web.url).href);
}

async function makeWords(page: Page): Promise<string> {
  await page.getByRole('button', { name: 'Make 24 words' }).click();
  const items = page.getByRole('list', { name: 'Your 24 words' }).getByRole('listitem');
  await items.nth(23).waitFor();
  const words = await items.allInnerTexts();
  await page.getByRole('button', { name: 'I have written them down' }).click();
  for (const field of await page.getByRole('dialog').getByRole('textbox').all()) {
    const label = await field.evaluate(
      (element: HTMLInputElement) => element.labels?.[0]?.textContent,
    );
    const place = Number(/\d+/.exec(label ?? '')?.[0]);
    await field.fill(words[place - 1] ?? '');
  }
  await page.getByRole('button', { name: 'Done' }).click();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  return words.join(' ');
}

/** The one request that waits. */
async function acceptRequest(page: Page): Promise<void> {
  await goTo(page, '/requests');
  await page.getByRole('button', { name: 'Accept' }).click();
  await page.waitForURL('**/c/*');
}

async function found(client: Client, username: string) {
  let user: Awaited<ReturnType<Client['findUser']>>;
  await waitFor(async () => {
    user = await client.findUser(username);
    return user !== undefined;
  }, TIMEOUT_MS);
  return user ?? expect.fail(`${username} is not found`);
}

async function writeTo(client: Client, username: string, text: string): Promise<void> {
  const { id } = await client.openDirect((await found(client, username)).user);
  await client.whenStored((await client.sendText(id, text)).id);
}
