/**
 * What one device has to send in one conversation, in order, until it is stored (DESIGN 2.2).
 *
 * A socket numbers its sends within the conversation from 1. After a refusal everything later is refused too, so the
 * outbox waits until it has heard of all of it, and then begins again with the refused number.
 */
import type { Letter } from './letter.ts';

/** A letter on its way. */
export interface Outgoing {
  letter: Letter;
  /** The text of its message, as the frame has it. */
  message: string;
  /** Bits of its readers. */
  addressed: number;
  id: string;
  /** Under which number it was written to this socket; 0 while it was not. */
  number: number;
}

export interface Refusal {
  number: number;
  code: string;
  /** When it is worth trying again, in seconds. */
  retryAfter?: number | undefined;
  /** What the group is now, when the letter was made for another one. */
  audience?: { version: number; lists: { user: string; version: number }[] } | undefined;
}

export class Outbox {
  readonly #waiting: Outgoing[] = [];
  #next = 1;
  #written = 0;
  #refusal: Refusal | undefined;

  get size(): number {
    return this.#waiting.length;
  }

  add(outgoing: Outgoing): void {
    this.#waiting.push(outgoing);
  }

  /** A new socket: nothing was written to it, and numbers begin again. */
  restart(): void {
    for (const outgoing of this.#waiting) outgoing.number = 0;
    this.#next = 1;
    this.#written = 0;
    this.#refusal = undefined;
  }

  /** What may be written now, each with its number. */
  take(): Outgoing[] {
    if (this.#refusal !== undefined) return [];
    const unwritten = this.#waiting.filter(({ number }) => number === 0);
    for (const outgoing of unwritten) {
      outgoing.number = this.#next;
      this.#next += 1;
      this.#written += 1;
    }
    return unwritten;
  }

  /** The letter that was stored, and which is the first here if all is well; undefined when it is not here. */
  stored(id: string): { outgoing: Outgoing; isFirst: boolean } | undefined {
    const place = this.#waiting.findIndex((outgoing) => outgoing.id === id);
    const [outgoing] = place === -1 ? [] : this.#waiting.splice(place, 1);
    if (outgoing === undefined) return undefined;
    if (outgoing.number !== 0) this.#written -= 1;
    return { outgoing, isFirst: place === 0 };
  }

  /** Notes a refusal. True once everything written was answered: now is the time to look at `refusal`. */
  refused(id: string, refusal: Refusal): boolean {
    const outgoing = this.#waiting.find((waiting) => waiting.id === id);
    if (outgoing === undefined || outgoing.number === 0) return false;
    outgoing.number = 0;
    this.#written -= 1;
    // They may overtake each other: the platform waits for the lowest that it refused for a reason of its own.
    const isLowest = refusal.number < (this.#refusal?.number ?? Number.POSITIVE_INFINITY);
    if (refusal.code !== 'message.after-refused' && isLowest) this.#refusal = refusal;
    return this.isAnswered;
  }

  /** True when one was refused and nothing is under way. */
  get isAnswered(): boolean {
    return this.#refusal !== undefined && this.#written === 0;
  }

  get refusal(): Refusal | undefined {
    return this.#refusal;
  }

  /** Everything that is waiting, to be made anew for another audience. */
  get waiting(): readonly Outgoing[] {
    return this.#waiting;
  }

  /** Begins again with the refused number. */
  resume(): void {
    if (this.#refusal === undefined) return;
    this.#next = this.#refusal.number;
    this.#refusal = undefined;
  }

  /** Gives up everything. The refused number must be withdrawn, and the next one is free. */
  withdraw(): { given: Outgoing[]; number: number | undefined } {
    const number = this.#refusal?.number;
    this.#next = (number ?? this.#next - 1) + 1;
    this.#refusal = undefined;
    this.#written = 0;
    return { given: this.#waiting.splice(0), number };
  }
}
