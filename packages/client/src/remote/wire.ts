/**
 * Calls over a line, both ways: of what the other side answers by its name, and of functions that came in arguments and
 * results. What came in arguments can be called until the answer, what came in results until nobody has it any more.
 */
import { giveWay } from '../connection/stretch.ts';
import { ClientError, ConnectionError } from '../errors.ts';
import { type Observable, Source } from '../state/observable.ts';
import { describeError, rebuildError } from './carried-error.ts';
import { carry, type Remote, uncarry } from './carried-value.ts';
import { Frame, type FrameOf } from './frames.ts';
import { KeptFunctions } from './kept-functions.ts';
import { CALLS_RUNNING_MAX } from './limits.ts';
import type { Line } from './line.ts';
import { type Pulse, watchPulse } from './pulse.ts';

/** Answers a call by its name. The signal says that whoever asked has given it up. */
export type Ask = (
  name: string,
  args: readonly unknown[],
  signal?: AbortSignal,
) => Promise<unknown>;

/** Whoever should have answered is gone: whether it was done is not known. */
export class LostAnswer extends ConnectionError {
  constructor() {
    super('whoever should have answered is gone');
  }
}

/** Whoever should answer was stopped, and may go on: whether it was done is not known. */
export function silentError(): ClientError {
  return new ClientError('client.silent', 'whoever runs the client has stopped answering');
}

/** One end of a line. */
export interface Wire {
  /**
   * Rejects with {@link LostAnswer} when the line ends before, with the reason of a signal among the arguments, and, where the
   * other side is watched, with `client.silent` while it is.
   */
  readonly ask: Ask;
  readonly closed: AbortSignal;
  /** Whether a side that is watched does not answer, although the line is there. */
  readonly silent: Observable<boolean>;
  close(): void;
}

/** How somebody who depends on the other side watches whether it is there. */
export interface Watching {
  /** Of calls that are not given up while it is silent. */
  readonly isPatient: (name: string) => boolean;
}

/** Speaks over a line, which belongs to it from now on. */
export function openWire(line: Line, answer: Ask, watching?: Watching): Wire {
  return new LineWire(line, answer, watching);
}

/** A call that waits for its answer. */
interface Asked {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly signals: readonly AbortSignal[];
  readonly isPatient: boolean;
  /** The arguments' functions are not called any more. */
  releaseArguments(): void;
  /** Giving up makes no difference any more. */
  releaseSignals(): void;
}

class LineWire implements Wire {
  readonly closed: AbortSignal;
  readonly silent: Observable<boolean>;
  readonly #line: Line;
  readonly #answer: Ask;
  readonly #watching: Watching | undefined;
  readonly #pulse: Pulse | undefined;
  readonly #asked = new Map<number, Asked>();
  /** What is answered here, until its result is used no more. */
  readonly #answering = new Map<number, AbortController>();
  readonly #kept = new KeptFunctions();
  readonly #unused = new FinalizationRegistry<() => void>((drop) => drop());
  #turn = Promise.resolve();
  #lastId = 0;

  constructor(line: Line, answer: Ask, watching?: Watching) {
    this.#line = line;
    this.#answer = answer;
    this.#watching = watching;
    this.closed = line.closed;
    this.closed.addEventListener('abort', () => this.#end());
    const ping = () => this.#send({ type: 'ping' });
    this.#pulse = watching && watchPulse(ping, line.closed);
    this.silent = this.#pulse?.silent ?? new Source(false);
    this.silent.subscribe(() => this.#giveUp());
    line.listen((value) => this.#hear(value));
  }

  readonly ask: Ask = (name, args, signal) => this.#call(name, args, signal);

  close(): void {
    this.#line.close();
  }

  async #call(to: string | number, args: readonly unknown[], signal?: AbortSignal) {
    if (this.closed.aborted) throw new LostAnswer();
    const isPatient = typeof to === 'string' && this.#watching?.isPatient(to) === true;
    if (this.silent.get() && !isPatient) throw silentError();
    const id = ++this.#lastId;
    const own = this.#kept.open();
    const signals = new Set(signal && [signal]);
    const { carriesBlobs } = this.#line;
    const heed = (heeded: AbortSignal) => void signals.add(heeded);
    const cancel = ({ currentTarget }: Event) => {
      const reason = currentTarget instanceof AbortSignal ? currentTarget.reason : undefined;
      this.#send({ type: 'cancel', id, reason: describeError(errorOf(reason)) });
    };
    const releaseSignals = () => {
      for (const heeded of signals) heeded.removeEventListener('abort', cancel);
    };
    try {
      const keeper = { ...own, heed, carriesBlobs, kind: 'listener' } as const;
      const carried = args.map((value) => carry(value, keeper));
      for (const heeded of signals) {
        heeded.throwIfAborted();
        heeded.addEventListener('abort', cancel);
      }
      const { promise, ...ends } = Promise.withResolvers<unknown>();
      const releaseArguments = own.forgetAll;
      const releases = { releaseArguments, releaseSignals };
      this.#asked.set(id, { ...ends, signals: [...signals], isPatient, ...releases });
      this.#send({ type: 'call', id, to, args: carried });
      return await promise;
    } catch (error) {
      this.#asked.delete(id);
      own.forgetAll();
      releaseSignals();
      throw error;
    }
  }

  #send(frame: Frame): void {
    this.#line.send(frame);
  }

  #hear(value: unknown): void {
    this.#pulse?.hear();
    const { data: frame } = Frame.safeParse(value);
    // No release sends it: whoever does cannot be talked with.
    if (frame === undefined) this.close();
    else if (frame.type === 'call') void this.#answerCall(frame);
    else if (frame.type === 'cancel')
      this.#answering.get(frame.id)?.abort(rebuildError(frame.reason));
    else if (frame.type === 'drop') this.#kept.drop(frame.reference);
    else if (frame.type === 'ping') this.#send({ type: 'pong' });
    else if (frame.type !== 'pong') this.#settle(frame);
  }

