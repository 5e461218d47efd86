/** Reads one encoding from front to back, and nothing beyond it: the base of every strict decoder. */
import { CryptoError } from './errors.ts';
import { TIME_MS_MAX } from './limits.ts';

/**
 * A cursor over bytes. Every method throws `encoding.invalid` when the input is too short; a decoder
 * calls {@link ByteReader.end} last, so that nothing may trail. What it returns are copies.
 */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    if (!(bytes instanceof Uint8Array)) throw new CryptoError('input.invalid', 'not a byte array');
    this.#bytes = bytes;
  }

  /** Bytes not read yet. */
  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  u8(): number {
    return this.#bytes[this.#advance(1)]!;
  }

  u16(): number {
    const at = this.#advance(2);
    return (this.#bytes[at]! << 8) | this.#bytes[at + 1]!;
  }

  u32(): number {
    const at = this.#advance(4);
    const bytes = this.#bytes;
    return (
      bytes[at]! * 0x100_0000 + ((bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!)
    );
  }

  /** Eight bytes whose value is at most 2⁵³−1, the largest exact integer; above it is an error. */
  u64(): number {
    const high = this.u32();
    if (high > 0x1f_ffff) throw new CryptoError('encoding.invalid', 'an integer is too large');
    return high * 0x1_0000_0000 + this.u32();
  }

  /** Milliseconds since 1970 in eight bytes; beyond the last date is an error. */
  time(): number {
    const time = this.u64();
    if (time > TIME_MS_MAX) throw new CryptoError('encoding.invalid', 'a time is no date');
    return time;
  }

  /** The next `length` bytes, copied. */
  bytes(length: number): Uint8Array {
    const at = this.#advance(length);
    // Not `slice`: of a Node Buffer that is a view.
    return Uint8Array.from(this.#bytes.subarray(at, at + length));
  }

  /** All that is left, copied. */
  rest(): Uint8Array {
    return this.bytes(this.remaining);
  }

  /** The end of the encoding: throws when bytes are left. */
  end(): void {
    if (this.remaining !== 0) throw new CryptoError('encoding.invalid', 'trailing bytes');
  }

  #advance(length: number): number {
    const at = this.#offset;
    if (length > this.#bytes.length - at) {
      throw new CryptoError('encoding.invalid', 'the input is too short');
    }
    this.#offset = at + length;
    return at;
  }
}
