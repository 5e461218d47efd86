/** What the processes run that die: they wait for a piece of work, do it, and tell how many points it took. */
import { appendFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Client, ConversationRecord } from '@sotto/client';
import { openMortal } from './mortal.ts';
import { LIFE_BEGINS, type Work } from './work.ts';

const [line] = await createInterface({ input: process.stdin })
  [Symbol.asyncIterator]()
  .next()
  .then(({ value }) => [value]);
const work: Work = JSON.parse(String(line));
const { client, passed } = openMortal(work);
await run(client, work);
await client.close();
process.stdout.write(`done ${passed()}\n`);
process.exit(0);

async function run(by: Client, given: Work): Promise<void> {
  switch (given.task) {
    case 'send':
      await by.connect();
      return send(by, given.conversation, given.text);
    case 'receive':
      await by.connect();
      return receive(by, given);
    case 'connect':
      return by.connect();
    case 'show-code': {
      // An earlier life has come so far that this is a device of the account.
      if ((await by.me()) !== undefined) return by.connect();
      const { code, completed } = await by.beginLink();
      process.stdout.write(`code ${code}\n`);
      await completed;
      return by.connect();
    }
    default:
      await by.connect();
      await by.completeLink(given.code).catch((error) => {
        // An earlier life has done all of it.
        if (error.code !== 'link.used') throw error;
      });
  }
}

/** Writes what no earlier life has written, and waits until the platform has it. */
async function send(
  by: Client,
  conversation: ConversationRecord['id'],
  text: string,
): Promise<void> {
  const unsent = await by.unsent(conversation);
  const stored = await by.history(conversation, { limit: 1000 });
  const isWritten =
    unsent.some(({ content }) => content.type === 'text' && content.text === text) ||
    stored.some(
      (item) =>
        item.type === 'message' && item.content.type === 'text' && item.content.text === text,
    );
  if (!isWritten) await by.sendText(conversation, text);
  for (const { id } of await by.unsent(conversation)) await by.whenStored(id);
}

async function receive(
  by: Client,
  { until, shownPath }: Extract<Work, { task: 'receive' }>,
): Promise<void> {
  appendFileSync(shownPath, LIFE_BEGINS);
  for await (const { content } of by.messages()) {
    const text = content.type === 'text' ? content.text : content.type;
    appendFileSync(shownPath, `${text}\n`);
    if (text === until) return;
  }
}
