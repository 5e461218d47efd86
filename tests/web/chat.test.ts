/** Chats of the web client, in Chromium against the real platform. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectAccessible, openWeb, register, type Visit, type Web } from './browser.ts';
import {
  beginChat,
  cameTo,
  chooseFor,
  composer,
  conversationWith,
  eventually,
  leaves,
  lineOf,
  openChat,
  say,
  ticked,
} from './talk.ts';

const TEST = { timeout: 240_000 };

let web: Web;
/** Whose page it is in all of these; with somebody else each time. */
let alice: Visit;

beforeAll(async () => {
  web = await openWeb();
  alice = await web.visit();
  await register(alice.page, 'Alice');
}, TEST.timeout);
afterAll(() => web?.close());

test('two people talk, and see what has come and what was read', TEST, async () => {
  const bob = await web.visit();
  await register(bob.page, 'Bob');
  await beginChat(alice.page, 'Bob');
  await say(alice.page, 'good morning');
  await leaves(alice.page, 'good morning');

  await bob.page.getByRole('link', { name: /Message requests/ }).click();
  await bob.page.getByRole('button', { name: 'Accept' }).click();
  await openChat(bob.page, 'Alice');
  await lineOf(bob.page, 'good morning').waitFor();
  await ticked(alice.page, 'good morning', 'Read');
  await alice.page.getByText('online').waitFor();

  await composer(bob.page).pressSequentially('and');
  await alice.page.getByText('typing…').first().waitFor();
  await say(bob.page, 'and to you');
  await lineOf(alice.page, 'and to you').waitFor();
  // It is said to those who hear the page.
  await alice.page.getByRole('status').getByText('Bob: and to you').waitFor({ state: 'attached' });
  await ticked(bob.page, 'and to you', 'Read');
  await expectAccessible(alice.page);
});

test('messages are answered, reacted to, changed and taken back', TEST, async () => {
  const { page } = alice;
  const dora = await web.befriend('Dora');
  await beginChat(page, 'Dora');
  await say(page, 'at noon');
  const conversation = await conversationWith(dora, 'Alice');
  const noon = await cameTo(dora, conversation, 'at noon');
  await dora.people.accept(conversation);
  await dora.sendText(conversation, 'where?', { replyTo: noon });
  await dora.react(noon, '🎉');
  await lineOf(page, 'at noon').getByRole('button', { name: '🎉 by Dora' }).waitFor();

  const question = lineOf(page, 'where?');
  await expect.poll(() => question.getByRole('button').first().textContent()).toContain('at noon');
  await question.hover();
  await question.getByRole('button', { name: 'React' }).click();
  await page.getByRole('textbox', { name: /Another emoji/ }).fill('🧭');
  await page.keyboard.press('Enter');
  await question.getByRole('button', { name: '🧭 by You' }).waitFor();
  await eventually(async () => {
    const [line] = (await dora.lines(conversation)).slice(-1);
    expect(line?.reactions).toMatchObject([{ emoji: '🧭' }]);
  });

  await question.hover();
  await question.getByRole('button', { name: 'Reply' }).click();
  await say(page, 'at the well');
  const answer = await cameTo(dora, conversation, 'at the well');
  expect(answer.replyTo).toBeDefined();

  await lineOf(page, 'at the well').waitFor();
  // The arrow up changes what was said last; Escape leaves it as it was.
  await composer(page).press('ArrowUp');
  await expect.poll(() => composer(page).inputValue()).toBe('at the well');
  await composer(page).press('Escape');
  await expect.poll(() => composer(page).inputValue()).toBe('');
  await chooseFor(lineOf(page, 'at the well'), 'Edit');
  await say(page, 'at the fountain');
  await lineOf(page, 'at the fountain').getByText('Edited').waitFor();
  await cameTo(dora, conversation, 'at the fountain');

  await chooseFor(lineOf(page, 'at the fountain'), 'Delete');
  await page.getByRole('button', { name: 'Delete for everyone' }).click();
  await lineOf(page, 'You deleted this message').waitFor();
  await eventually(async () => {
    const [line] = (await dora.lines(conversation)).slice(-1);
    expect(line?.body.type).toBe('deleted');
  });
});

