/**
 * The bytes of an upload on their way to the store, in the turn of one request.
 *
 * What is put does not count before it is saved. The store has it first and the row tells of it then, so that wherever
 * the process dies the row tells of no byte that is not there. Pieces have a row of another kind before that and after
 * (`loose-pieces.ts`), so that the sweeper finds those that never counted.
 */
import { createHash, randomUUID } from 'node:crypto';
import type { UserId } from '@sotto/api';
import {
  type Blobs,
  freeSpent,
  type PartBuffer,
  type PartMemory,
  type PartsAttempt,
  PartsGoneError,
} from '@sotto/runtime';
import type { Kysely } from 'kysely';
import type { Events } from './events.ts';
import { announcePiece, removePiece } from './loose-pieces.ts';
import type { RunningDigest, RunningDigests } from './resumable-digests.ts';
import { type HeldTurn, replaced } from './resumable-held-turns.ts';
import {
  advance,
  fillsPart,
  offsetOf,
  type Piece,
  type Progress,
  roomOf,
  toJoin,
  withPart,
  withPiece,
} from './resumable-state.ts';
import { type FoundUpload, saveAdvance, saveAttempt, settleUpload } from './resumable-store.ts';
import type { FileTables } from './schema.ts';

export interface WritingDeps {
  query: Kysely<FileTables>;
  blobs: Blobs;
  memory: PartMemory;
  digests: RunningDigests;
  events: Events;
}

/** An upload that may be continued. */
export interface Unfinished {
  owner: UserId;
  upload: FoundUpload;
  turn: HeldTurn;
  progress: Progress;
}

/** Every method may throw `upload.locked`, when the turn is another's; PartsGoneError; `service.unavailable`. */
export class Writing {
  readonly owner: UserId;
  readonly #deps: WritingDeps;
  readonly #turn: HeldTurn;
  readonly #blobKey: string;
  #attempt: PartsAttempt | undefined;
  /** As the row has it. */
  #saved: Progress;
  /** As the store has it. */
  #progress: Progress;
  /** Pieces that are in others by now. */
  #joined: Piece[] = [];
  /** Whether the row has what was saved last: its answer may have been lost. */
  #isInDoubt = false;
  /** Of all that the store has, unless that is not known here. */
  #digest: RunningDigest | undefined;

  constructor(deps: WritingDeps, { owner, upload, turn, progress }: Unfinished) {
    const { blobKey: key, attempt } = upload;
    this.owner = owner;
    this.#deps = deps;
    this.#turn = turn;
    this.#blobKey = key;
    this.#attempt = attempt === null ? undefined : { key, attempt };
    this.#saved = progress;
    this.#progress = progress;
    this.#digest = deps.digests.take(turn.file, offsetOf(progress));
  }

  get progress(): Progress {
    return this.#progress;
  }

