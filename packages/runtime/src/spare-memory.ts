/** Buffers between two uses. Memory of that size which is garbage stays with the process until it is collected. */

/** Keeps buffers of a few sizes, those that were used last on top. */
export class SpareMemory {
  readonly #lists: ReadonlyMap<number, Uint8Array[]>;
  #bytes = 0;

  constructor(sizes: readonly number[]) {
    this.#lists = new Map(sizes.map((size) => [size, []]));
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** One that was kept, or a new one; what it holds is of no meaning. */
  take(size: number): Uint8Array {
    const kept = this.#lists.get(size)?.pop();
    if (kept === undefined) return Buffer.allocUnsafeSlow(size);
    this.#bytes -= size;
    return kept;
  }

  keep(memory: Uint8Array): void {
    this.#lists.get(memory.byteLength)?.push(memory);
    this.#bytes += memory.byteLength;
  }

  /** Lets go of buffers until no more than this is kept, the smaller ones first. */
  shrinkTo(bytesMax: number): void {
    for (const [size, list] of this.#lists) {
      while (list.length > 0 && this.#bytes > bytesMax) {
        list.pop();
        this.#bytes -= size;
      }
    }
  }
}
