/** Alice and Bob: accounts and stores that the demo keeps from one start to the next. */
import { randomInt } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ApiError, type Client, ClientError, createClient } from '@sotto/client';
import { openSqliteStore } from '@sotto/client/sqlite';
import { nodeProvider } from '@sotto/crypto/node';
import { createWireTap, type WireTap } from './wire-tap.ts';

/** What is kept of a person beside the store. */
interface Account {
  username: string;
  password: string;
}

/** The platform was set up anew, or is another one; what the people keep is of no use there. */
export class PersonUnknown extends Error {
  constructor(name: string, directory: string) {
    super(`the platform does not know ${name} any more: delete ${directory} to begin anew`);
    this.name = 'PersonUnknown';
  }
}

export class Person {
  readonly name: string;
  readonly username: string;
  readonly wire: WireTap = createWireTap();
  readonly #account: Account;
  readonly #url: string;
  readonly #storePath: string;
  #client: Client | undefined;

  constructor(name: string, account: Account, place: { url: string; directory: string }) {
    this.name = name;
    this.username = account.username;
    this.#account = account;
    this.#url = place.url;
    this.#storePath = join(place.directory, `${name.toLowerCase()}.db`);
  }

  /** The person's client, made when it is first asked for. */
  get client(): Client {
    this.#client ??= createClient({
      url: this.#url,
      store: openSqliteStore(this.#storePath),
      provider: nodeProvider,
      fetch: this.wire.fetch,
      WebSocket: this.wire.WebSocket,
    });
    return this.#client;
  }

  /** Registers or logs in, as needed; true when the account is new. Connects. */
  async enter(): Promise<boolean> {
    const isNew = (await this.client.me()) === undefined;
    if (isNew) await this.client.register(this.#account);
    try {
      await this.client.connect();
    } catch (error) {
      if (!(error instanceof ClientError) || error.code !== 'account.logged-out') throw error;
      await this.#logInAgain();
    }
    return isNew;
  }

  /** Goes offline. The store stays. */
  async leave(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.close();
  }

  async #logInAgain(): Promise<void> {
    await this.leave();
    try {
      await this.client.login(this.#account);
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 'auth.credentials-wrong') throw error;
      throw new PersonUnknown(this.name, dirname(this.#storePath));
    }
    await this.client.connect();
  }
}

/** Alice and Bob of a directory, with names and passwords made at the first start. */
export function findPeople(directory: string, url: string): { alice: Person; bob: Person } {
  const path = join(directory, 'accounts.json');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  if (!existsSync(path)) writeWhole(path, { alice: makeAccount('Alice'), bob: makeAccount('Bob') });
  const accounts: { alice: Account; bob: Account } = JSON.parse(readFileSync(path, 'utf8'));
  const place = { url, directory };
  return {
    alice: new Person('Alice', accounts.alice, place),
    bob: new Person('Bob', accounts.bob, place),
  };
}

/** Writes a small JSON file whole or not at all, readable for its owner only. */
export function writeWhole(path: string, value: unknown): void {
  writeFileSync(`${path}.new`, JSON.stringify(value, null, 2), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** A name that nobody else has on a platform that others use too, and a password that fits every rule. */
function makeAccount(name: string): Account {
  const digits = String(randomInt(1_000_000_000)).padStart(9, '0');
  const password = Buffer.from(nodeProvider.randomBytes(24)).toString('base64url');
  return { username: `${name}${digits}`, password: `${password}-Aa1!` };
}
