/** A conversation in which much was said, in somebody's browser: written by the SDK and brought there by a backup. */
import type { Client, ConversationView } from '@sotto/client';
import { makeRecoveryKey } from '@sotto/client/backup';
import type { Page } from 'playwright-core';
import { PASSWORD, type Visit, type Web } from './browser.ts';
import { conversationWith } from './talk.ts';

/** What the outbox and the committer take in one go without waiting. */
const AT_ONCE = 500;

/** Somebody's browser with a conversation of so many messages, each of which says its number. The list is open. */
export async function openLongConversation(
  web: Web,
  names: { readonly writer: string; readonly reader: string },
  count: number,
): Promise<Visit> {
  const writer = await web.befriend(names.writer);
  await web.befriend(names.reader);
  const conversation = await conversationWith(writer, names.reader);
  await tell(writer, conversation, count);
  const words = makeRecoveryKey();
  const backup = await new Response(await writer.exportBackup(words)).arrayBuffer();
  const visit = await web.visit();
  await restore(visit.page, { words, backup: Buffer.from(backup) });
  return visit;
}

/** Message `number` says so, in as many words as people use. */
export function numbered(number: number): string {
  return `number ${number} of many${', and so on'.repeat(number % 7)}`;
}

async function tell(
  client: Client,
  conversation: ConversationView['id'],
  count: number,
): Promise<void> {
  for (let sent = 0; sent < count; ) {
    const end = Math.min(sent + AT_ONCE, count);
    const going = [];
    for (; sent < end; sent += 1) going.push(client.sendText(conversation, numbered(sent + 1)));
    const last = (await Promise.all(going)).at(-1);
    if (last !== undefined) await client.whenStored(last.id);
  }
}

async function restore(
  page: Page,
  { words, backup }: { readonly words: string; readonly backup: Buffer },
): Promise<void> {
  await page.getByRole('button', { name: 'I have an account' }).click();
  await page.getByRole('button', { name: 'A backup' }).click();
  const file = { name: 'sotto.backup', mimeType: 'application/octet-stream', buffer: backup };
  await page.getByLabel('Backup file').setInputFiles(file);
  await page.getByLabel('Your 24 words').fill(words);
  await page.getByRole('button', { name: 'Restore' }).click();
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('list', { name: 'Conversations' }).getByRole('link').first().waitFor();
}
