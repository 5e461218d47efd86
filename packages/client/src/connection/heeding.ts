/** Giving up what somebody waits for. */

/** How a person gives up what they wait for. */
export interface Abortable {
  /** Whoever asked waits no longer, and is told its reason. What has begun by then may be done all the same. */
  readonly signal?: AbortSignal | undefined;
}

/** What `work` comes to, or the reason of the signal as soon as it is aborted. Leaves no listener behind. */
export async function heeding<T>({ signal }: Abortable, work: () => Promise<T>): Promise<T> {
  if (signal === undefined) return work();
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener('abort', abort);
  try {
    return await Promise.race([work(), promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** A door whose methods, which all promise something, heed a signal in the options that come last. */
export function heedingEach<Door extends object>(door: Door): Door {
  const methods = Object.entries(door).map(([name, method]) => [
    name,
    (...args: readonly unknown[]) =>
      heeding(abortableOf(args), async () => Reflect.apply(method, door, args)),
  ]);
  return Object.fromEntries(methods);
}

/** The signal among the arguments of a method, if there is one. */
export function abortableOf(args: readonly unknown[]): Abortable {
  const options = args.at(-1);
  const signal: unknown = options instanceof Object ? Reflect.get(options, 'signal') : undefined;
  return signal instanceof AbortSignal ? { signal } : {};
}
