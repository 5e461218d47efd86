/**
 * Memory for parts of bodies that are on their way to a store, bounded for the process as a whole.
 *
 * A part's memory grows with what has come of it, so a slow body holds little more than it has brought. What is asked
 * for beyond the bound waits, and the body behind it is not read meanwhile. What may be given is in `part-shares.ts`.
 *
 * No owner has more than a quarter of it, whatever its bodies do, by the same rule: who has used up its own waits for
 * itself and holds nobody else up. Who fills a part too slowly while others wait for what it holds is given up: else a few
 * trickles, each short of a part, would hold it all.
 */
import { ApiError } from '@sotto/api';
import { BLOB_PART_BYTES, PART_MEASURE_MS, PART_WAIT_MS } from './limits.ts';
import {
  FIRST,
  isSafe,
  moreIn,
  ownerSharesOf,
  type Shares,
  STEPS,
  sharesOf,
} from './part-shares.ts';
import { PartSpeeds } from './part-speeds.ts';
import { SpareMemory } from './spare-memory.ts';

export interface PartMemory {
  /** Begins a part that is empty. Release it. */
  open(options: PartOptions): PartBuffer;
  /** Bytes taken, and how many parts wait for more. */
  state(): { bytes: number; waiting: number };
}

export interface PartOptions {
  /** Whose share it is taken from. */
  owner: string;
  /** To end the reading of the body; whatever is done with the part from then on throws `request.timeout`. */
  onGivenUp?: () => void;
}

export interface PartBuffer {
  /**
   * Copies as much of a chunk as the part has room for, and gives how much that was: 0 when it is full. Waits for
   * memory; throws `service.unavailable` when there is none in time, `request.timeout` when the part was given up, and
   * the signal's reason when it is aborted meanwhile.
   */
  append(chunk: Uint8Array, signal?: AbortSignal): Promise<number>;
  /** What has come; nothing is appended from now on. Good until the release. Throws when the part was given up. */
  finish(): Uint8Array;
  /** The same, also of a part that was given up: for those who store it at once and release it then. */
  rescue(): Uint8Array;
  /** Gives the memory back. Safe to repeat. */
  release(): void;
}

/** Memory for so many bytes of parts, of one at least. */
export function createPartMemory(bytesMax: number): PartMemory {
  const pool = new Pool(bytesMax);
  return {
    open: (options) => new Part(pool, options),
    state: () => ({ bytes: pool.used, waiting: pool.waiting }),
  };
}

const NONE = new Uint8Array();

class Part implements PartBuffer {
  memory: Uint8Array = NONE;
  filled = 0;
  isFinished = false;
  isGivenUp = false;
  readonly owner: string;
  readonly #pool: Pool;
  readonly #onGivenUp: (() => void) | undefined;

  constructor(pool: Pool, { owner, onGivenUp }: PartOptions) {
    this.owner = owner;
    this.#pool = pool;
    this.#onGivenUp = onGivenUp;
  }

  async append(chunk: Uint8Array, signal?: AbortSignal): Promise<number> {
    this.#assertKept();
    if (this.isFinished) throw new TypeError('a part is appended to after its end');
    const wanted = Math.min(this.filled + chunk.byteLength, BLOB_PART_BYTES);
    if (wanted > this.memory.byteLength) {
      const bytes = STEPS.find((step) => step >= wanted) ?? BLOB_PART_BYTES;
      await this.#pool.obtain(this, bytes, signal);
      this.#assertKept();
    }
    const taken = chunk.subarray(0, wanted - this.filled);
    this.memory.set(taken, this.filled);
    this.filled = wanted;
    return taken.byteLength;
  }

  finish(): Uint8Array {
    this.#assertKept();
    return this.rescue();
  }

  rescue(): Uint8Array {
    this.isFinished = true;
    return this.memory.subarray(0, this.filled);
  }

  release(): void {
    this.isFinished = true;
    this.#pool.takeBack(this);
  }

  giveUp(): void {
    this.isGivenUp = true;
    this.#onGivenUp?.();
  }

  #assertKept(): void {
    if (!this.isGivenUp) return;
    throw new ApiError('request.timeout', { detail: 'others wait, and this body is slow' });
  }
}

interface Waiting {
  part: Part;
  bytes: number;
  grant(): void;
}

class Pool {
  readonly #max: Shares;
  readonly #ownerMax: Shares;
  readonly #spare = new SpareMemory(STEPS);
  readonly #parts = new Set<Part>();
  readonly #waiting = new Set<Waiting>();
  #watch: NodeJS.Timeout | undefined;
  readonly #speeds = new PartSpeeds<Part>();

  constructor(bytesMax: number) {
    this.#max = sharesOf(bytesMax);
    this.#ownerMax = ownerSharesOf(this.#max);
  }

