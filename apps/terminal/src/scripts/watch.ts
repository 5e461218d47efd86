/** `sotto watch`: messages as they come. */
import { connectWithin } from '../account/connect.ts';
import { timeoutOf } from '../arguments.ts';
import { accountOf, type Call, withAccount } from '../call.ts';
import { wrongCall } from '../exit-code.ts';
import { noteAlarms } from './alarm-notes.ts';
import { firstValue } from './first-value.ts';
import { listTitles } from './list.ts';
import { openNames } from './names.ts';
import { linesOf } from './read.ts';

/** Runs until the call is interrupted, or the session ends. A message counts as given once its line was written. */
export async function watch(call: Call): Promise<void> {
  if (call.words.length > 1) throw wrongCall('sotto watch takes options only');
  await withAccount(call, accountOf(call), async ({ client }) => {
    const timeoutMs = timeoutOf(call.options);
    await connectWithin(client, { timeoutMs, signal: call.signal });
    const names = openNames(client);
    await noteAlarms(call.output, client, names);
    for await (const message of client.messages()) {
      const views = await firstValue(client.state.conversations);
      const here = views.filter(({ id }) => id === message.conversation);
      const titles = await listTitles(client, here, names);
      const where = titles.get(message.conversation) ?? '';
      for (const line of await linesOf(call, message, { names, where })) call.output.out(line);
    }
  });
}
