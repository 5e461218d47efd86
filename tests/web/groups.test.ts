/** Groups of the web client, in Chromium against the real platform. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectAccessible, openWeb, register, type Visit, type Web } from './browser.ts';
import { composer, eventually, foundGroup, lineOf, openChat, openGroupInfo, say } from './talk.ts';

const TEST = { timeout: 240_000 };

let web: Web;
/** Who founds the groups. */
let alice: Visit;

beforeAll(async () => {
  web = await openWeb();
  alice = await web.visit();
  await register(alice.page, 'Alice');
}, TEST.timeout);
afterAll(() => web?.close());

test('three people talk in a group, until one is removed', TEST, async () => {
  const [bob, carol] = [await web.visit(), await web.visit()];
  await Promise.all([register(bob.page, 'Bob'), register(carol.page, 'Carol')]);
  await foundGroup(alice.page, 'Choir', ['Bob', 'Carol']);
  await say(alice.page, 'welcome');

  for (const { page } of [bob, carol]) {
    await page.getByRole('link', { name: /Message requests/ }).click();
    await page.getByRole('button', { name: 'Accept' }).click();
    await openChat(page, 'Choir');
    await lineOf(page, 'welcome').waitFor();
  }
  await say(carol.page, 'tuesday at eight?');
  for (const { page } of [alice, bob]) {
    await lineOf(page, 'tuesday at eight?').getByText('Carol', { exact: true }).waitFor();
  }
  await say(bob.page, 'I will be there');
  for (const { page } of [alice, carol]) await lineOf(page, 'I will be there').waitFor();
  await expectAccessible(alice.page);

  await openGroupInfo(alice.page);
  await memberMenu(alice.page, 'Bob', 'Remove from group');
  await alice.page
    .getByRole('list', { name: 'Members' })
    .getByText('Bob')
    .first()
    .waitFor({ state: 'detached' });
  await expectAccessible(alice.page);
  await alice.page.keyboard.press('Escape');
  await lineOf(alice.page, 'You removed Bob').waitFor();
  await say(alice.page, 'only the two of us');
  await lineOf(carol.page, 'only the two of us').waitFor();

  // Who was removed reads on what there was, can write nothing, and gets nothing more.
  await bob.page.getByText('You are no longer in this group.').waitFor();
  await lineOf(bob.page, 'Alice removed you').waitFor();
  expect(await composer(bob.page).count()).toBe(0);
  expect(await lineOf(bob.page, 'welcome').count()).toBe(1);
  expect(await lineOf(bob.page, 'only the two of us').count()).toBe(0);
});

test('members are added, made admins, and the group gets another name', TEST, async () => {
  const { page } = alice;
  const emil = await web.befriend('Emil');
  const flora = await web.befriend('Flora');
  await foundGroup(page, 'Walkers', ['Emil']);
  await say(page, 'hello');
  const { id } = await eventually(async () => {
    const [group] = await emil.conversations();
    return group ?? expect.fail('the group has not come');
  });
  await openGroupInfo(page);
  await page.getByRole('button', { name: 'Add people' }).click();
  const adding = page.getByRole('dialog', { name: 'Add people' });
  await adding.getByRole('textbox', { name: 'Who' }).fill('Flora');
  await adding.getByRole('button', { name: 'Flora', exact: true }).click();
  await adding.getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByRole('list', { name: 'Members' }).getByText('Flora').first().waitFor();
  await eventually(async () => expect(await flora.conversations()).toHaveLength(1));

  await memberMenu(page, 'Emil', 'Make admin');
  await eventually(async () => {
    const members = await emil.groups.members(id);
    expect(members.filter(({ role }) => role === 'admin')).toHaveLength(2);
  });
  await page.getByRole('button', { name: 'Rename' }).click();
  const renaming = page.getByRole('dialog', { name: 'Rename the group' });
  await renaming.getByRole('textbox').fill('<b>Hikers</b> \u202e');
  await renaming.getByRole('button', { name: 'Save' }).click();
  await renaming.waitFor({ state: 'detached' });
  await page.keyboard.press('Escape');
  await page.getByRole('heading', { name: /^<b>Hikers<\/b>/ }).waitFor();

  // Who leaves keeps what was said, and lets the others be.
  await openGroupInfo(page);
  await page.getByRole('button', { name: 'Leave', exact: true }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Leave', exact: true }).click();
  await page.getByText('You are no longer in this group.').waitFor();
  await lineOf(page, 'You left the group').waitFor();
  await eventually(async () => expect(await emil.groups.members(id)).toHaveLength(2));
});

async function memberMenu(page: Page, name: string, action: string): Promise<void> {
  const member = page.getByRole('list', { name: 'Members' }).getByRole('listitem');
  await member.filter({ hasText: name }).getByRole('button').click();
  await page.getByRole('menuitem', { name: action }).click();
}
