/** How often the steps of one transfer are tried again. */
import { ApiError } from '@sotto/api';
import { askedMs, backOffMs, pause } from '../connection/back-off.ts';
import type { Call } from '../connection/call.ts';
import { ClientError, ConnectionError, isProblem } from '../errors.ts';
import { BACK_OFF_MS_MAX, TRANSFER_ATTEMPTS_MAX } from '../limits.ts';

/** What every transfer needs. */
export interface TransferDeps {
  readonly call: Call;
  readonly random: () => number;
  /** Aborts when the client closes. */
  readonly closing: AbortSignal;
}

/** Failures of one transfer, in a row: they begin anew when something has moved. */
export class Attempts {
  readonly #deps: TransferDeps;
  readonly #signal: AbortSignal | undefined;
  #failures = 0;

  constructor(deps: TransferDeps, signal: AbortSignal | undefined) {
    this.#deps = deps;
    this.#signal = signal;
  }

  /** Runs a step until it succeeds. Throws its error when that does not pass, or came too often. */
  async run<T>(step: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await step();
      } catch (error) {
        await this.failed(error);
      }
    }
  }

  /** Something has moved. */
  moved(): void {
    this.#failures = 0;
  }

  /**
   * Resolves when it is time to try again. Throws the error when it does not pass, or came too often, the reason of
   * whoever gave the transfer up, and `client.closed`.
   */
  async failed(error: unknown): Promise<void> {
    this.#assertWanted();
    const asked = askedPauseMs(error);
    if (asked === undefined || asked > BACK_OFF_MS_MAX) throw error;
    if (this.#failures === TRANSFER_ATTEMPTS_MAX - 1) throw error;
    const { random, closing } = this.#deps;
    const pauseMs = Math.max(asked, backOffMs(this.#failures, random()));
    this.#failures += 1;
    await pause(pauseMs, this.#signal ? AbortSignal.any([closing, this.#signal]) : closing);
    this.#assertWanted();
  }

  #assertWanted(): void {
    if (this.#deps.closing.aborted) throw new ClientError('client.closed', 'the client was closed');
    this.#signal?.throwIfAborted();
  }
}

/** How long to wait at least after this error; undefined when trying again is of no use. */
function askedPauseMs(error: unknown): number | undefined {
  if (error instanceof ConnectionError) return 0;
  if (!(error instanceof ApiError)) return undefined;
  const passes =
    (error.status >= 500 && error.code !== 'file.quota') ||
    isProblem(
      error,
      'rate.limited',
      'request.timeout',
      'upload.locked',
      'upload.offset-conflict',
      'upload.checksum-mismatch',
    );
  return passes ? askedMs(error.options.retryAfter) : undefined;
}