  get used(): number {
    return this.#parts.values().reduce((sum, { memory }) => sum + memory.byteLength, 0);
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Gives a part memory of this size in place of what it has. */
  async obtain(part: Part, bytes: number, signal: AbortSignal | undefined): Promise<void> {
    const isNext = bytes === FIRST || this.#waiting.size === 0;
    if (isNext && this.#isSafe(part, bytes) && this.#isOwnSafe(part, bytes)) {
      this.#grow(part, bytes);
    } else await this.#wait(part, bytes, signal);
  }

  takeBack(part: Part): void {
    if (!this.#parts.delete(part)) return;
    this.#speeds.forget(part);
    this.#spare.keep(part.memory);
    part.memory = NONE;
    this.#serve();
    // A burst's memory goes with it. One part after the other uses what the last one had.
    if (this.#parts.size === 0) this.#spare.shrinkTo(2 * BLOB_PART_BYTES);
  }

  /**
   * In the order of their asking: who comes later must not live on what is given back before who waits has enough. Only
   * when nothing will be given back by itself, the next one is served who can be. Who waits for its own share holds up
   * its own alone.
   */
  #serve(): void {
    const ending = [...this.#parts].filter((part) => part.isFinished && moreIn(part.memory) > 0);
    const held = new Set<string>();
    let isHeld = false;
    for (const { part, bytes, grant } of this.#waiting) {
      const isMore = bytes !== FIRST;
      if (isMore && (isHeld || held.has(part.owner))) continue;
      const isOwnSafe = this.#isOwnSafe(part, bytes);
      if (isOwnSafe && this.#isSafe(part, bytes)) {
        this.#grow(part, bytes);
        grant();
      } else if (isMore && isOwnSafe) isHeld = ending.length > 0;
      else if (isMore && ending.some(({ owner }) => owner === part.owner)) held.add(part.owner);
    }
  }

  #isSafe(part: Part, bytes: number): boolean {
    return isSafe(this.#parts, this.#max, { part, bytes });
  }

  /** With it no owner's parts wait for each other; then of all parts the fullest can be filled, or none wait. */
  #isOwnSafe(part: Part, bytes: number): boolean {
    const own = [...this.#parts].filter(({ owner }) => owner === part.owner);
    return isSafe(own, this.#ownerMax, { part, bytes });
  }

  #grow(part: Part, bytes: number): void {
    const { memory, filled } = part;
    part.memory = this.#spare.take(bytes);
    part.memory.set(memory.subarray(0, filled));
    if (memory.byteLength > 0) this.#spare.keep(memory);
    this.#parts.add(part);
    this.#spare.shrinkTo(this.#max.first + this.#max.more - this.used);
  }

  async #wait(part: Part, bytes: number, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    this.#watch ??= setInterval(() => this.#giveUpSlow(), PART_MEASURE_MS / 4);
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => end(() => reject(tooFull())), PART_WAIT_MS);
      const waiting = { part, bytes, grant: () => end(resolve) };
      const end = (settle: () => void): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        this.#waiting.delete(waiting);
        if (this.#waiting.size === 0) this.#stopWatch();
        settle();
      };
      const onAbort = (): void => {
        end(() => reject(signal?.reason));
        // It may have held others up.
        this.#serve();
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiting.add(waiting);
      this.#serve();
    });
  }

  #stopWatch(): void {
    clearInterval(this.#watch);
    this.#watch = undefined;
    this.#speeds.clear();
  }

  /** For each who waits one part that has come hardly further though it was its turn, of those whose end helps. */
  #giveUpSlow(): void {
    const asking = new Set([...this.#waiting].map(({ part }) => part));
    const slow = this.#speeds.measure(this.#parts, (part) => {
      return part.isFinished || part.isGivenUp || asking.has(part);
    });
    // Those that are given up and not yet released are on their way to somebody.
    const ending = [...this.#parts].filter(({ isGivenUp }) => isGivenUp);
    const candidates = new Set([...ending, ...slow]);
    for (const { part, bytes } of this.#waiting) {
      if (candidates.size === 0) return;
      const isOwn = !this.#isOwnSafe(part, bytes);
      const found = candidates.values().find(({ owner, memory }) => {
        const isSameShare = (memory.byteLength === FIRST) === (bytes === FIRST);
        return isSameShare && (!isOwn || owner === part.owner);
      });
      if (found === undefined) continue;
      candidates.delete(found);
      if (!found.isGivenUp) found.giveUp();
    }
  }
}

function tooFull(): ApiError {
  const cause = new Error('the memory for parts is used up');
  return new ApiError('service.unavailable', { cause, retryAfter: 5 });
}
