/** Two people and a platform that lies to one of them: Alice sits behind a rewriting proxy, Bob does not. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ApiError,
  type ConversationId,
  type DeviceId,
  getBundle,
  getKeyLogAccount,
  getKeyLogKeys,
  publishIdentity,
  toProblem,
  type UserId,
} from '@sotto/api';
import {
  type Client,
  type ClientEvent,
  type ClientOptions,
  createClient,
  type Message,
} from '@sotto/client';
import { openSqliteStore } from '@sotto/client/sqlite';
import { nodeProvider } from '@sotto/crypto/node';
import { expect, vi } from 'vitest';
import type { KeyLogFixture } from '../../packages/client/src/trust/key-log.fixture.ts';
import { type RewritingProxy, startRewritingProxy } from './rewriting-proxy.ts';

const PASSWORD = 'Correct-Horse-7';

/** One device of somebody. */
export interface Person {
  client: Client;
  readonly username: string;
  readonly user: UserId;
  readonly device: DeviceId;
}

/** What they have said to each other. */
export interface Pair {
  readonly alice: Person;
  readonly bob: Person;
  readonly conversation: ConversationId;
}

let people = 0;

/** One test's people; `heard` is all that Alice's client has warned of. */
export class Scene {
  readonly proxy: RewritingProxy;
  readonly #platformUrl: string;
  readonly #directory = mkdtempSync(join(tmpdir(), 'sotto middle '));
  readonly #clients = new Set<Client>();
  readonly #identities = new Map<UserId, Uint8Array>();
  heard: [ClientEvent, object][] = [];

  constructor(platformUrl: string, proxy: RewritingProxy) {
    this.#platformUrl = platformUrl;
    this.proxy = proxy;
  }

  async close(): Promise<void> {
    for (const client of this.#clients) await client.close();
    await this.proxy.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** Alice behind the proxy, Bob before it, and their conversation. */
  async pair(options: Partial<ClientOptions> = {}): Promise<Pair> {
    const alice = await this.enter('alice', this.proxy.url, options);
    this.watch(alice.client);
    const bob = await this.enter('bob', this.#platformUrl);
    const { id: conversation } = await alice.client.openDirect(bob.user);
    return { alice, bob, conversation };
  }

  /** The same after a first message has arrived; what the proxy has seen of that is forgotten. */
  async acquainted(): Promise<Pair> {
    const { alice, bob, conversation } = await this.pair();
    await alice.client.whenStored((await alice.client.sendText(conversation, 'hello')).id);
    await until(async () => (await textsOf(bob)).length === 1);
    this.proxy.sends.length = 0;
    return { alice, bob, conversation };
  }

  async enter(name: string, url: string, options: Partial<ClientOptions> = {}): Promise<Person> {
    const username = `${name}${Date.now()}${++people}`;
    const client = this.#open(username, url, options);
    const { user, device } = await client.register({ username, password: PASSWORD });
    await client.connect();
    return { client, username, user, device };
  }

  /** Alice's program ends and starts again. */
  async restart(alice: Person): Promise<void> {
    this.#clients.delete(alice.client);
    await alice.client.close();
    alice.client = this.#open(alice.username, this.proxy.url);
    this.watch(alice.client);
    await alice.client.connect();
  }

  /** A client of nobody yet, behind the proxy. */
  open(name: string): Client {
    const client = this.#open(name, this.proxy.url);
    this.watch(client);
    return client;
  }

  /** A second device of somebody, linked by a code. */
  async link(person: Person): Promise<Person> {
    const client = this.#open(`${person.username}phone`, this.#platformUrl);
    const { code, completed } = await client.beginLink();
    await person.client.completeLink(code);
    const { user, device, username } = await completed;
    await client.connect();
    return { client, user, device, username };
  }

  watch(client: Client): void {
    const names = [
      'identity-changed',
      'key-log-broken',
      'account-compromised',
      'device-list-warning',
      'group-broken',
      'history-lost',
      'store-behind',
      'unreadable',
      'trouble',
    ] as const;
    for (const name of names) client.on(name, (event) => this.heard.push([name, event]));
  }

  /** The codes of what went wrong in the background. */
  troubles(): string[] {
    return this.heard.flatMap(([, event]) =>
      'error' in event ? [String((event.error as { code?: unknown }).code)] : [],
    );
  }

  untilTrouble(code: string): Promise<void> {
    return until(async () => this.troubles().includes(code));
  }

  untilHeard(name: ClientEvent): Promise<void> {
    return until(async () => this.heard.some(([known]) => known === name));
  }

  /** The first send is refused for lack of a device; what is sent after that goes through. */
  refuseFor(user: UserId, device: DeviceId): void {
    const devices = { missing: [{ user, device }], unknown: [] };
    const problem = toProblem(new ApiError('message.devices-stale', { devices }));
    this.proxy.intercept = ({ number, message: { id, conversation } }) => {
      this.proxy.intercept = () => undefined;
      return { type: 'refused', id, conversation, number, problem };
    };
  }

  /**
   * Has a proxy show a key log of ours. The identities that it sees go by are in it. `current` hears how much of it
   * whoever asks has kept.
   */
  showLog(shown: RewritingProxy, current: (seen?: number) => KeyLogFixture): void {
    const seen = <T extends { user: UserId; identityKey: Uint8Array }>(answer: T) => {
      this.#identities.set(answer.user, answer.identityKey);
      return answer;
    };
    shown.rewrite(publishIdentity, seen);
    shown.rewrite(getBundle, seen);
    shown.replace(getKeyLogKeys, () => current().keys());
    shown.replace(getKeyLogAccount, ({ user_id = '' }, { from = '1', seen: size = '0' }) => {
      const log = current(Number(size));
      for (const [user, identityKey] of this.#identities) {
        if (!log.leaves.some((leaf) => leaf.user === user)) log.append(user, identityKey);
      }
      return log.answer(user_id, { from: Number(from), seen: Number(size) });
    });
  }

  #open(username: string, url: string, options: Partial<ClientOptions> = {}): Client {
    const store = openSqliteStore(join(this.#directory, `${username}.db`));
    const client = createClient({ url, store, provider: nodeProvider, ...options });
    this.#clients.add(client);
    return client;
  }
}

/** An empty scene in front of a platform. */
export async function openScene(platformUrl: string): Promise<Scene> {
  return new Scene(platformUrl, await startRewritingProxy(platformUrl));
}

/** What somebody has got. */
export async function received({ client }: Person): Promise<Message[]> {
  const [conversation] = await client.conversations();
  const items = conversation ? await client.history(conversation.id) : [];
  return items.filter((item) => item.type === 'message').filter(({ own }) => !own);
}

/** The texts of it. */
export async function textsOf(person: Person): Promise<string[]> {
  return (await received(person)).flatMap(({ content }) =>
    content.type === 'text' ? [content.text] : [],
  );
}

/** Waits for a condition. */
export function until(condition: () => Promise<boolean>): Promise<void> {
  return vi.waitFor(async () => expect(await condition()).toBe(true), {
    timeout: 20_000,
    interval: 10,
  });
}
