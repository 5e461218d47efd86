/**
 * SQL on resumable uploads. Locks are taken on the row of the upload first, then on that of its file.
 *
 * One request at a time is the writer of an upload. What it brings counts only while its name is in the row, so that a
 * request which has been replaced, or whose process was thought dead, changes nothing any more.
 */
import type { FileId, UserId } from '@sotto/api';
import { type Kysely, sql, type Transaction } from 'kysely';
import { fastenPieces, loosenPieces } from './loose-pieces.ts';
import { type Advance, offsetOf, type Piece, type Progress } from './resumable-state.ts';
import type { FileTables } from './schema.ts';
import { markDeleting } from './store.ts';
import { giveBackToDay } from './usage-days-store.ts';

type Query = Kysely<FileTables>;

/** The right to change an upload. */
export interface Turn {
  file: FileId;
  writer: string;
}

/** An upload as its owner finds it. */
export interface FoundUpload {
  state: 'pending' | 'stored' | 'deleting';
  blobKey: string;
  length: number;
  /** Null for a file that is, or was, no unfinished resumable upload. */
  expiresAt: Date | null;
  attempt: string | null;
  /** Who had the turn before the asking. */
  writer: string | null;
  /** Who asked has it now. */
  taken: boolean;
}

/** Makes a resumable upload of a pending file. */
export async function insertUpload(
  transaction: Transaction<FileTables>,
  { file, until }: { file: FileId; until: Date },
): Promise<void> {
  await transaction.insertInto('uploads').values({ file, expires_at: until }).execute();
}

/** Finds an upload of this owner, and makes the asker its writer when it has none and may be continued. */
export async function takeTurn(
  query: Query,
  { file, writer }: Turn,
  { owner, now, leaseMs }: { owner: UserId; now: Date; leaseMs: number },
): Promise<FoundUpload | undefined> {
  const { rows } = await sql<FoundUpload>`
    with found as (
      select files.id, files.state, files.blob_key, files.size, uploads.expires_at, uploads.attempt,
        uploads.writer
      from files left join uploads on uploads.file = files.id
      where files.id = ${file} and files.owner = ${owner}
    ), taken as (
      update uploads set writer = ${writer}, writer_until = ${until(leaseMs)}, writer_wanted = false
      from found
      where uploads.file = found.id and found.state = 'pending' and uploads.expires_at > ${now}
        and (uploads.writer is null or uploads.writer_until < now())
      -- What was found may be older: to update, one waits for whoever has the row locked.
      returning uploads.file, uploads.attempt
    )
    select found.state, found.blob_key as "blobKey", found.size as length,
      found.expires_at as "expiresAt", found.writer, taken.file is not null as taken,
      case when taken.file is null then found.attempt else taken.attempt end as attempt
    from found left join taken on taken.file = found.id`.execute(query);
  return rows[0];
}

function until(leaseMs: number) {
  return sql`now() + ${leaseMs} * interval '1 millisecond'`;
}

/** Tells the writer of an upload that another one waits. */
export async function wantTurn(query: Query, file: FileId): Promise<void> {
  await query
    .updateTable('uploads')
    .set({ writer_wanted: true })
    .where('file', '=', file)
    .where('writer', 'is not', null)
    .execute();
}

/** Keeps the turns of a process alive. Gives those that still are turns, and whether another writer waits. */
export async function renewTurns(
  query: Query,
  turns: readonly Turn[],
  leaseMs: number,
): Promise<{ writer: string; wanted: boolean }[]> {
  const files = turns.map(({ file }) => file);
  const writers = turns.map(({ writer }) => writer);
  const { rows } = await sql<{ writer: string; wanted: boolean }>`
    update uploads set writer_until = ${until(leaseMs)}
    where file = any(${files}) and writer = any(${writers})
    returning writer, writer_wanted as wanted`.execute(query);
  return rows;
}

/** Lets the next one have its turn. */
export async function endTurn(query: Query, { file, writer }: Turn): Promise<void> {
  await query
    .updateTable('uploads')
    .set({ writer: null, writer_until: null, writer_wanted: false })
    .where('file', '=', file)
    .where('writer', '=', writer)
    .execute();
}

/** What the store has of an upload. */
export async function readProgress(query: Query, file: FileId, length: number): Promise<Progress> {
  const parts = await query
    .selectFrom('upload_parts')
    .select('tag')
    .where('file', '=', file)
    .orderBy('number')
    .execute();
  return { length, tags: parts.map(({ tag }) => tag), pieces: await listPieces(query, file) };
}

