/** People of the SDK with a store each, who can go away and come back. */
import { join } from 'node:path';
import { type Client, createClient, type Message } from '@sotto/client';
import { openSqliteStore } from '@sotto/client/sqlite';
import { nodeProvider } from '@sotto/crypto/node';
import { isOver } from '../../tests/chaos-sdk/person.ts';

export const PASSWORD = 'Correct-Horse-7';

export interface PersonOptions {
  readonly name: string;
  readonly url: string;
  /** For the store. */
  readonly directory: string;
  /** Told of what nothing here gives a reason for. */
  readonly alarm: (words: string) => void;
}

export type Person = ReturnType<typeof openPerson>;

/** What a platform that is killed gives no reason for. */
const ALARMS = [
  ...(['identity-changed', 'account-compromised', 'key-log-broken', 'key-log-restored'] as const),
  ...(['group-broken', 'device-list-warning', 'logged-out', 'failed'] as const),
] as const;

/** Begins with a store of its own. `leave` when done. */
export function openPerson({ name, url, directory, alarm }: PersonOptions) {
  /** The texts that `messages()` gave, in all lives. */
  const taken = new Set<string>();
  /** Messages with files, by the files' names. */
  const files = new Map<string, Message>();
  let client = open();

  function open(): Client {
    const store = openSqliteStore(join(directory, `${name}.sqlite`));
    const opened = createClient({ url, store, provider: nodeProvider });
    for (const event of ALARMS) {
      opened.on(event, (told) => alarm(`${name}: ${event} ${JSON.stringify(told)}`));
    }
    return opened;
  }

  async function take(from: Client): Promise<void> {
    try {
      for await (const message of from.messages()) {
        if (message.content.type === 'text') taken.add(message.content.text);
        if (message.content.type === 'file') files.set(message.content.file.name, message);
      }
    } catch (error) {
      if (!isOver(error)) alarm(`${name}: messages() ended: ${error}`);
    }
  }

  return {
    name,
    taken,
    files,
    client: () => client,
    /** Registers. Resolves to the user's id. */
    async register() {
      const { user } = await client.register({ username: name, password: PASSWORD });
      return user;
    },
    async connect(): Promise<void> {
      await client.connect();
      void take(client);
    },
    leave: () => client.close(),
    /** Comes back with the store that it left. */
    async comeBack(): Promise<void> {
      client = open();
      await this.connect();
    },
  };
}