  /** Stores the next bytes, no more than there is room for. */
  async put(bytes: Uint8Array): Promise<void> {
    const start = offsetOf(this.#progress);
    const isPart =
      this.#progress.pieces.length === 0 && bytes.byteLength === roomOf(this.#progress);
    await (isPart ? this.#putPart(bytes) : this.#putPiece(bytes, start));
    if (this.#digest === undefined) return;
    this.#digest.hash.update(bytes);
    this.#digest.bytes += bytes.byteLength;
  }

  /** Makes larger pieces of small ones, or a part, where that is due. */
  async join(): Promise<void> {
    const pieces = toJoin(this.#progress);
    const [first] = pieces;
    if (first === undefined) return;
    const part = this.#deps.memory.open({ owner: this.owner });
    try {
      for (const piece of pieces) {
        for await (const chunk of await this.#read(piece)) await this.#appendAll(part, chunk);
      }
      const bytes = part.finish();
      await (fillsPart(this.#progress) ? this.#putPart(bytes) : this.#putPiece(bytes, first.start));
    } finally {
      part.release();
    }
    this.#joined.push(...pieces);
  }

  /** From here on it counts. */
  async save(): Promise<void> {
    const { query } = this.#deps;
    const change = advance(this.#saved, this.#progress);
    if (change.tags.length > 0 || change.added.length > 0) {
      this.#isInDoubt = true;
      this.#keep(await saveAdvance(query, this.#turn, change));
      this.#isInDoubt = false;
      this.#saved = this.#progress;
    }
    await this.#drop(this.#joined.splice(0));
  }

  /** Forgets what is not saved. Parts need not go: others will have their numbers. */
  async undo(): Promise<void> {
    this.#digest = undefined;
    if (this.#isInDoubt) return;
    const { added } = advance(this.#saved, this.#progress);
    const saved = new Set(this.#saved.pieces);
    await this.#drop([...added, ...this.#joined].filter((piece) => !saved.has(piece)));
    this.#progress = this.#saved;
    this.#joined = [];
  }

  /** To be called when a request has done what it came for: the next one goes on from here. */
  leave(): void {
    if (this.#digest !== undefined) this.#deps.digests.keep(this.#turn.file, this.#digest);
  }

  /** Makes a file of all parts, once they are saved: complete, as long as it was, and visible. Repeating it is no error. */
  async settle(): Promise<void> {
    const { query, blobs, events } = this.#deps;
    const { length, tags } = this.#saved;
    if (this.#attempt === undefined) await blobs.put(this.#blobKey, new Uint8Array());
    else await blobs.completeParts(this.#attempt, tags);
    const sha256 = await this.#digestOfAll(length);
    this.#keep(await settleUpload(query, this.#turn, sha256));
    events.stored(length);
  }

  async #appendAll(part: PartBuffer, chunk: Uint8Array): Promise<void> {
    for (let rest = chunk; rest.byteLength > 0; ) {
      const taken = await part.append(rest, this.#turn.signal);
      if (taken === 0) throw new Error('pieces are larger than a part');
      rest = rest.subarray(taken);
    }
  }

  async #putPart(body: Uint8Array): Promise<void> {
    const attempt = await this.#begun();
    const number = this.#progress.tags.length + 1;
    const tag = await this.#deps.blobs.putPart(attempt, { number, body });
    this.#progress = withPart(this.#progress, tag);
  }

  async #putPiece(bytes: Uint8Array, start: number): Promise<void> {
    const { query, blobs } = this.#deps;
    const blobKey = randomUUID();
    await announcePiece(query, blobKey);
    await blobs.put(blobKey, bytes);
    this.#progress = withPiece(this.#progress, { start, size: bytes.byteLength, blobKey });
  }

  async #begun(): Promise<PartsAttempt> {
    const { query, blobs } = this.#deps;
    if (this.#attempt === undefined) {
      const attempt = await blobs.beginParts(this.#blobKey);
      this.#keep(await saveAttempt(query, this.#turn, attempt));
      this.#attempt = { key: this.#blobKey, attempt };
    }
    return this.#attempt;
  }

  async #read({ blobKey, size }: Piece): Promise<ReadableStream<Uint8Array>> {
    const blob = await this.#deps.blobs.get(blobKey);
    if (blob?.size === size) return blob.body;
    await blob?.body.cancel();
    throw new PartsGoneError();
  }

  /** Throws PartsGoneError when the store has not all of it. */
  async #digestOfAll(length: number): Promise<Uint8Array> {
    const digest = this.#digest;
    this.#digest = undefined;
    const isKnown = digest?.bytes === length && length > 0;
    const blob = await this.#deps.blobs.get(this.#blobKey, isKnown ? FIRST_BYTE : undefined);
    if (blob?.size !== length) {
      await blob?.body.cancel();
      throw new PartsGoneError();
    }
    if (!isKnown) return hashAll(blob.body, length);
    await blob.body.cancel();
    return digest.hash.digest();
  }

  async #drop(pieces: readonly Piece[]): Promise<void> {
    const { events } = this.#deps;
    for (const { blobKey } of pieces) await removePiece(this.#deps, blobKey).catch(events.leftover);
  }

  #keep(isOurs: boolean): void {
    if (!isOurs) throw replaced();
  }
}

const FIRST_BYTE = { start: 0, end: 0 };

async function hashAll(body: ReadableStream<Uint8Array>, length: number): Promise<Uint8Array> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of body) {
    size += chunk.byteLength;
    hash.update(chunk);
    freeSpent(chunk);
  }
  if (size !== length) throw new PartsGoneError();
  return hash.digest();
}
