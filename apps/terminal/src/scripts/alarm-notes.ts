/** What commands have to tell of whom to believe, and of what has happened: a line each on standard error. */
import { type Client, ConnectionError, type Notice } from '@sotto/client';
import { explain } from '../explain.ts';
import { safeLine } from '../safe-text.ts';
import { type Names, openNames } from './names.ts';

type Told = Pick<Client, 'alarms' | 'me' | 'people'>;

interface Notes {
  /** Writes a line on standard error. */
  note(line: string): void;
}

/**
 * Tells what has happened and nobody has put away: a script may be the first to hear of it, and the last. It stays in the store
 * until a person has seen it in a chat. Rejects as reading the store does.
 */
export async function noteNotices(output: Notes, client: Told): Promise<void> {
  const names = openNames(client);
  const { notices } = await client.alarms();
  for (const notice of notices) output.note(`sotto: ${await wordsOf(notice, names)}`);
}

/** For a command that runs for long: tells what there is now and as it is found, and what fails by itself. */
export async function noteAlarms(
  output: Notes,
  client: Told & Pick<Client, 'on'>,
  names: Names,
): Promise<void> {
  const told = new Set<string>();
  const note = (line: string) => {
    if (!told.has(line)) output.note(`sotto: ${line}`);
    told.add(line);
  };
  const read = async () => {
    const { general, identityChanged, logBroken, notices } = await client.alarms();
    if (general === 'account.compromised') note('somebody else has made keys for this account');
    if (general === 'key-log.broken')
      note('the key log is another one than before: nothing is sent');
    for (const user of [...identityChanged, ...logBroken]) {
      const name = safeLine(await names.nameOf(user));
      note(`the keys of ${name} have changed: nothing is sent to them (sotto verify ${name})`);
    }
    for (const notice of notices) note(await wordsOf(notice, names));
  };
  // What cannot be read now is read with the next event.
  const again = () => void read().catch(() => {});
  for (const reason of REASONS) client.on(reason, again);
  client.on('trouble', ({ error }) => {
    if (!(error instanceof ConnectionError))
      note(`${safeLine(explain(error))} (tried again by itself)`);
  });
  await read();
}

/** What tells that there is something to say. */
const REASONS = [
  'identity-changed',
  'key-log-broken',
  'account-compromised',
  'store-behind',
  'history-lost',
  'key-log-restored',
  'device-list-warning',
] as const;

async function wordsOf(notice: Notice, names: Names): Promise<string> {
  switch (notice.kind) {
    case 'store-behind':
      return 'this store is older than what the server knows: is there another copy of it?';
    case 'history-lost':
      return 'the history that was to come with this device did not arrive';
    case 'key-log-restored': {
      const day = new Date(notice.time).toISOString().slice(0, 10);
      return `the server was restored from a backup on ${day}: compare safety numbers (sotto verify)`;
    }
    case 'device-list-warning': {
      const name = safeLine(await names.nameOf(notice.user));
      return `${DEVICE_WORDS[notice.warning](name)} (sotto verify ${name})`;
    }
  }
}

const DEVICE_WORDS = {
  stale: (name: string) => `the devices of ${name} were not confirmed for two weeks`,
  ahead: (name: string) => `the devices of ${name} are confirmed by a wrong clock`,
  refused: (name: string) => `the list of devices of ${name} is not theirs: nothing is sent`,
} as const;
