/**
 * Memory for parts of bodies that are on their way to a store, bounded for the process as a whole.
 *
 * A part's memory grows with what has come of it, so a slow body holds little more than it has brought. What is asked
 * for beyond the bound waits, and the body behind it is not read meanwhile. Memory is given only while one of those who
 * have some could still fill its part with what would be left (the banker's algorithm; all parts are of one size), so
 * they can never wait for each other. The first of each part comes out of a share of its own: small bodies do not wait
 * for large ones.
 *
 * Who fills a part too slowly while others wait is given up: else a few trickles, each short of a part, would hold it
 * all.
 */
import { ApiError } from '@sotto/api';
import { BLOB_PART_BYTES, PART_MEASURE_MS, PART_RATE_MIN, PART_WAIT_MS } from './limits.ts';
import { SpareMemory } from './spare-memory.ts';

export interface PartMemory {
  /**
   * Begins a part that is empty. `onGivenUp` is to end the reading of its body; whatever is done with the part from
   * then on throws `request.timeout`. Release it.
   */
  open(onGivenUp: () => void): PartBuffer;
  /** Bytes taken, and how many parts wait for more. */
  state(): { bytes: number; waiting: number };
}

export interface PartBuffer {
  /**
   * Copies as much of a chunk as the part has room for, and gives how much that was: 0 when it is full. Waits for
   * memory; throws `service.unavailable` when there is none in time, `request.timeout` when the part was given up.
   */
  append(chunk: Uint8Array): Promise<number>;
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
    open: (onGivenUp) => new Part(pool, onGivenUp),
    state: () => ({ bytes: pool.used, waiting: pool.waiting }),
  };
}

/** What a part's memory grows through, by a copy each time. */
const FIRST = 64 * 1024;
const STEPS = [FIRST, 256 * 1024, 1024 * 1024, BLOB_PART_BYTES / 2, BLOB_PART_BYTES] as const;

/** An eighth of all is for parts that have just begun: 192 of them by default. */
const FIRST_SHARE = 8;

const NONE = new Uint8Array();

class Part implements PartBuffer {
  memory: Uint8Array = NONE;
  filled = 0;
  isFinished = false;
  isGivenUp = false;
  readonly #pool: Pool;
  readonly #onGivenUp: () => void;

  constructor(pool: Pool, onGivenUp: () => void) {
    this.#pool = pool;
    this.#onGivenUp = onGivenUp;
  }

