/**
 * Resumable uploads: begun with their whole length, brought in as many requests as it takes, a file when all is there.
 *
 * Whatever reads or changes one does so in its turn (`resumable-turns.ts`). An upload whose bytes are all there, but
 * whose process died before it was made a file, is made one by whoever looks at it next.
 */
import { ApiError, type FileId, type UserId } from '@sotto/api';
import { type Clock, PartsGoneError } from '@sotto/runtime';
import { type MeteredBody, meterBody } from './body-meter.ts';
import { type DeletionDeps, deleteFile, remove } from './deletions.ts';
import { untilAborted } from './pass-through.ts';
import { reserve } from './reservations.ts';
import { replaced } from './resumable-held-turns.ts';
import { cutSections, type Sections } from './resumable-sections.ts';
import { offsetOf, roomOf } from './resumable-state.ts';
import { type FoundUpload, giveUpUpload, readProgress, type Turn } from './resumable-store.ts';
import type { Turns } from './resumable-turns.ts';
import { assertWithinDay, countWaste } from './resumable-waste.ts';
import { type Unfinished, Writing, type WritingDeps } from './resumable-writing.ts';
import type { UploadDeps } from './uploads.ts';

export interface ResumableDeps extends WritingDeps, DeletionDeps, UploadDeps {
  turns: Turns;
  clock: Clock;
  /** How long an upload may take from its beginning. */
  uploadMs: number;
}

export interface Standing {
  offset: number;
  length: number;
  /** Of an upload that is not complete. */
  expiresAt?: Date;
  /** It has just become a file. */
  isNew?: true;
}

/** One upload, of the caller. */
export interface Mine {
  id: FileId;
  owner: UserId;
  /** Aborted when the caller waits no longer for an answer. */
  gone: AbortSignal;
}

/** One that is to be. */
export interface Creating extends Pick<Mine, 'owner' | 'gone'> {
  length: number;
  expiresAt: Date | undefined;
}

/** What one request brings. */
export interface Bringing {
  offset: number;
  body: ReadableStream<Uint8Array>;
  /** Content-Length, when the sender gave one. */
  announced: number | undefined;
  /** SHA-256 of the body: with it, all of it is stored or nothing. */
  checksum: Uint8Array | undefined;
}

/** Begins one. Throws what `reserve` throws. */
export async function create(
  deps: ResumableDeps,
  { owner, gone, length, expiresAt }: Creating,
): Promise<Pick<Standing, 'isNew'> & { id: FileId; until: Date }> {
  const until = new Date(deps.clock() + deps.uploadMs);
  const { id } = await reserve(deps, { owner, announced: length, expiresAt, until });
  // There is nothing to wait for.
  const standing = length === 0 ? await find(deps, { id, owner, gone }) : undefined;
  return { id, until, ...(standing?.isNew && { isNew: true }) };
}

/**
 * How far an upload has come. Throws `file.not-found`, `upload.expired`, and `upload.locked` when a request that brings
 * bytes to it does not end in time.
 */
export async function find(deps: ResumableDeps, mine: Mine): Promise<Standing> {
  const found = await open(deps, mine);
  if (!isUnfinished(found)) return found;
  await using _ = found.turn;
  return await work(deps, found, (writing) => conclude(writing, found));
}

/**
 * Stores what a request brings. When it breaks off what has come is kept, unless there is a checksum. Throws what `find`
 * and `assertWithinDay` throw, `upload.offset-conflict`, `upload.checksum-mismatch`, `request.too-large`, `request.timeout`,
 * `request.malformed`.
 */
export async function bring(
  deps: ResumableDeps,
  mine: Mine,
  bringing: Bringing,
): Promise<Standing> {
  const found = await open(deps, mine);
  if (!isUnfinished(found)) {
    assertFits(bringing, found);
    return found;
  }
  await using _ = found.turn;
  assertFits(bringing, { offset: offsetOf(found.progress), length: found.upload.length });
  await assertWithinDay(deps, mine.owner);
  return await work(deps, found, async (writing) => {
    await receive(deps, { writing, signal: found.turn.signal, bringing });
    return conclude(writing, found);
  });
}

/** Gives one up, or deletes the file that it has become. Throws `file.not-found`, `upload.locked`. */
export async function end(deps: ResumableDeps, { id, owner, gone }: Mine): Promise<void> {
  const { upload, turn } = await deps.turns.take(id, owner, gone);
  await using _ = turn;
  const { state, expiresAt } = upload;
  if (state === 'stored') return await deleteFile(deps, id, owner);
  if (state === 'deleting' || expiresAt === null) throw notFound();
  if (await giveUp(deps, upload, turn ?? { file: id })) return;
  throw turn === undefined ? notFound() : replaced();
}

