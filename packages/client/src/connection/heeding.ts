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
