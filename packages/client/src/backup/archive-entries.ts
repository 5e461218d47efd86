/**
 * The plaintext of an archive: records one after the other, an end, and zeros up to a size class. Each record is the length
 * of its key (2 bytes) and of its value (4), the key and the value; the end is a key without a length. What encrypts it
 * (`archive-file.ts`) tells whether it is whole.
 */
import { ClientError } from '../errors.ts';
import { ARCHIVE_VALUE_BYTES_MAX, STORE_KEY_LENGTH_MAX } from '../limits.ts';
import type { StoreEntry } from '../store/store.ts';

const PREFIX_BYTES = 6;

/** What stands behind the last record. */
export const ARCHIVE_END: Uint8Array = new Uint8Array(PREFIX_BYTES);

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** One record. Throws `store.invalid` for one that is larger than any that a store has. */
export function encodeEntry({ key, value }: StoreEntry): Uint8Array {
  if (key === '' || key.length > STORE_KEY_LENGTH_MAX || value.length > ARCHIVE_VALUE_BYTES_MAX) {
    throw new ClientError('store.invalid', 'a record does not fit into an archive');
  }
  const bytes = new Uint8Array(PREFIX_BYTES + key.length + value.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, key.length);
  view.setUint32(2, value.length);
  encoder.encodeInto(key, bytes.subarray(PREFIX_BYTES));
  bytes.set(value, PREFIX_BYTES + key.length);
  return bytes;
}

/**
 * The records of a plaintext, as they come. Ends when the plaintext has, so that its last byte is known to be right; holds
 * one record and one piece at a time. Throws `backup.damaged` for what {@link encodeEntry} does not write.
 */
export async function* readEntries(
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<StoreEntry, void> {
  let held: Uint8Array = new Uint8Array();
  let isEnded = false;
  for await (const piece of pieces) {
    held = held.length === 0 ? piece : joined(held, piece);
    while (!isEnded) {
      const found = firstEntry(held);
      if (found === undefined) break;
      held = held.subarray(found.length);
      if (found.entry === undefined) isEnded = true;
      else yield found.entry;
    }
    if (!isEnded) continue;
    if (held.some((byte) => byte !== 0)) throw malformed();
    held = new Uint8Array();
  }
  if (!isEnded) throw malformed();
}

/** The record, or the end, that bytes begin with; undefined when more of them are needed to say. */
function firstEntry(bytes: Uint8Array): { length: number; entry?: StoreEntry } | undefined {
  if (bytes.length < PREFIX_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const [keyLength, valueLength] = [view.getUint16(0), view.getUint32(2)];
  if (keyLength === 0) return { length: PREFIX_BYTES };
  if (keyLength > STORE_KEY_LENGTH_MAX || valueLength > ARCHIVE_VALUE_BYTES_MAX) throw malformed();
  const valueAt = PREFIX_BYTES + keyLength;
  const length = valueAt + valueLength;
  if (bytes.length < length) return undefined;
  const key = decodeKey(bytes.subarray(PREFIX_BYTES, valueAt));
  return { length, entry: { key, value: bytes.subarray(valueAt, length) } };
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}

function decodeKey(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw malformed(cause);
  }
}

function malformed(cause?: unknown): ClientError {
  return new ClientError(
    'backup.damaged',
    'the records of an archive are not as they were written',
    {
      cause,
    },
  );
}
