/** Waiting when the platform says that it has too much to do, or that a part of it is away. */
import type { Answer, EndpointSpec } from '@sotto/api';
import { isProblem } from '../errors.ts';
import { askedMs, backOffMs, pause } from './back-off.ts';
import type { Authorization, CallOptions, Input } from './http.ts';

export interface PatienceOptions {
  /** How long all pauses of one call may last together. What asks for more is thrown instead. */
  readonly waitMsMax: number;
  /** Ends a pause; what was waited for is thrown. */
  readonly signal: AbortSignal;
  readonly random: () => number;
  /**
   * Everything called so may run twice. Otherwise a POST is not repeated after `service.unavailable`, behind which it
   * may have happened all the same.
   */
  readonly isRepeatable?: boolean;
  /** Called before each pause. */
  readonly onWait?: (error: unknown) => void;
}

/** An `Exchange` or a `Call`. */
type Run = <E extends EndpointSpec>(
  endpoint: E,
  input: Input<E>,
  options?: Authorization & CallOptions,
) => Promise<Answer<E>>;

/** Runs operations as `run` does, and again after a pause when they were refused for a reason that passes. */
export function patient(run: Run, options: PatienceOptions): Run {
  const { waitMsMax, random } = options;
  return async (endpoint, input, how) => {
    const signal = how?.signal ? AbortSignal.any([options.signal, how.signal]) : options.signal;
    let waitedMs = 0;
    for (let attempt = 0; ; attempt++) {
      try {
        return await run(endpoint, input, how);
      } catch (error) {
        const asked = askedPauseMs(error, options.isRepeatable || endpoint.method !== 'POST');
        if (asked === undefined) throw error;
        // Later than asked, each by another while: those who were refused together do not come back together.
        const pauseMs = asked + backOffMs(attempt, random());
        waitedMs += pauseMs;
        if (waitedMs > waitMsMax || signal.aborted) throw error;
        options.onWait?.(error);
        await pause(pauseMs, signal);
        how?.signal?.throwIfAborted();
        if (signal.aborted) throw error;
      }
    }
  };
}

/** How long the platform asks to wait; undefined when waiting is of no use, or may do harm. */
function askedPauseMs(error: unknown, isRepeatable: boolean): number | undefined {
  const passes =
    isProblem(error, 'rate.limited', 'auth.busy', 'message.busy') ||
    (isRepeatable && isProblem(error, 'service.unavailable'));
  return passes ? askedMs(error.options.retryAfter) : undefined;
}
