/**
 * Makes a backup beside a running platform: the rows of all services by COPY in one snapshot, then the blobs that those
 * rows name. The file service removes none in the meantime (`services/file/src/backup-pause.ts`).
 */
import { CommandError, EXIT_UNAVAILABLE } from '@sotto/runtime';
import type pg from 'pg';
import { BACKUP_LOCK } from '../../services/file/src/backup-pause.ts';
import { findOwner } from '../../services/file/src/store-marker.ts';
import type { ArchiveFile } from './archive-file.ts';
import { type ArchiveWriter, writeArchive } from './archive-writer.ts';
import { copyOut } from './copy.ts';
import { type Header, SCHEMAS } from './records.ts';
import { connectTo, knownFingerprints, type Site } from './site.ts';
import { describeSchema, listTables } from './tables.ts';

export interface TakeOptions {
  /** Makes the file. Called once this is the only backup under way, so that none takes another's file. */
  open: () => Promise<Pick<ArchiveFile, 'sink' | 'keep'>>;
  release: string;
  /** By name: those that go with it. */
  secrets: ReadonlyMap<string, string>;
  /** Says what was done, in a few words; often. */
  progress: (what: string) => void;
}

export interface Taken {
  tables: number;
  files: number;
  /** Files that rows name and the store has lost, or has other bytes of. */
  missing: number;
}

/** How long a removal that is under way, or another backup, is waited for. */
const LOCK_WAIT = '5s';

/**
 * Writes a whole archive and keeps it. Rejects when another backup is under way, when the store is another platform's, or
 * when the database or the store fails.
 */
export async function takeBackup(site: Site, options: TakeOptions): Promise<Taken> {
  const client = await connectTo(site);
  try {
    await pauseRemovals(client);
    await client.query('begin transaction isolation level repeatable read read only');
    const header = await describe(client, options.release);
    await refuseForeignStore(client, site);
    const file = await options.open();
    const archive = await writeArchive(file.sink, header);
    const tables = await copyTables(client, archive, options.progress);
    await client.query('commit');
    const { files, missing } = await copyBlobs({ client, site, archive, header }, options.progress);
    for (const [name, text] of options.secrets) {
      await archive.entry({ kind: 'secret', name }, oneOf(Buffer.from(text)));
    }
    await assertPaused(client);
    await archive.end(missing);
    await file.keep();
    return { tables, files, missing };
  } finally {
    // With the connection goes the lock.
    await client.end();
  }
}

async function pauseRemovals(client: pg.Client): Promise<void> {
  await client.query(`set lock_timeout = '${LOCK_WAIT}'`);
  try {
    await client.query('select pg_advisory_lock(hashtextextended($1, 0))', [BACKUP_LOCK]);
  } catch (error) {
    const isTaken = error instanceof Error && 'code' in error && error.code === LOCK_NOT_AVAILABLE;
    throw isTaken ? new Error('another backup is under way') : error;
  }
  await client.query('set lock_timeout = 0');
}

const LOCK_NOT_AVAILABLE = '55P03';

/** Whether the lock was held to the end: a database that restarted has let it go, and blobs may have been removed since. */
async function assertPaused(client: pg.Client): Promise<void> {
  const held = await client
    .query(
      `select from pg_locks where pid = pg_backend_pid() and locktype = 'advisory' and granted`,
    )
    .then(
      ({ rows }) => rows.length > 0,
      () => false,
    );
  if (held) return;
  const why = 'the database has let go of us, and files may have been removed meanwhile';
  throw new CommandError(`${why}: begin again`, EXIT_UNAVAILABLE);
}

/** A store that is known to be another's has none of the files. One that nobody has claimed yet is looked at blob by blob. */
async function refuseForeignStore(client: pg.Client, { blobs }: Site): Promise<void> {
  const { rows } = await client.query<{ id: string }>('select id::text from file.platform');
  const owner = await findOwner(blobs);
  if (owner === undefined || owner === rows[0]?.id) return;
  throw new CommandError(
    'the store with the files is another platform’s: see S3_ENDPOINT and S3_BUCKET, or FILE_DIRECTORY',
  );
}

