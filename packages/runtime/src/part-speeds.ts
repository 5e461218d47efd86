/** How fast parts fill, measured while somebody waits for what they hold. */
import { PART_MEASURE_MS, PART_RATE_MIN } from './limits.ts';

interface Mark {
  at: number;
  filled: number;
  /** Bytes a second in the measure before this one; unknown is not slow. */
  rate: number;
}

/** Marks of how far each part had come. Measure about each second, and clear it when nobody waits any more. */
export class PartSpeeds<Part extends { filled: number }> {
  readonly #marks = new Map<Part, Mark>();

  /**
   * Those that had come hardly further when they were measured last, the slowest first. Those in whose own hands it is
   * not to come further, the idle ones, are measured from when they are it no more.
   */
  measure(parts: Iterable<Part>, isIdle: (part: Part) => boolean): Part[] {
    const now = performance.now();
    const slow = [];
    for (const part of parts) {
      const rate = isIdle(part) ? this.#begin(part, now) : this.#rate(part, now);
      if (rate < PART_RATE_MIN) slow.push({ part, rate });
    }
    slow.sort((one, other) => one.rate - other.rate);
    return slow.map(({ part }) => part);
  }

  forget(part: Part): void {
    this.#marks.delete(part);
  }

  clear(): void {
    this.#marks.clear();
  }

  #begin(part: Part, at: number): number {
    this.#marks.set(part, { at, filled: part.filled, rate: Infinity });
    return Infinity;
  }

  #rate(part: Part, at: number): number {
    const mark = this.#marks.get(part);
    if (mark === undefined) return this.#begin(part, at);
    const ms = at - mark.at;
    if (ms < PART_MEASURE_MS) return mark.rate;
    const rate = ((part.filled - mark.filled) * 1000) / ms;
    this.#marks.set(part, { at, filled: part.filled, rate });
    return rate;
  }
}
