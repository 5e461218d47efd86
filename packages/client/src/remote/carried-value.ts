/**
 * What methods take and give, as values that a line carries. Plain data, bytes, dates and blobs go as they are; functions,
 * streams, promises, signals and errors stay where they are, and something stands in for them.
 */
import { callListener } from '../events.ts';
import { describeError, rebuildError } from './carried-error.ts';

/** Marks what stands for something else. No record of ours has such a field; what others send may. */
const MARK = '~sotto';

/** Deeper than anything that a method takes or gives, and not deep enough to do harm. */
const DEPTH_MAX = 32;

/** A function that the other side has, as far as this one can call it. */
export type Remote = (...args: readonly unknown[]) => Promise<unknown>;

/** Where what cannot be carried is kept. */
export interface Keeper {
  /** Keeps a function for the other side to call; gives its number. */
  keep(call: Remote): number;
  /** Forgets one, which ends by itself. */
  forget(reference: number): void;
  /** Whoever has asked may give it up. */
  heed(signal: AbortSignal): void;
  readonly carriesBlobs: boolean;
  /** Whether functions are called for what they give back, or are told something. */
  readonly kind: 'method' | 'listener';
}

/** Where what was kept is got hold of. */
export interface Taker {
  take(reference: number): Remote;
  readonly signal: AbortSignal;
}

/** A value as a line carries it. Throws a `TypeError` for what no method takes or gives. */
export function carry(value: unknown, keeper: Keeper, depth = 0): unknown {
  if (typeof value === 'function') return standIn('function', keepFunction(value, keeper));
  if (!(value instanceof Object)) return value;
  if (value instanceof Uint8Array) return ownBytes(value);
  if (value instanceof Date) return value;
  if (value instanceof Error || value instanceof DOMException)
    return { [MARK]: 'error', error: describeError(value) };
  if (value instanceof AbortSignal) {
    keeper.heed(value);
    return { [MARK]: 'signal', aborted: value.aborted };
  }
  if (value instanceof Promise) return standIn('promise', keepPromise(value, keeper));
  if (value instanceof ReadableStream) return standIn('stream', keepStream(value, keeper));
  if (value instanceof Blob) {
    if (keeper.carriesBlobs) return value;
    return { stream: standIn('stream', keepStream(value.stream(), keeper)), size: value.size };
  }
  if (depth === DEPTH_MAX) throw new TypeError('a value is too deep to be carried');
  if (Array.isArray(value)) return value.map((item) => carry(item, keeper, depth + 1));
  const fields = mapFields(value, (field) => carry(field, keeper, depth + 1));
  return Object.hasOwn(fields, MARK) ? { [MARK]: 'fields', fields } : fields;
}

/** The value that was carried. Throws a `TypeError` for what no side sends. */
export function uncarry(value: unknown, taker: Taker, depth = 0): unknown {
  if (!(value instanceof Object)) return value;
  if (value instanceof Uint8Array || value instanceof Date || value instanceof Blob) return value;
  if (depth > DEPTH_MAX) throw new TypeError('a value is too deep');
  if (Array.isArray(value)) return value.map((item) => uncarry(item, taker, depth + 1));
  const kind: unknown = Reflect.get(value, MARK);
  const takeFields = (fields: object) =>
    mapFields(fields, (field) => uncarry(field, taker, depth + 1));
  if (kind === undefined) return takeFields(value);
  if (kind === 'fields') return takeFields(Object(Reflect.get(value, 'fields')));
  if (kind === 'signal') return taker.signal;
  if (kind === 'error') return rebuildError(Reflect.get(value, 'error'));
  const reference: unknown = Reflect.get(value, 'reference');
  if (!Number.isSafeInteger(reference)) throw new TypeError('a reference is a number');
  const remote = taker.take(Number(reference));
  if (kind === 'function') return remote;
  if (kind === 'promise') return promiseOf(remote);
  if (kind === 'stream') return streamOf(remote);
  throw new TypeError('what a value stands for is not known');
}

function standIn(kind: string, reference: number): object {
  return { [MARK]: kind, reference };
}

/** A clone takes along the whole memory that a view lies in. */
function ownBytes(bytes: Uint8Array): Uint8Array {
  const isWhole = bytes.byteLength === bytes.buffer.byteLength;
  // Node's `Buffer` is another class on the other side.
  return isWhole && bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes);
}

function mapFields(value: object, change: (field: unknown) => unknown): object {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw new TypeError(`a ${value.constructor.name} cannot be carried`);
  }
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, change(field)]));
}

function keepFunction(value: CallableFunction, keeper: Keeper): number {
  const call = (args: readonly unknown[]): unknown => Reflect.apply(value, undefined, args);
  if (keeper.kind === 'method') return keeper.keep(async (...args) => call(args));
  // What goes wrong in a listener is a bug of its application, and surfaces on this side.
  return keeper.keep(async (...args) => callListener(call, args));
}

function keepPromise(value: Promise<unknown>, keeper: Keeper): number {
  const reference = keeper.keep(() => value.finally(() => keeper.forget(reference)));
  return reference;
}

function promiseOf(remote: Remote): Promise<unknown> {
  const promise = remote();
  promise.catch(() => {}); // Whoever wants to know awaits it.
  return promise;
}

/** Called with `true` it ends; otherwise it gives the next piece, and nothing after the last. */
function keepStream(stream: ReadableStream<unknown>, keeper: Keeper): number {
  const reader = stream.getReader();
  const pull = async (isOver: unknown) => {
    if (isOver === true) {
      keeper.forget(reference);
      return reader.cancel();
    }
    const { done, value } = await reader.read();
    if (!done) return value;
    keeper.forget(reference);
  };
  const reference = keeper.keep(pull);
  return reference;
}

function streamOf(remote: Remote): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const piece = await remote();
        if (piece instanceof Uint8Array) controller.enqueue(piece);
        else if (piece === undefined) controller.close();
        else throw new TypeError('a piece of a stream is no bytes');
      },
      async cancel() {
        await remote(true);
      },
    },
    { highWaterMark: 0 },
  );
}
