/** A fresh schema with the tables of the key log, and what tests put into it and hold its answers against. */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { UserId } from '@sotto/api';
import { encodeKeyLogLeaf } from '@sotto/crypto/verify';
import { type Database, migrate, openDatabase } from '@sotto/runtime';
import { testDatabase } from '@sotto/runtime/testing';
import { sql } from 'kysely';
import { migrations } from '../migrations/index.ts';
import type { KeyTables } from '../schema.ts';
import { addAccountLeaf, findBlindingKey, findLeaves } from './leaves.ts';

export interface LogDatabase {
  database: Database<KeyTables>;
  blindingKey: Uint8Array;
  /** A second pool, as another process has it. */
  another(): Database<KeyTables>;
  /** Commits the next leaf of an account. */
  add(user?: UserId): Promise<void>;
  /** Puts this many leaves of no account into the queue. */
  addMany(count: number): Promise<void>;
  /** All leaves of the tree. */
  leaves(): Promise<Uint8Array[]>;
  url: string;
  close(): Promise<void>;
}

export async function openLogDatabase(): Promise<LogDatabase> {
  await using opened = new AsyncDisposableStack();
  const testing = await testDatabase();
  opened.defer(() => testing.close());
  const options = testing.options('key');
  const database = openDatabase<KeyTables>(options);
  opened.defer(() => database.close());
  await migrate(database, 'key', migrations);
  const { query } = database;
  const blindingKey = await findBlindingKey(query);
  const { user, password, host, port, database: name } = options;
  const running = opened.move();
  return {
    database,
    blindingKey,
    another() {
      const other = openDatabase<KeyTables>(options);
      running.defer(() => other.close());
      return other;
    },
    async add(account = newUser()) {
      await query.transaction().execute(async (transaction) => {
        const identityKey = randomBytes(32);
        await addAccountLeaf(transaction, blindingKey, { user: account, identityKey });
      });
    },
    async addMany(count) {
      const leaves = Array.from({ length: count }, (_, time) => {
        return encodeKeyLogLeaf({ type: 'restored', incarnation: 1, time });
      });
      await sql`insert into key_log_pending (leaf) select * from unnest(${leaves}::bytea[])`.execute(
        query,
      );
    },
    async leaves() {
      const pages: Uint8Array[] = [];
      for (;;) {
        const page = await findLeaves(query, { start: pages.length, count: 10_000 });
        if (page.length === 0) return pages;
        pages.push(...page);
      }
    },
    url: `postgres://${user}:${password}@${host}:${port}/${name}`,
    close: () => running.disposeAsync(),
  };
}

export function newUser(): UserId {
  return UserId.parse(randomUUID());
}

/**
 * The tree over some leaves as RFC 9162 defines it, by recursion over the leaves themselves: nothing here is shared with
 * what is tested.
 */
export class ReferenceTree {
  readonly #leaves: readonly Uint8Array[];
  readonly #known = new Map<string, Buffer>();

  constructor(leaves: readonly Uint8Array[]) {
    this.#leaves = leaves;
  }

  /** MTH(D[start:end]), section 2.1.1. */
  hash(start: number, end: number): Buffer {
    const key = `${start}:${end}`;
    const known = this.#known.get(key) ?? this.#compute(start, end);
    this.#known.set(key, known);
    return known;
  }

  /** PATH(index, D[start:end]), section 2.1.3.1; `index` counts from 0. */
  path(index: number, start: number, end: number): Buffer[] {
    if (end - start === 1) return [];
    const middle = start + split(end - start);
    return index < middle
      ? [...this.path(index, start, middle), this.hash(middle, end)]
      : [...this.path(index, middle, end), this.hash(start, middle)];
  }

  /** PROOF(first, D[0:second]), section 2.1.4.1. */
  proof(first: number, second: number): Buffer[] {
    return this.#subproof(first, { start: 0, end: second, isWhole: true });
  }

  #subproof(
    first: number,
    { start, end, isWhole }: { start: number; end: number; isWhole: boolean },
  ): Buffer[] {
    if (first === end) return isWhole ? [] : [this.hash(start, end)];
    const middle = start + split(end - start);
    return first <= middle
      ? [...this.#subproof(first, { start, end: middle, isWhole }), this.hash(middle, end)]
      : [
          ...this.#subproof(first, { start: middle, end, isWhole: false }),
          this.hash(start, middle),
        ];
  }

  #compute(start: number, end: number): Buffer {
    const leaf = this.#leaves[start];
    if (start === end || leaf === undefined) return digest();
    if (end - start === 1) return digest(Buffer.of(0), leaf);
    const middle = start + split(end - start);
    return digest(Buffer.of(1), this.hash(start, middle), this.hash(middle, end));
  }
}

function split(count: number): number {
  return 2 ** Math.floor(Math.log2(count - 1));
}

function digest(...parts: Uint8Array[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}