async function describe(client: pg.Client, release: string): Promise<Header> {
  const { rows } = await client.query<{ now: Date; version: string; incarnation: string }>(
    `select clock_timestamp() as now, current_setting('server_version') as version,
      (select incarnation from message.platform)::text as incarnation`,
  );
  const [about] = rows;
  if (about === undefined) throw new Error('the database does not say what it is');
  const fingerprints = [...knownFingerprints()].map(([name, [first = '']]) => [name, first]);
  return {
    takenAt: about.now.toISOString(),
    release,
    postgres: about.version,
    incarnation: Number(about.incarnation),
    schemas: {
      auth: await describeSchema(client, 'auth'),
      key: await describeSchema(client, 'key'),
      message: await describeSchema(client, 'message'),
      file: await describeSchema(client, 'file'),
    },
    fingerprints: Object.fromEntries(fingerprints),
  };
}

async function copyTables(
  client: pg.Client,
  archive: ArchiveWriter,
  progress: TakeOptions['progress'],
): Promise<number> {
  let tables = 0;
  for (const schema of SCHEMAS) {
    for (const { table, columns } of await listTables(client, schema)) {
      progress(`${schema}.${table}`);
      const names = columns.map((column) => `"${column}"`).join(', ');
      const statement = `copy (select ${names} from "${schema}"."${table}") to stdout (format binary)`;
      await archive.entry({ kind: 'table', schema, table, columns }, copyOut(client, statement));
      tables += 1;
    }
  }
  return tables;
}

interface BlobWork {
  /** Holds the lock that keeps the blobs: a page that it gives proves that it is there still. */
  client: pg.Client;
  site: Site;
  archive: ArchiveWriter;
  header: Header;
}

interface FileRow {
  key: string;
  state: 'stored' | 'deleting';
  sha256: Buffer | null;
}

const PAGE_ROWS = 500;

async function copyBlobs(work: BlobWork, progress: TakeOptions['progress']) {
  let files = 0;
  let missing = 0;
  let after = '00000000-0000-0000-0000-000000000000';
  for (;;) {
    const rows = await filesAfter(work, after);
    for (const row of rows) {
      const isWhole = await copyBlob(work, row);
      if (isWhole) files += 1;
      // One that was about to go may be gone.
      else if (row.state === 'stored') missing += 1;
      progress(`${files} files`);
    }
    const last = rows.at(-1);
    if (rows.length < PAGE_ROWS || last === undefined) return { files, missing };
    after = last.key;
  }
}

/**
 * Of the rows as they are now: those of the snapshot are all still there, as removals wait, and what was hidden since is
 * wanted too. Index: files_blob_key_key.
 */
async function filesAfter({ client, header }: BlobWork, after: string): Promise<FileRow[]> {
  const { rows } = await client.query<FileRow>(
    `select blob_key::text as key, state, sha256 from file.files
    where state in ('stored', 'deleting') and created_at <= $1::timestamptz + interval '1 second' and blob_key > $2
    order by blob_key limit ${PAGE_ROWS}`,
    [header.takenAt, after],
  );
  return rows;
}

const ATTEMPTS_MAX = 3;

/** False when the store has no such blob, or other bytes of it. What breaks off is tried again, as another entry. */
async function copyBlob({ site, archive }: BlobWork, { key, sha256 }: FileRow): Promise<boolean> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const blob = await site.blobs.get(key);
      if (blob === undefined) return false;
      const written = await archive.entry({ kind: 'blob', key }, blob.body);
      return sha256 === null || sha256.toString('hex') === written.sha256;
    } catch (error) {
      if (attempt === ATTEMPTS_MAX) throw error;
    }
  }
}

async function* oneOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
