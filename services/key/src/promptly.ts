/** An answer in time, or none: what may be asked for again keeps nobody waiting for a database that says nothing. */
import { ApiError } from '@sotto/api';
import { PROMPT_MS } from './limits.ts';

/**
 * The work's outcome. Rejects with `service.unavailable` when it takes longer than a caller waits; the work goes on then, so it
 * must be such that the same again changes nothing.
 */
export async function promptly<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new ApiError('service.unavailable', { retryAfter: 1 })),
      PROMPT_MS,
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
