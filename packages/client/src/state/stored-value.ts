/** Observables that are read from the store: when somebody looks, and again when something has changed. */
import type { LocalParty } from '@sotto/crypto';
import type { Pace } from '../connection/pace.ts';
import type { Events } from '../events.ts';
import type { Store } from '../store/store.ts';
import { type Observable, Source } from './observable.ts';

/** What the parts of the state share. */
export interface StateDeps {
  readonly store: Store;
  readonly events: Events;
  readonly clock: () => number;
  /** Of all that is read, together: many changes at once are read once. */
  readonly pace: Pace;
  readonly closing: AbortSignal;
  /** Undefined while nobody is logged in. */
  readonly whoAmI: () => Promise<LocalParty | undefined>;
}

/** How a value comes about while somebody looks. */
export interface Reading<T> {
  /** The value as it is now: `before` itself when nothing of it has changed. */
  read(local: LocalParty, before: T | undefined): Promise<T>;
  /** Nobody looks any more, or the client is closed. May be told twice. */
  end(): void;
}

/** Undefined until it was read, and while nobody is logged in or nobody looks. */
export class StoredValue<T> implements Observable<T | undefined> {
  readonly #deps: StateDeps;
  readonly #begin: (again: () => void) => Reading<T>;
  readonly #source: Source<T | undefined>;
  #read: (() => Promise<void>) | undefined;

  /** A reading begins whenever somebody comes to look; `again` asks for the next one. */
  constructor(deps: StateDeps, begin: (again: () => void) => Reading<T>) {
    this.#deps = deps;
    this.#begin = begin;
    this.#source = new Source<T | undefined>(undefined, () => this.#keepUp());
  }

  readonly get = (): T | undefined => this.#source.get();

  readonly subscribe = (listener: () => void): (() => void) => this.#source.subscribe(listener);

  /** Reads without waiting for its turn. Nothing happens while nobody looks. */
  async read(): Promise<void> {
    await this.#read?.();
  }

  #keepUp(): () => void {
    const { events, pace, closing, whoAmI } = this.#deps;
    let isOver = false;
    const reading = this.#begin(() => pace.need(read));
    const read = async () => {
      const local = await whoAmI();
      if (local === undefined || isOver) return;
      const value = await reading.read(local, this.get());
      if (!isOver) this.#source.set(value);
    };
    // Who was nobody has logged in by then.
    const unhear = events.on('connecting', () => pace.need(read));
    const end = () => {
      isOver = true;
      unhear();
      reading.end();
    };
    closing.addEventListener('abort', end);
    this.#read = read;
    pace.need(read);
    return () => {
      closing.removeEventListener('abort', end);
      this.#read = undefined;
      end();
      this.#source.set(undefined);
    };
  }
}
