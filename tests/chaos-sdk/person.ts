/** Somebody with one device: it dies without farewell, comes back from its store, or from an old copy of it. */
import { copyFileSync, rmSync } from 'node:fs';
import { type Client, ClientError, type ConversationRecord, createClient } from '@sotto/client';
import { openSqliteStore } from '@sotto/client/sqlite';
import { nodeProvider } from '@sotto/crypto/node';
import { openWire, type Wire } from '../chaos/wire.ts';

type Id = ConversationRecord['id'];

/** What nothing here gives a reason for. */
const ALARMS = [
  ...(['identity-changed', 'account-compromised', 'key-log-broken'] as const),
  ...(['key-log-restored', 'group-broken', 'device-list-warning', 'logged-out'] as const),
] as const;

/** Its store is the file at `path`. */
export interface PersonOptions {
  readonly name: string;
  readonly path: string;
  /** Where the platform listens on 127.0.0.1. */
  readonly port: number;
  /** Does its store come back from a copy at some time? */
  readonly isForgetful: boolean;
  /** Told of alarms and of what goes wrong, by name. */
  readonly tell: (name: string, what: string) => void;
}

export type Person = Awaited<ReturnType<typeof enter>>;

/** Registers and connects an account through a wire of its own. */
export async function enter({ name, path, port, isForgetful, tell }: PersonOptions) {
  const wire: Wire = await openWire([port]);
  const url = `http://127.0.0.1:${wire.port}`;
  const taken = new Set<string>();
  const copy = `${path}.copy`;
  let life = begin();

  function begin() {
    const store = openSqliteStore(path);
    const client = createClient({ url, store, provider: nodeProvider });
    for (const alarm of ALARMS) {
      client.on(alarm, (event) => tell(name, `${alarm} ${JSON.stringify(event)}`));
    }
    client.on('failed', (event) => tell(name, `failed ${JSON.stringify(event)}`));
    return { store, client };
  }

  /** The store is closed under the client: what it had begun is as gone as after a SIGKILL. */
  async function die(): Promise<void> {
    const { store, client } = life;
    await store.close();
    wire.cut();
    await client.close();
    wire.restore();
  }

  async function connect(): Promise<void> {
    const { client } = life;
    await client.connect();
    void take(client);
  }

  /** As a program that must miss nothing. */
  async function take(client: Client): Promise<void> {
    try {
      for await (const { content } of client.messages()) {
        if (content.type === 'text') taken.add(content.text);
      }
    } catch (error) {
      if (!isOver(error)) tell(name, `messages() ended: ${error}`);
    }
  }

  const { user } = await life.client.register({ username: name, password: 'Correct-Horse-7' });
  await connect();
  return {
    name,
    user,
    wire,
    isForgetful,
    /** What `messages()` has given, in all of its lives. */
    taken,
    client: (): Client => life.client,
    /** What it has sent a second time, because its store had forgotten that it was sent. */
    async restart({ isCopied = false } = {}): Promise<void> {
      await die();
      if (isCopied) copyFileSync(path, copy);
      life = begin();
      await connect();
    },
    /** Comes back from the copy, which there is to be. */
    async restore(): Promise<void> {
      await die();
      for (const suffix of ['', '-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
      copyFileSync(copy, path);
      life = begin();
      // Its tokens are used up.
      await life.client.login();
      await connect();
    },
    /** Has it found that its store is behind? No later life forgets that. */
    async hasNoticed(): Promise<boolean> {
      const { notices } = await life.client.alarms();
      return notices.some(({ kind }) => kind === 'store-behind');
    },
    /** The texts that wait in its store and are not known to have arrived. */
    async unsent(conversation: Id): Promise<string[]> {
      const waiting = await life.client.unsent(conversation);
      return waiting.map(({ content }) => (content.type === 'text' ? content.text : ''));
    },
    async close(): Promise<void> {
      await life.client.close();
      await wire.close();
    },
  };
}

/** What a client says whose store is closed. */
export function isOver(error: unknown): boolean {
  return error instanceof ClientError && /^(client|store)\.closed$/.test(error.code);
}
