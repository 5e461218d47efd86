/** The sends of one socket in one conversation, which the client numbers from 1 (DESIGN 2.2). */
import type { Lane, Send } from './send.ts';

/** What to do with a numbered send. */
export type Admission =
  | 'take'
  /** An earlier one was refused and neither sent again nor withdrawn. */
  | 'after-refused'
  /** The client cannot count. */
  | 'misnumbered';

export class SendLane implements Lane {
  readonly pending = new Set<Send>();
  /** The number that must come next. */
  #next = 1;
  #isRefused = false;

  admit(number: number): Admission {
    if (number > this.#next && this.#isRefused) return 'after-refused';
    if (number !== this.#next) return 'misnumbered';
    this.#isRefused = false;
    this.#next += 1;
    return 'take';
  }

  /** A send was refused for a reason of its own: it, or its withdrawal, must come next. */
  refused(number: number): void {
    // Answers may overtake each other: the earliest refusal counts.
    if (!this.#isRefused || number < this.#next) this.#next = number;
    this.#isRefused = true;
  }

  /** Gives up the refused send. False when that number was not refused. */
  withdraw(number: number): boolean {
    if (!this.#isRefused || number !== this.#next) return false;
    this.#isRefused = false;
    this.#next += 1;
    return true;
  }
}
