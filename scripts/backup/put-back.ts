/**
 * Puts a backup into an empty platform: one transaction makes the tables of the release that made the backup, fills them,
 * brings them up to this release, and makes them safe to run on. The blobs are stored before it commits, so what breaks off
 * leaves no row behind.
 */

import { type Blobs, CommandError, migrateWithin } from '@sotto/runtime';
import type pg from 'pg';
import { findOwner, MARKER_KEY } from '../../services/file/src/store-marker.ts';
import { BrokenOff, readArchive } from './archive-reader.ts';
import { copyIn } from './copy.ts';
import { makeSafeWithin, type Safety } from './make-safe.ts';
import { type Entry, type Header, SCHEMAS } from './records.ts';
import { MIGRATIONS } from './release.ts';
import { clearSchema, inSchema, makePartition, raiseSequence } from './schemas.ts';

/** Steps of a backup that this release does not know: it was made by a newer one. */
export function unknownMigrations({ schemas }: Header): string[] {
  return SCHEMAS.flatMap((schema) => {
    return schemas[schema].migrations
      .filter((name) => MIGRATIONS[schema][name] === undefined)
      .map((name) => `${schema} ${name}`);
  });
}

export interface PutBackOptions {
  client: pg.Client;
  blobs: Blobs;
  /** The archive, once more from its beginning: it was read to its end before, and found whole. */
  archive: AsyncIterable<Uint8Array>;
  /** Also into a platform that is not empty, whose rows go. */
  replace: boolean;
  progress: (what: string) => void;
}

/** Thrown before anything is changed. */
export class NotEmpty extends Error {
  override readonly name = 'NotEmpty';
}

