/** Follows a stream of WebSocket frames (RFC 6455, 5.2) just so far as to know where one ends and the next begins. */

/** Two bytes, then up to eight of length and four of mask. */
const HEAD_BYTES_MAX = 14;

export class FrameTracker {
  readonly #head = new Uint8Array(HEAD_BYTES_MAX);
  #headBytes = 0;
  #payloadLeft = 0;

  /** True before the first frame and after each: the one place where another one may be put in. */
  get isBetweenFrames(): boolean {
    return this.#headBytes === 0 && this.#payloadLeft === 0;
  }

  /** The next bytes of the stream, however they were cut. */
  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#payloadLeft > 0) {
        const skipped = Math.min(this.#payloadLeft, chunk.length - at);
        this.#payloadLeft -= skipped;
        at += skipped;
      } else {
        this.#head[this.#headBytes++] = chunk[at++] ?? 0;
        if (this.#headBytes >= 2 && this.#headBytes === this.#headLength()) this.#begin();
      }
    }
  }

  #headLength(): number {
    const second = this.#head[1] ?? 0;
    return 2 + this.#lengthBytes() + (second >= 0x80 ? 4 : 0);
  }

  #lengthBytes(): number {
    const short = (this.#head[1] ?? 0) & 0x7f;
    if (short < 126) return 0;
    return short === 126 ? 2 : 8;
  }

  #begin(): void {
    const more = this.#lengthBytes();
    this.#payloadLeft = (this.#head[1] ?? 0) & 0x7f;
    if (more > 0) {
      this.#payloadLeft = this.#head
        .subarray(2, 2 + more)
        .reduce((sum, byte) => sum * 256 + byte, 0);
    }
    this.#headBytes = 0;
  }
}

/** A frame that ends a connection, as a server sends it (RFC 6455, 5.5.1). */
export function closeFrame(code: number): Uint8Array {
  return Uint8Array.of(0x88, 2, code >> 8, code & 255);
}
