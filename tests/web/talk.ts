/** What people do in a chat of the web client, in the words of the page. */
import type { Client, ConversationView, MessageView } from '@sotto/client';
import type { Locator, Page } from 'playwright-core';
import { expect } from 'vitest';
import { waitFor } from '../daemon.ts';
import { TIMEOUT_MS } from './browser.ts';

type ConversationId = ConversationView['id'];

/** Begins a chat by the username of somebody. */
export async function beginChat(page: Page, username: string): Promise<void> {
  const before = page.url();
  await page.getByRole('button', { name: 'New chat' }).click();
  const dialog = page.getByRole('dialog', { name: 'New chat' });
  await dialog.getByRole('textbox', { name: 'To' }).fill(username);
  await dialog.getByRole('button', { name: username, exact: true }).click();
  // Another chat may be open until then, with a composer of its own.
  await page.waitForURL((url) => url.pathname.startsWith('/c/') && url.href !== before);
  await composer(page).waitFor();
}

/** Founds a group by the dialog, and opens it. */
export async function foundGroup(
  page: Page,
  title: string,
  members: readonly string[],
): Promise<void> {
  const before = page.url();
  await page.getByRole('button', { name: 'Menu', exact: true }).click();
  await page.getByRole('menuitem', { name: 'New group' }).click();
  const dialog = page.getByRole('dialog', { name: 'New group' });
  await dialog.getByRole('textbox', { name: 'Group name' }).fill(title);
  for (const member of members) {
    await dialog.getByRole('textbox', { name: 'Members' }).fill(member);
    await dialog.getByRole('button', { name: member, exact: true }).click();
  }
  await dialog.getByRole('button', { name: 'Create group' }).click();
  // Another chat may be open until then, with a composer of its own.
  await page.waitForURL((url) => url.pathname.startsWith('/c/') && url.href !== before);
  await composer(page).waitFor();
}

/** Opens who is in the group of the open chat. */
export async function openGroupInfo(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Conversation menu' }).click();
  await page.getByRole('menuitem', { name: 'Group info' }).click();
  await page.getByRole('dialog', { name: 'Group info' }).waitFor();
}

/** Opens a chat of the list. */
export async function openChat(page: Page, name: string): Promise<void> {
  await conversationRow(page, name).click();
  await page.getByRole('log').waitFor();
}

/** The line of a conversation in the list. */
export function conversationRow(page: Page, name: string): Locator {
  const list = page.getByRole('list', { name: 'Conversations' });
  return list.getByRole('link').filter({ hasText: name });
}

/** Where somebody writes. */
export function composer(page: Page): Locator {
  return page.getByRole('textbox', { name: /^Message to / });
}

/** Writes a message and sends it by Enter. */
export async function say(page: Page, text: string): Promise<void> {
  await composer(page).fill(text);
  await composer(page).press('Enter');
}

/** A line of the open chat. */
export function lineOf(page: Page, text: string): Locator {
  return page.getByRole('log').getByRole('listitem').filter({ hasText: text });
}

/** A line with a tick, told by its words. */
export function ticked(page: Page, text: string, words: string): Promise<void> {
  return lineOf(page, text).getByRole('img', { name: words }).waitFor();
}

/** A line that has left: it may have come by then. */
export function leaves(page: Page, text: string): Promise<void> {
  return lineOf(page, text)
    .getByRole('img', { name: /^(Sent|Delivered|Read)$/ })
    .waitFor();
}

/** Does something with a line that lies behind its menu. */
export async function chooseFor(line: Locator, action: string): Promise<void> {
  await line.hover();
  await line.getByRole('button', { name: 'More' }).click();
  await line.page().getByRole('menuitem', { name: action }).click();
}

/** The conversation of two, as a friend has it. */
export async function conversationWith(friend: Client, username: string): Promise<ConversationId> {
  const found = await eventually(async () => {
    const user = await friend.findUser(username);
    return user ?? expect.fail(`${username} is not known yet`);
  });
  return (await friend.openDirect(found.user)).id;
}

/** A line that has come to a friend. */
export function cameTo(
  friend: Client,
  conversation: ConversationId,
  text: string,
): Promise<MessageView> {
  return eventually(async () => {
    const lines = await friend.lines(conversation);
    const found = lines.find(({ body }) => body.type === 'text' && body.text === text);
    return found ?? expect.fail(`${text} has not come`);
  });
}

/** What a friend's store has in the end. */
export async function eventually<T>(read: () => Promise<T>): Promise<T> {
  let value: T | undefined;
  await waitFor(async () => {
    value = await read();
    return true;
  }, TIMEOUT_MS);
  return value as T;
}
