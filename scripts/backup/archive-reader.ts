/** Reads the records of a backup, and believes none of them before its digests were compared. */
import { createHash, type Hash } from 'node:crypto';
import type { z } from 'zod';
import {
  ArchiveError,
  Entry,
  EntryEnd,
  Header,
  MAGIC,
  PREFIX_BYTES,
  RECORD,
  RECORD_BYTES_MAX,
  sealTrailer,
  Trailer,
} from './records.ts';

/** What takes the entries of an archive as they come. */
export interface ArchiveVisitor {
  header(header: Header): Promise<void> | void;
  /**
   * An entry that begins. Its content ends with a {@link BrokenOff} when it broke off while the backup was made, and with
   * an ArchiveError when it is damaged. What is not read is passed over.
   */
  entry(entry: Entry, content: AsyncIterable<Uint8Array>): Promise<void> | void;
}

/** The content of an entry that is not to be used. */
export class BrokenOff extends Error {
  override readonly name = 'BrokenOff';
}

/** Reads an archive to its end. Throws an ArchiveError for one that is cut off, altered or of another kind. */
export async function readArchive(
  source: AsyncIterable<Uint8Array>,
  visitor: ArchiveVisitor,
): Promise<Trailer> {
  await using bytes = new Bytes(source);
  const magic = await bytes.take(MAGIC.length, 'not-a-backup');
  if (!magic.subarray(0, -1).equals(MAGIC.subarray(0, -1))) throw new ArchiveError('not-a-backup');
  if (!magic.equals(MAGIC)) throw new ArchiveError('newer-format');
  const first = await readRecord(bytes);
  if (first.type !== RECORD.header) throw new ArchiveError('altered');
  await visitor.header(parse(Header, first.body));
  for (let entries = 0; ; entries += 1) {
    const before = bytes.taken();
    const { type, body } = await readRecord(bytes);
    if (type === RECORD.trailer) {
      const trailer = parse(Trailer, body);
      const isTrue = trailer.sha256 === sealTrailer(before, trailer) && trailer.entries === entries;
      if (!isTrue || !(await bytes.isAtEnd())) {
        throw new ArchiveError('altered');
      }
      return trailer;
    }
    if (type !== RECORD.entry) throw new ArchiveError('altered');
    await readEntry(bytes, parse(Entry, body), visitor);
  }
}

async function readEntry(bytes: Bytes, entry: Entry, visitor: ArchiveVisitor): Promise<void> {
  const content = contentOf(bytes);
  await visitor.entry(entry, {
    // The loop of a visitor that stops early must not end what the rest is passed over by.
    [Symbol.asyncIterator]: () => ({ next: () => content.next() }),
  });
  try {
    while (!(await content.next()).done);
  } catch (error) {
    if (!(error instanceof BrokenOff)) throw error;
  }
}

async function* contentOf(bytes: Bytes): AsyncGenerator<Uint8Array> {
  const digest = createHash('sha256');
  let length = 0;
  for (;;) {
    const { type, body } = await readRecord(bytes);
    if (type === RECORD.data) {
      digest.update(body);
      length += body.length;
      yield body;
      continue;
    }
    const end = type === RECORD.end ? parse(EntryEnd, body) : undefined;
    if (end === undefined || end.bytes !== length || end.sha256 !== digest.digest('hex')) {
      throw new ArchiveError('altered');
    }
    if (end.brokenOff) throw new BrokenOff('this entry broke off as the backup was made');
    return;
  }
}

async function readRecord(bytes: Bytes): Promise<{ type: number; body: Buffer }> {
  const prefix = await bytes.take(PREFIX_BYTES);
  const length = prefix.readUInt32BE(1);
  if (length > RECORD_BYTES_MAX) throw new ArchiveError('altered');
  return { type: prefix.readUInt8(), body: await bytes.take(length) };
}

function parse<Schema extends z.ZodType>(schema: Schema, body: Buffer): z.output<Schema> {
  try {
    return schema.parse(JSON.parse(body.toString()));
  } catch (error) {
    throw new ArchiveError('altered', error);
  }
}

/** A stream that is taken in lengths of one's own choice, with a digest of all that was taken. */
class Bytes {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #hash: Hash = createHash('sha256');
  #held: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  async take(length: number, atEnd: 'truncated' | 'not-a-backup' = 'truncated'): Promise<Buffer> {
    const pieces: Buffer[] = [];
    let missing = length;
    while (missing > 0) {
      if (this.#held.length === 0 && !(await this.#fill())) throw new ArchiveError(atEnd);
      const piece = this.#held.subarray(0, missing);
      this.#held = this.#held.subarray(piece.length);
      missing -= piece.length;
      pieces.push(piece);
    }
    const taken =
      pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces);
    this.#hash.update(taken);
    return taken;
  }

  /** The digest of all that was taken so far, not ended. */
  taken(): Hash {
    return this.#hash.copy();
  }

  async isAtEnd(): Promise<boolean> {
    return this.#held.length === 0 && !(await this.#fill());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#source.return?.();
  }

  async #fill(): Promise<boolean> {
    while (this.#held.length === 0) {
      const { done, value } = await this.#source.next();
      if (done) return false;
      this.#held = Buffer.from(value.buffer, value.byteOffset, value.length);
    }
    return true;
  }
}