/** Restores all of it, or nothing. How many files came back, and what was made safe. */
export async function putBack(options: PutBackOptions): Promise<{ files: number; safety: Safety }> {
  const { client, archive } = options;
  await client.query('begin');
  try {
    const restore = new Restore(options);
    await readArchive(archive, restore);
    const safety = await restore.end();
    await client.query('commit');
    return { files: restore.files, safety };
  } catch (error) {
    // A connection that is gone has taken the transaction with it.
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
}

class Restore {
  readonly #options: PutBackOptions;
  #header: Header | undefined;
  /** Of the platform that was there before, and may have claimed the store at its start. */
  #idBefore: string | undefined;
  /** Of the same platform: its clients must not take the restored one for it. */
  #incarnationBefore = 0;
  #isStoreChecked = false;
  files = 0;

  constructor(options: PutBackOptions) {
    this.#options = options;
  }

  async header(header: Header): Promise<void> {
    const { client, replace } = this.#options;
    this.#header = header;
    await lockOut(client);
    if (!(await isEmpty(client)) && !replace) {
      throw new NotEmpty(
        'the platform is not empty: a restore would take the place of what it holds',
      );
    }
    this.#idBefore = await platformId(client);
    this.#incarnationBefore = await incarnationOf(client);
    for (const schema of SCHEMAS) {
      const { migrations, partitions } = header.schemas[schema];
      const known = Object.entries(MIGRATIONS[schema]);
      const then = known.filter(([name]) => migrations.includes(name));
      await clearSchema(client, schema);
      await inSchema(client, schema, () => migrateWithin(client, Object.fromEntries(then)));
      for (const partition of partitions) {
        await inSchema(client, schema, () => makePartition(client, schema, partition));
      }
    }
  }

  async entry(entry: Entry, content: AsyncIterable<Uint8Array>): Promise<void> {
    if (entry.kind === 'table') await this.#table(entry, content);
    if (entry.kind === 'blob') await this.#blob(entry.key, content);
  }

  async #table(
    { schema, table, columns }: Extract<Entry, { kind: 'table' }>,
    content: AsyncIterable<Uint8Array>,
  ): Promise<void> {
    const { client, progress } = this.#options;
    progress(`${schema}.${table}`);
    const name = `"${schema}"."${table}"`;
    const names = columns.map((column) => `"${column}"`).join(', ');
    await inSchema(client, schema, async () => {
      await emptyTable(client, name);
      await copyIn(client, `copy ${name} (${names}) from stdin (format binary)`, content);
    });
  }

  async #blob(key: string, content: AsyncIterable<Uint8Array>): Promise<void> {
    const { blobs, progress } = this.#options;
    // Rows come before blobs, so it is known by now whose they are.
    if (!this.#isStoreChecked) await this.#checkStore();
    try {
      await blobs.put(key, streamOf(content));
      this.files += 1;
    } catch (error) {
      // The store undid it, and the backup has it once more or never had it whole.
      if (!(error instanceof BrokenOff)) throw error;
    }
    progress(`${this.files} files`);
  }

  /** A store that somebody else's platform goes on using gets no blobs, and keeps its mark. */
  async #checkStore(): Promise<void> {
    const { client, blobs, replace } = this.#options;
    const owner = await findOwner(blobs);
    const ours = [undefined, this.#idBefore, await platformId(client)];
    if (!ours.includes(owner) && !replace) {
      throw new CommandError(
        'the store for the files is another platform’s: see S3_ENDPOINT and S3_BUCKET, or empty it, or say --replace',
      );
    }
    this.#isStoreChecked = true;
  }

  /** What can be done only once all rows are there. */
  async end(): Promise<Safety> {
    const { client, blobs } = this.#options;
    const header = this.#header;
    if (header === undefined) throw new Error('an archive without a header');
    for (const schema of SCHEMAS) {
      await inSchema(client, schema, async () => {
        for (const one of header.schemas[schema].sequences) {
          await raiseSequence(client, schema, one);
        }
        await migrateWithin(client, MIGRATIONS[schema]);
      });
    }
    // Their parts are in no backup: whoever brings such a file begins anew.
    await client.query(
      'update file.uploads set expires_at = now(), writer = null, writer_until = null',
    );
    const safety = await makeSafeWithin(client, { above: this.#incarnationBefore });
    if (!this.#isStoreChecked) await this.#checkStore();
    // Last, and not after the commit: a store that is nobody's is claimed by whoever starts next, one of a platform that is
    // no more by nobody.
    const owner = await findOwner(blobs);
    if (owner !== undefined && owner !== (await platformId(client))) await blobs.delete(MARKER_KEY);
    return safety;
  }
}

/** What the file service marks its store with; undefined where no platform has run. */
async function platformId(client: pg.Client): Promise<string | undefined> {
  if (!(await isThere(client, 'file.platform'))) return undefined;
  const { rows } = await client.query<{ id: string }>('select id::text from file.platform');
  return rows[0]?.id;
}

/** Zero where no platform has run. */
async function incarnationOf(client: pg.Client): Promise<number> {
  if (!(await isThere(client, 'message.platform'))) return 0;
  const { rows } = await client.query<{ incarnation: number }>(
    'select incarnation from message.platform',
  );
  return rows[0]?.incarnation ?? 0;
}

async function isThere(client: pg.Client, table: string): Promise<boolean> {
  const { rows } = await client.query<{ there: boolean }>(
    'select to_regclass($1) is not null as there',
    [table],
  );
  return rows[0]?.there === true;
}

function streamOf(content: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const pieces = content[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await pieces.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  });
}

/** What a migration put there goes, also from a table whose triggers let nothing go. */
async function emptyTable(client: pg.Client, name: string): Promise<void> {
  const { rows } = await client.query(`select from ${name} limit 1`);
  if (rows.length === 0) return;
  await client.query(`alter table ${name} disable trigger user`);
  await client.query(`delete from ${name}`);
  await client.query(`alter table ${name} enable trigger user`);
}

/** Services that start now wait for this transaction, as for another's migrations (`migrate.ts` of the runtime). */
async function lockOut(client: pg.Client): Promise<void> {
  for (const schema of SCHEMAS) {
    await client.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [
      `migrate:${schema}`,
    ]);
  }
}

/** True when nobody has an account and nothing is stored; a platform that was only started is empty. */
async function isEmpty(client: pg.Client): Promise<boolean> {
  for (const table of ['auth.users', 'key.identity_keys', 'message.conversations', 'file.files']) {
    if (!(await isThere(client, table))) continue;
    if ((await client.query(`select from ${table} limit 1`)).rows.length > 0) return false;
  }
  return true;
}