test('what is written without a connection waits, and leaves with it', TEST, async () => {
  const { page, context } = alice;
  const fritz = await web.befriend('Fritz');
  await beginChat(page, 'Fritz');
  await say(page, 'before');
  const conversation = await conversationWith(fritz, 'Alice');
  await cameTo(fritz, conversation, 'before');
  await context.setOffline(true);
  await web.restart();
  await say(page, 'in the tunnel');
  await ticked(page, 'in the tunnel', 'Waiting to be sent');
  await context.setOffline(false);
  await leaves(page, 'in the tunnel');
  await cameTo(fritz, conversation, 'in the tunnel');
  // All of it is there after a reload, and what was being written is kept nowhere.
  await composer(page).fill('a secret draft');
  await page.reload();
  await lineOf(page, 'in the tunnel').waitFor();
  expect(await composer(page).inputValue()).toBe('');
  const kept = await page.evaluate(() => JSON.stringify({ ...sessionStorage, ...localStorage }));
  expect(kept).not.toContain('secret');
});

test('a draft stays while the page is open, and keys lead to everything', TEST, async () => {
  const { page } = alice;
  for (const name of ['Hanna', 'Hugo']) {
    await web.befriend(name);
    await beginChat(page, name);
    await say(page, `hello ${name}`);
    await leaves(page, `hello ${name}`);
  }
  await composer(page).fill('not finished');
  await page.keyboard.press('Control+k');
  await page.keyboard.type('hanna');
  await expect
    .poll(() => page.getByRole('list', { name: 'Conversations' }).getByRole('link').count())
    .toBe(1);
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await lineOf(page, 'hello Hanna').waitFor();
  await page.keyboard.press('Control+k');
  await page.keyboard.type('nobody of that name');
  await page.getByText('Nothing found for').waitFor();
  await expectAccessible(page);
  await page.keyboard.press('Escape');
  await openChat(page, 'Hugo');
  await expect.poll(() => composer(page).inputValue()).toBe('not finished');
  // From the composer back into the messages, and to what can be done with one.
  await composer(page).focus();
  await page.keyboard.press('Shift+Tab');
  await page.keyboard.press('Shift+Tab');
  await expect.poll(() => focused(page)).toContain('hello Hugo');
  // A menu and what it leads to, and back to where one was.
  await page.getByRole('button', { name: 'Conversation menu' }).focus();
  await page.keyboard.press('Enter');
  await expect.poll(() => focused(page)).toBe('Safety number');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  const timing = page.getByRole('dialog', { name: 'Disappearing messages' });
  await timing.getByRole('radio', { name: 'Off' }).focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await timing.waitFor({ state: 'detached' });
  await page.getByRole('img', { name: 'Disappearing messages are on' }).waitFor();
  await expect.poll(() => focusedLabel(page)).toBe('Conversation menu');
});

test('hostile text is text, and keeps to its own bubble', TEST, async () => {
  const { page } = alice;
  const joker = await web.befriend('Joker');
  await beginChat(page, 'Joker');
  await say(page, 'go on');
  const conversation = await conversationWith(joker, 'Alice');
  await cameTo(joker, conversation, 'go on');
  const texts = [
    '<img src=x onerror="document.title=1"><script>document.title=2</script>',
    '\u202eevil\u2066\u2066 \u0000\u0007\u001b[31mred',
    'javascript:alert(1) https://a@evil.example https://example.org/?q=<b>',
    'Z\u0335\u0353\u0349\u0321a\u0334l\u0337g\u0338o\u0335',
    '😀'.repeat(200),
    'x'.repeat(3000),
  ];
  for (const text of texts) await joker.sendText(conversation, text);
  const rows = page.getByRole('log').getByRole('listitem');
  await lineOf(page, 'xxxxxxxx').waitFor();
  expect(await page.title()).not.toMatch(/^[12]$/);
  expect(await page.getByRole('log').locator('img[src="x"], script, b').count()).toBe(0);
  const links = await page.getByRole('log').getByRole('link').all();
  const hrefs = await Promise.all(links.map((link) => link.getAttribute('href')));
  expect(new Set(hrefs)).toEqual(new Set(['https://example.org/?q=']));
  // Nothing is wider than the pane, whatever it is made of.
  const width = await page.getByRole('log').evaluate((log) => log.scrollWidth - log.clientWidth);
  expect(width).toBe(0);
  expect(await rows.count()).toBeGreaterThan(0);
  // Whoever is at the end stays there, as when a keyboard takes half of the window.
  await page.setViewportSize({ width: 390, height: 420 });
  const below = () =>
    page
      .getByRole('log')
      .evaluate((log) => Math.round(log.scrollHeight - log.scrollTop - log.clientHeight));
  await expect.poll(below).toBe(0);
});

/** What the element with the focus is called. */
function focusedLabel(page: Page): Promise<string | null | undefined> {
  return page.evaluate(() => document.activeElement?.getAttribute('aria-label'));
}

/** What the element with the focus says. */
function focused(page: Page): Promise<string> {
  return page.evaluate(() => document.activeElement?.textContent ?? '');
}
