/** For how long nothing has moved for a device to which something is owed. Looked at once a second, so moving costs an addition. */
export class Stillness {
  readonly #isOwed: () => boolean;
  #moves = 0;
  #movesSeen = 0;
  #since = performance.now();

  constructor(isOwed: () => boolean) {
    this.#isOwed = isOwed;
  }

  /** Something was sent to the device, or acknowledged by it. */
  moved(): void {
    this.#moves += 1;
  }

  /** `moment` is a `performance.now()`. */
  look(moment: number): void {
    if (this.#moves !== this.#movesSeen || !this.#isOwed()) this.#since = moment;
    this.#movesSeen = this.#moves;
  }

  /** Milliseconds up to a moment. */
  lasted(moment: number): number {
    return moment - this.#since;
  }
}