  async append(chunk: Uint8Array): Promise<number> {
    this.#assertKept();
    if (this.isFinished) throw new TypeError('a part is appended to after its end');
    const wanted = Math.min(this.filled + chunk.byteLength, BLOB_PART_BYTES);
    if (wanted > this.memory.byteLength) {
      await this.#pool.obtain(this, STEPS.find((step) => step >= wanted) ?? BLOB_PART_BYTES);
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
    this.#onGivenUp();
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

/** How far a part had come at some moment. */
interface Mark {
  at: number;
  filled: number;
}

class Pool {
  readonly #firstMax: number;
  readonly #moreMax: number;
  /** Of parts that have no more than the first step. */
  #firstUsed = 0;
  #moreUsed = 0;
  readonly #spare = new SpareMemory(STEPS);
  readonly #parts = new Set<Part>();
  readonly #waiting = new Set<Waiting>();
  #watch: NodeJS.Timeout | undefined;
  #marks = new Map<Part, Mark>();

  constructor(bytesMax: number) {
    this.#firstMax = Math.max(FIRST, bytesMax / FIRST_SHARE);
    this.#moreMax = bytesMax - this.#firstMax;
    if (this.#moreMax < BLOB_PART_BYTES) throw new RangeError('there must be memory for one part');
  }

  get used(): number {
    return this.#firstUsed + this.#moreUsed;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Gives a part memory of this size in place of what it has. */
  async obtain(part: Part, bytes: number): Promise<void> {
    const isFirst = bytes === FIRST || this.#waiting.size === 0;
    if (isFirst && this.#isSafe(part, bytes)) this.#grow(part, bytes);
    else await this.#wait(part, bytes);
  }

  takeBack(part: Part): void {
    if (!this.#parts.delete(part)) return;
    this.#marks.delete(part);
    this.#count(part.memory, -1);
    this.#spare.keep(part.memory);
    part.memory = NONE;
    this.#serve();
    // A burst's memory goes with it. One part after the other uses what the last one had.
    if (this.used === 0) this.#spare.shrinkTo(2 * BLOB_PART_BYTES);
  }

  /**
   * In the order of their asking: who comes later must not live on what is given back before who waits has enough. Only
   * when nothing will be given back by itself, the next one is served who can be.
   */
  #serve(): void {
    const isStrict = [...this.#parts].some(({ isFinished }) => isFinished);
    let isHeld = false;
    for (const { part, bytes, grant } of this.#waiting) {
      if (isHeld && bytes !== FIRST) continue;
      if (this.#isSafe(part, bytes)) {
        this.#grow(part, bytes);
        grant();
      } else isHeld ||= isStrict;
    }
  }

  #isSafe(part: Part, bytes: number): boolean {
    if (bytes === FIRST) return this.#firstUsed + FIRST <= this.#firstMax;
    let left = this.#moreMax - this.#moreUsed - (bytes - moreIn(part.memory));
    if (left < 0) return false;
    let needed = BLOB_PART_BYTES - bytes;
    for (const { memory, isFinished } of this.#parts) {
      if (isFinished) left += moreIn(memory);
      else needed = Math.min(needed, BLOB_PART_BYTES - moreIn(memory));
    }
    return needed <= left;
  }

  #grow(part: Part, bytes: number): void {
    const { memory, filled } = part;
    part.memory = this.#spare.take(bytes);
    part.memory.set(memory.subarray(0, filled));
    this.#count(part.memory, 1);
    if (memory.byteLength > 0) {
      this.#count(memory, -1);
      this.#spare.keep(memory);
    }
    this.#spare.shrinkTo(this.#firstMax + this.#moreMax - this.used);
    this.#parts.add(part);
  }

  #count({ byteLength }: Uint8Array, sign: 1 | -1): void {
    if (byteLength === FIRST) this.#firstUsed += sign * byteLength;
    else this.#moreUsed += sign * byteLength;
  }

  #wait(part: Part, bytes: number): Promise<void> {
    this.#watch ??= setInterval(() => this.#giveUpSlow(), PART_MEASURE_MS / 4);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => end(() => reject(tooFull())), PART_WAIT_MS);
      const waiting = { part, bytes, grant: () => end(resolve) };
      const end = (settle: () => void): void => {
        clearTimeout(timer);
        this.#waiting.delete(waiting);
        if (this.#waiting.size === 0) this.#stopWatch();
        settle();
      };
      this.#waiting.add(waiting);
      this.#serve();
    });
  }

  #stopWatch(): void {
    clearInterval(this.#watch);
    this.#watch = undefined;
    this.#marks.clear();
  }

  /** Those that have come hardly further in the last while, though it was their turn: as many as wait for them. */
  #giveUpSlow(): void {
    const now = performance.now();
    const asking = new Set([...this.#waiting].map(({ part }) => part));
    const slow = [];
    for (const part of this.#parts) {
      const { filled } = part;
      const mark = this.#marks.get(part);
      const isIdle = part.isFinished || part.isGivenUp || asking.has(part);
      const ms = now - (mark?.at ?? now);
      const rate = (filled - (mark?.filled ?? 0)) / ms;
      if (mark !== undefined && !isIdle && ms < PART_MEASURE_MS) continue;
      if (mark !== undefined && !isIdle && rate * 1000 < PART_RATE_MIN) slow.push({ part, rate });
      this.#marks.set(part, { at: now, filled });
    }
    slow.sort((one, other) => one.rate - other.rate);
    for (const { part } of slow.slice(0, this.#waiting.size)) part.giveUp();
  }
}

/** Of a part's memory, what is not from the share of small bodies. */
function moreIn({ byteLength }: Uint8Array): number {
  return byteLength === FIRST ? 0 : byteLength;
}

function tooFull(): ApiError {
  const cause = new Error('the memory for parts is used up');
  return new ApiError('service.unavailable', { cause, retryAfter: 5 });
}
