/** What happens in the key log, counted. */
import type { Logger, Metrics } from '@sotto/runtime';
import type { AppenderDeps } from './appender.ts';

/** The events of one process. */
export function createLogEvents(metrics: Metrics, log: Logger): AppenderDeps['events'] {
  const appended = metrics.counter('key_log_leaves_total', 'Leaves put into the key log');
  const failures = metrics.counter('key_log_failures_total', 'Batches that could not be appended');
  let isFailing = false;
  return {
    leavesAppended(count) {
      appended.inc(count);
      if (isFailing) log.info('the key log grows again');
      isFailing = false;
    },
    appendFailed(error) {
      failures.inc();
      if (!isFailing) log.error('the key log cannot grow', { error });
      isFailing = true;
    },
  };
}
