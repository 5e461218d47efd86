/** Calling a listener of signals. */
import type { Logger } from './log.ts';

/** Signals may be lost, so a listener that fails has lost one. */
export function hearSafely(hear: () => void, subject: string, log: Logger | undefined): void {
  try {
    hear();
  } catch (error) {
    log?.error('a listener failed', { subject, error });
  }
}
