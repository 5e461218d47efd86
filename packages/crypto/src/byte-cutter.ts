/** Cuts a stream that comes in pieces of any length into pieces of fixed lengths, copying as little as can be. */
import { CryptoError } from './errors.ts';

/**
 * Cuts a stream of bytes into a first piece and further pieces of fixed lengths. A piece that lies
 * within one input is a view of it; only what straddles two is copied, so a piece must be used up
 * before the next one is asked for.
 */
export class ByteCutter {
  readonly #thenLength: number;
  readonly #held: Uint8Array;
  #length: number;
  #heldLength = 0;

  constructor(firstLength: number, thenLength: number) {
    this.#length = firstLength;
    this.#thenLength = thenLength;
    this.#held = new Uint8Array(Math.max(firstLength, thenLength));
  }

  /** How many pieces are complete with so many bytes more. */
  countAfter(length: number): number {
    const behindNext = this.#heldLength + length - this.#length;
    return behindNext < 0 ? 0 : 1 + Math.floor(behindNext / this.#thenLength);
  }

  /** The pieces that are complete with these bytes. Throws `input.invalid` for what is no byte array. */
  *cut(bytes: Uint8Array): Generator<Uint8Array, void> {
    if (!(bytes instanceof Uint8Array)) throw new CryptoError('input.invalid', 'not a byte array');
    let at = 0;
    if (this.#heldLength > 0) {
      at = Math.min(this.#length - this.#heldLength, bytes.length);
      this.#hold(bytes.subarray(0, at));
      if (this.#heldLength < this.#length) return;
      yield this.#next(this.rest());
    }
    while (bytes.length - at >= this.#length) {
      const start = at;
      at += this.#length;
      yield this.#next(bytes.subarray(start, at));
    }
    this.#hold(bytes.subarray(at));
  }

  /** What is left over, shorter than a piece. */
  rest(): Uint8Array {
    return this.#held.subarray(0, this.#heldLength);
  }

  #hold(bytes: Uint8Array): void {
    this.#held.set(bytes, this.#heldLength);
    this.#heldLength += bytes.length;
  }

  #next(piece: Uint8Array): Uint8Array {
    this.#heldLength = 0;
    this.#length = this.#thenLength;
    return piece;
  }
}