/** The pieces of an upload, in order. */
export async function listPieces(query: Query, file: FileId): Promise<Piece[]> {
  const rows = await query
    .selectFrom('upload_pieces')
    .select(['start', 'size', 'blob_key'])
    .where('file', '=', file)
    .orderBy('start')
    .execute();
  return rows.map(({ start, size, blob_key: blobKey }) => ({ start, size, blobKey }));
}

/** Remembers what the store calls the parts. False when it is no turn any more. */
export function saveAttempt(query: Query, turn: Turn, attempt: string): Promise<boolean> {
  return inTurn(query, turn, async (transaction) => {
    await transaction
      .updateTable('uploads')
      .set({ attempt })
      .where('file', '=', turn.file)
      .execute();
  });
}

/**
 * Writes down how far an upload has come. False when it is no turn any more, and nothing has changed. Throws when a piece
 * was given up in between.
 */
export function saveAdvance(
  query: Query,
  turn: Turn,
  { tags, firstPart, added, removed }: Advance,
): Promise<boolean> {
  const { file } = turn;
  return inTurn(query, turn, async (transaction) => {
    if (removed.length > 0) {
      const keys = keysOf(removed);
      const gone = transaction.deleteFrom('upload_pieces').where('file', '=', file);
      await gone.where('blob_key', 'in', keys).execute();
      await loosenPieces(transaction, keys);
    }
    if (tags.length > 0) {
      const rows = tags.map((tag, at) => ({ file, number: firstPart + at, tag }));
      await transaction.insertInto('upload_parts').values(rows).execute();
    }
    if (added.length > 0) {
      await fastenPieces(transaction, keysOf(added));
      const rows = added.map(({ start, size, blobKey }) => ({
        file,
        start,
        size,
        blob_key: blobKey,
      }));
      await transaction.insertInto('upload_pieces').values(rows).execute();
    }
  });
}

function keysOf(pieces: readonly Piece[]): string[] {
  return pieces.map(({ blobKey }) => blobKey);
}

/** Makes a file of an upload: visible, and no upload any more. False when it is no turn any more. */
export function settleUpload(query: Query, turn: Turn, sha256: Uint8Array): Promise<boolean> {
  return inTurn(query, turn, async (transaction) => {
    await transaction
      .updateTable('files')
      .set({ state: 'stored', sha256, unshared_at: sql`now()` })
      .where('id', '=', turn.file)
      .execute();
    await transaction.deleteFrom('uploads').where('file', '=', turn.file).execute();
  });
}

/**
 * Gives an upload up: hidden, and what it did not bring given back to the day, both or neither. False, and nothing has
 * changed, when it is no upload any more, or for a turn no turn any more. Without a writer it is one whose time is over.
 */
export function giveUpUpload(
  query: Query,
  turn: Pick<Turn, 'file'> & Partial<Turn>,
  length: number,
): Promise<boolean> {
  const { file } = turn;
  return inTurn(query, turn, async (transaction) => {
    const brought = offsetOf(await readProgress(transaction, file, length));
    await giveBackToDay(transaction, file, length - brought);
    await markDeleting(transaction, file);
  });
}

/**
 * Gives up uploads whose time is over, unless one is being continued just now. True when there may be more. Index:
 * uploads_expiring.
 */
export async function expireUploads(
  query: Query,
  { now, limit }: { now: Date; limit: number },
): Promise<boolean> {
  const over = await query
    .selectFrom('uploads')
    .innerJoin('files', 'files.id', 'uploads.file')
    .select(['files.id', 'files.size'])
    .where('files.state', '=', 'pending')
    .where('uploads.expires_at', '<', now)
    .where(sql<boolean>`(uploads.writer_until is null or uploads.writer_until < now())`)
    .limit(limit)
    .execute();
  for (const { id, size } of over) await giveUpUpload(query, { file: id }, size);
  return over.length === limit;
}

function inTurn(
  query: Query,
  { file, writer }: Pick<Turn, 'file'> & Partial<Turn>,
  change: (transaction: Transaction<FileTables>) => Promise<void>,
): Promise<boolean> {
  return query.transaction().execute(async (transaction) => {
    const pending = transaction
      .selectFrom('uploads')
      .innerJoin('files', 'files.id', 'uploads.file')
      .select('files.id')
      .where('uploads.file', '=', file)
      .where('files.state', '=', 'pending')
      .forUpdate();
    const ours = writer === undefined ? pending : pending.where('uploads.writer', '=', writer);
    const row = await ours.executeTakeFirst();
    if (row === undefined) return false;
    await change(transaction);
    return true;
  });
}