  /** What somebody waits for, as soon as the other side is silent. */
  #giveUp(): void {
    if (!this.silent.get()) return;
    for (const [id, { isPatient, reject }] of this.#asked) {
      if (isPatient) continue;
      const error = silentError();
      this.#send({ type: 'cancel', id, reason: describeError(error) });
      reject(error);
    }
  }

  async #answerCall({ id, to, args }: FrameOf<'call'>): Promise<void> {
    const controller = new AbortController();
    const own = this.#kept.open(() => this.#answering.delete(id));
    try {
      if (this.#answering.size >= CALLS_RUNNING_MAX || this.#answering.has(id)) {
        throw new RangeError('too many calls at once');
      }
      this.#answering.set(id, controller);
      const { signal } = controller;
      if (typeof to === 'string') await this.#nextTurn();
      signal.throwIfAborted();
      const taker = { signal, take: (reference: number) => this.#take(reference) };
      const given = args.map((value) => uncarry(value, taker));
      const result = await this.#perform(to, given, signal);
      const { carriesBlobs } = this.#line;
      let isUsed = false;
      const keep = (call: Remote) => {
        isUsed = true;
        return own.keep(call);
      };
      const keeper = { ...own, keep, heed: () => {}, carriesBlobs, kind: 'method' } as const;
      this.#send({ type: 'done', id, value: carry(result, keeper) });
      if (isUsed) return;
    } catch (error) {
      own.forgetAll();
      this.#send({ type: 'failed', id, error: describeError(errorOf(error)) });
    }
    if (this.#answering.get(id) === controller) this.#answering.delete(id);
  }

  /**
   * When this side was stopped, what was given up meanwhile has its `cancel` behind it: that is heard before anything is
   * begun, as it may have been asked for anew. Calls keep their order.
   */
  #nextTurn(): Promise<void> {
    const turn = giveWay();
    this.#turn = this.#turn.then(() => turn);
    return this.#turn;
  }

  async #perform(to: string | number, args: unknown[], signal: AbortSignal): Promise<unknown> {
    if (typeof to === 'string') return this.#answer(to, args, signal);
    const call = this.#kept.get(to);
    if (call === undefined) throw new LostAnswer();
    return call(...args);
  }

  #settle(frame: FrameOf<'done' | 'failed'>): void {
    const asked = this.#asked.get(frame.id);
    if (asked === undefined) {
      this.#discard(frame);
      return;
    }
    this.#asked.delete(frame.id);
    asked.releaseArguments();
    try {
      if (frame.type === 'failed') throw rebuildError(frame.error);
      asked.resolve(this.#takeResult(frame.value, asked));
    } catch (error) {
      asked.releaseSignals();
      const givenUp = asked.signals.find(({ aborted }) => aborted);
      asked.reject(givenUp === undefined ? error : givenUp.reason);
    }
  }

  /** It was given up: what came of it nobody has. */
  #discard(frame: FrameOf<'done' | 'failed'>): void {
    if (frame.type === 'failed') return;
    const take = (reference: number): Remote => {
      this.#send({ type: 'drop', reference });
      return async () => undefined;
    };
    try {
      uncarry(frame.value, { take, signal: this.closed });
    } catch {
      this.close(); // No release sends it.
    }
  }

  #takeResult(value: unknown, { releaseSignals }: Asked): unknown {
    let used = 0;
    const take = (reference: number) => {
      used += 1;
      const remote = this.#take(reference);
      this.#unused.register(remote, () => {
        used -= 1;
        if (used === 0) releaseSignals();
        if (!this.closed.aborted) this.#send({ type: 'drop', reference });
      });
      return remote;
    };
    const result = uncarry(value, { take, signal: this.closed });
    if (used === 0) releaseSignals();
    return result;
  }

  /** A function of the other side. */
  #take(reference: number): Remote {
    return (...args) => {
      const answer = this.#call(reference, args);
      answer.catch(() => {}); // Listeners are told, and nobody waits.
      return answer;
    };
  }

  #end(): void {
    this.#kept.clear();
    for (const { reject } of this.#asked.values()) reject(new LostAnswer());
    for (const controller of this.#answering.values()) controller.abort(new LostAnswer());
    this.#answering.clear();
  }
}

function errorOf(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown;
  return new Error(`what was thrown is no error: ${thrown}`);
}
