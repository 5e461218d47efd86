/**
 * Forgets sessions that nobody can renew any more. Those that ended before their time stay until then: a device that was
 * logged out lately does not give way to another one, and its session is how that is known. The audit log has the ids.
 */
import type { Closable, Logger } from '@sotto/runtime';
import { ENDED_SESSION_MS, SESSIONS_AT_ONCE, SESSIONS_EVERY_MS } from './limits.ts';
import { deleteDeadSessions } from './session-store.ts';
import type { Query } from './store.ts';

/** Walks all sessions, so many in one statement. Safe in many processes at once. */
export async function forgetSessions(
  query: Query,
  { signal }: { signal?: AbortSignal } = {},
): Promise<void> {
  const page = { olderThanMs: ENDED_SESSION_MS, limit: SESSIONS_AT_ONCE };
  let after = await deleteDeadSessions(query, page);
  while (after !== undefined && signal?.aborted !== true) {
    after = await deleteDeadSessions(query, { ...page, after });
  }
}

/** Walks them now, and then once a day. Close it. */
export function startSessionKeeping(query: Query, log: Logger): Closable {
  const closing = new AbortController();
  let walking = Promise.resolve();
  function walk(): void {
    walking = forgetSessions(query, closing).catch((error) => {
      log.warn('old sessions cannot be removed', { error });
    });
  }
  walk();
  const timer = setInterval(walk, SESSIONS_EVERY_MS);
  return {
    async close() {
      clearInterval(timer);
      closing.abort();
      await walking;
    },
  };
}
