/** Writes one encoding from front to back; the counterpart of `byte-reader.ts`. */
import { assertInteger } from './bytes.ts';
import { TIME_MS_MAX } from './limits.ts';

/** Collects fields; integers are big-endian and checked: `input.invalid` when they do not fit. */
export class ByteWriter {
  #bytes: Uint8Array;
  #offset = 0;

  /** `capacity` is a guess at the length; the buffer grows when it is exceeded. */
  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity);
  }

  u8(value: number): this {
    assertInteger(value, { min: 0, max: 0xff }, 'u8');
    const at = this.#reserve(1);
    this.#bytes[at] = value;
    return this;
  }

  u16(value: number): this {
    assertInteger(value, { min: 0, max: 0xffff }, 'u16');
    const at = this.#reserve(2);
    this.#bytes[at] = value >>> 8;
    this.#bytes[at + 1] = value;
    return this;
  }

  u32(value: number): this {
    assertInteger(value, { min: 0, max: 0xffff_ffff }, 'u32');
    const at = this.#reserve(4);
    const bytes = this.#bytes;
    bytes[at] = value >>> 24;
    bytes[at + 1] = value >>> 16;
    bytes[at + 2] = value >>> 8;
    bytes[at + 3] = value;
    return this;
  }

  /** Eight bytes, for integers up to 2⁵³−1. */
  u64(value: number): this {
    assertInteger(value, { min: 0, max: Number.MAX_SAFE_INTEGER }, 'u64');
    return this.u32(Math.floor(value / 0x1_0000_0000)).u32(value % 0x1_0000_0000);
  }

  /** Milliseconds since 1970, in eight bytes. */
  time(value: number): this {
    assertInteger(value, { min: 0, max: TIME_MS_MAX }, 'time');
    return this.u64(value);
  }

  bytes(value: Uint8Array): this {
    const at = this.#reserve(value.length);
    this.#bytes.set(value, at);
    return this;
  }

  /** What was written. The writer must not be used afterwards. */
  finish(): Uint8Array {
    if (this.#offset === this.#bytes.length) return this.#bytes;
    return this.#bytes.slice(0, this.#offset);
  }

  #reserve(length: number): number {
    const at = this.#offset;
    this.#offset = at + length;
    if (this.#offset > this.#bytes.length) this.#grow();
    return at;
  }

  #grow(): void {
    const grown = new Uint8Array(Math.max(this.#offset, this.#bytes.length * 2));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}
