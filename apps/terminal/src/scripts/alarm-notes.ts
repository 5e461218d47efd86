/** What a command that runs for long has to tell of whom to believe: a line each on standard error. */
import { type Client, ConnectionError } from '@sotto/client';
import type { Call } from '../call.ts';
import { explain } from '../explain.ts';
import { safeLine } from '../safe-text.ts';
import type { Names } from './names.ts';

/** Tells what waits for a decision, now and as it is found, and what fails by itself. */
export async function noteAlarms(call: Call, client: Client, names: Names): Promise<void> {
  const told = new Set<string>();
  const note = (line: string) => {
    if (!told.has(line)) call.output.note(`sotto: ${line}`);
    told.add(line);
  };
  const read = async () => {
    const { general, identityChanged, logBroken } = await client.alarms();
    if (general === 'account.compromised') note('somebody else has made keys for this account');
    if (general === 'key-log.broken')
      note('the key log is another one than before: nothing is sent');
    for (const user of [...identityChanged, ...logBroken]) {
      const name = safeLine(await names.nameOf(user));
      note(`the keys of ${name} have changed: nothing is sent to them (sotto verify ${name})`);
    }
  };
  // What cannot be read now is read with the next event.
  const again = () => void read().catch(() => {});
  client.on('identity-changed', again);
  client.on('key-log-broken', again);
  client.on('account-compromised', again);
  client.on('trouble', ({ error }) => {
    if (!(error instanceof ConnectionError))
      note(`${safeLine(explain(error))} (tried again by itself)`);
  });
  await read();
}
