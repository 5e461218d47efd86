/** Writes the records of a backup. */
import { createHash } from 'node:crypto';
import {
  type Entry,
  type EntryEnd,
  type Header,
  MAGIC,
  PREFIX_BYTES,
  RECORD,
  RECORD_BYTES_MAX,
  sealTrailer,
} from './records.ts';

/** Where bytes go; resolves when more may come. */
export type Sink = (bytes: Uint8Array) => Promise<void>;

export interface ArchiveWriter {
  /**
   * Writes an entry whole, or notes in it that it broke off and rejects with what its source rejected with. Once the sink
   * has failed nothing more is written.
   */
  entry(entry: Entry, source: AsyncIterable<Uint8Array>): Promise<EntryEnd>;
  /** Writes the trailer: without it a backup is no backup. */
  end(missing: number): Promise<void>;
}

/** Begins an archive. */
export async function writeArchive(sink: Sink, header: Header): Promise<ArchiveWriter> {
  const whole = createHash('sha256');
  let entries = 0;

  let fault: unknown;
  const put = async (bytes: Uint8Array): Promise<void> => {
    // Bytes are missing since: no later write that succeeds may hide it.
    if (fault !== undefined) throw fault;
    whole.update(bytes);
    await sink(bytes).catch((error: unknown) => {
      fault = error;
      throw error;
    });
  };
  const record = async (type: number, body: Uint8Array): Promise<void> => {
    const prefix = Buffer.alloc(PREFIX_BYTES);
    prefix.writeUInt8(type);
    prefix.writeUInt32BE(body.length, 1);
    await put(prefix);
    await put(body);
  };
  const json = (type: number, value: unknown) => record(type, Buffer.from(JSON.stringify(value)));

  await put(MAGIC);
  await json(RECORD.header, header);

  return {
    async entry(entry, source) {
      const digest = createHash('sha256');
      let bytes = 0;
      const end = async (rest: Pick<EntryEnd, 'brokenOff'> = {}): Promise<EntryEnd> => {
        const ended = { bytes, sha256: digest.digest('hex'), ...rest };
        await json(RECORD.end, ended);
        entries += 1;
        return ended;
      };
      await json(RECORD.entry, entry);
      const pieces = source[Symbol.asyncIterator]();
      for (;;) {
        const next = await pieces.next().catch(async (error: unknown) => {
          await end({ brokenOff: true });
          throw error;
        });
        if (next.done) return end();
        try {
          for (const piece of cut(next.value)) {
            digest.update(piece);
            bytes += piece.length;
            await record(RECORD.data, piece);
          }
        } catch (error) {
          // Nobody reads on: what the source holds open is let go.
          await pieces.return?.().catch(() => undefined);
          throw error;
        }
      }
    },
    async end(missing) {
      const sha256 = sealTrailer(whole, { entries, missing });
      await json(RECORD.trailer, { entries, missing, sha256 });
    },
  };
}

function* cut(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += RECORD_BYTES_MAX) {
    yield bytes.subarray(at, at + RECORD_BYTES_MAX);
  }
}
