/** What the gateway counts and logs beyond requests: one function per event. */
import type { ProblemCode } from '@sotto/api';
import type { Logger, Metrics } from '@sotto/runtime';

export interface Events {
  tunnelOpened(): void;
  tunnelClosed(): void;
  tunnelRefused(code: ProblemCode): void;
  /** The message service could not be reached. */
  tunnelFailed(error: Error): void;
  /** The message service says nothing any more on one that is open. */
  tunnelSilent(): void;
  /** A request went no further than the door. */
  requestRefused(code: ProblemCode): void;
  /** A service could not be reached, or did not answer. */
  serviceFailed(error: Error): void;
}

export function createEvents(metrics: Metrics, log: Logger): Events {
  const open = metrics.gauge('tunnels_open', 'WebSockets that are open or opening');
  const refused = metrics.counter('tunnels_refused_total', 'Handshakes refused', ['code']);
  const failed = metrics.counter('tunnels_failed_total', 'Handshakes without an answer');
  const silent = metrics.counter('tunnels_silent_total', 'WebSockets whose service fell silent');
  const screened = metrics.counter('requests_refused_total', 'Requests refused unread', ['code']);
  const unanswered = metrics.counter('requests_unanswered_total', 'Requests without an answer');
  return {
    tunnelOpened: () => open.inc(),
    tunnelClosed: () => open.dec(),
    tunnelRefused: (code) => refused.inc({ code }),
    tunnelFailed(error) {
      failed.inc();
      log.warn('no answer to a handshake', { error });
    },
    tunnelSilent: () => silent.inc(),
    requestRefused: (code) => screened.inc({ code }),
    serviceFailed(error) {
      unanswered.inc();
      log.warn('no answer to a request', { error });
    },
  };
}