async function open(
  deps: ResumableDeps,
  { id, owner, gone }: Mine,
): Promise<Standing | Unfinished> {
  const { upload, turn } = await deps.turns.take(id, owner, gone);
  const { state, length, expiresAt } = upload;
  if (turn !== undefined) {
    try {
      return { owner, upload, turn, progress: await readProgress(deps.query, id, length) };
    } catch (error) {
      await turn[Symbol.asyncDispose]();
      throw error;
    }
  }
  if (state === 'stored') return { offset: length, length };
  throw state === 'pending' && expiresAt !== null ? new ApiError('upload.expired') : notFound();
}

function isUnfinished(found: Standing | Unfinished): found is Unfinished {
  return 'turn' in found;
}

function assertFits({ offset, announced }: Bringing, standing: Standing): void {
  if (offset !== standing.offset) throw new ApiError('upload.offset-conflict');
  if (offset + (announced ?? 0) > standing.length) throw tooLarge('more than the upload lacks');
}

/** False when it is not the caller's any more to give up. What of it cannot be removed now is left to the sweeper. */
async function giveUp(
  deps: ResumableDeps,
  { blobKey, length }: FoundUpload,
  turn: Pick<Turn, 'file'> & Partial<Turn>,
): Promise<boolean> {
  if (!(await giveUpUpload(deps.query, turn, length))) return false;
  await remove(deps, { id: turn.file, blobKey }).catch(deps.events.leftover);
  return true;
}

/** Does something with an upload in its turn. One whose bytes the store has lost is given up. */
async function work(
  deps: ResumableDeps,
  unfinished: Unfinished,
  task: (writing: Writing) => Promise<Standing>,
): Promise<Standing> {
  try {
    const writing = new Writing(deps, unfinished);
    const standing = await task(writing);
    writing.leave();
    return standing;
  } catch (error) {
    const { upload, turn } = unfinished;
    // Whoever has the turn by now may have made a file of it, and its parts are gone for that.
    if (turn.signal.aborted) throw turn.signal.reason;
    if (!(error instanceof PartsGoneError)) throw error;
    if (!(await giveUp(deps, upload, turn))) throw replaced();
    deps.events.damaged(new Error('the store has lost an upload', { cause: error }));
    throw new ApiError('upload.expired', { detail: 'the store has lost it', cause: error });
  }
}

/** Makes a file of an upload that lacks nothing. */
async function conclude(writing: Writing, { upload }: Unfinished): Promise<Standing> {
  const { length, expiresAt } = upload;
  const offset = offsetOf(writing.progress);
  if (offset < length) return { offset, length, ...(expiresAt !== null && { expiresAt }) };
  await writing.join();
  await writing.save();
  await writing.settle();
  return { offset, length, isNew: true };
}

interface Receiving {
  writing: Writing;
  signal: AbortSignal;
  bringing: Bringing;
}

async function receive(
  deps: ResumableDeps,
  { writing, signal, bringing }: Receiving,
): Promise<void> {
  const { memory, stallMs } = deps;
  const { body, checksum } = bringing;
  const metered = meterBody(untilAborted(body, signal), {
    bytesMax: writing.progress.length - bringing.offset,
    exceeded: () => tooLarge('more than the upload lacks'),
    stallMs,
  });
  const sections = cutSections(metered.stream, { memory, owner: writing.owner, signal });
  try {
    // What an earlier request left small.
    await writing.join();
    await writing.save();
    for (let isOver = false; !isOver; ) {
      isOver = await receiveSection(writing, { sections, checksum, metered });
      await writing.join();
      if (isOver || checksum === undefined) await writing.save();
    }
  } catch (error) {
    await writing.undo();
    throw error;
  } finally {
    await sections.close();
    const kept = offsetOf(writing.progress) - bringing.offset;
    await countWaste(deps, writing.owner, metered.size() - kept);
  }
}

/** True at the end of the body. */
async function receiveSection(
  writing: Writing,
  { sections, checksum, metered }: Pick<Bringing, 'checksum'> & Arriving,
): Promise<boolean> {
  using section = await sections.next(roomOf(writing.progress));
  const { bytes, end } = section;
  const isOver = end === 'done';
  const failure = isOver ? undefined : end;
  if (checksum !== undefined) {
    if (failure !== undefined) throw failure.error;
    if (isOver && Buffer.compare(metered.sha256(), checksum) !== 0) {
      throw new ApiError('upload.checksum-mismatch');
    }
  }
  if (bytes.byteLength > 0) await writing.put(bytes);
  if (isOver || checksum === undefined) await writing.save();
  if (failure !== undefined) throw failure.error;
  return isOver;
}

interface Arriving {
  sections: Sections;
  metered: MeteredBody;
}

function tooLarge(detail: string): ApiError {
  return new ApiError('request.too-large', { detail });
}

function notFound(): ApiError {
  return new ApiError('file.not-found');
}
