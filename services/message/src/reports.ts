/**
 * Reports: what a user shows the operator of what somebody wrote. The only plaintext that the platform holds, and only
 * what its reader chose to disclose; it can check none of it.
 */
import { randomUUID } from 'node:crypto';
import { ApiError } from '@sotto/api';
import type { Caller, Closable, Database, Limiters, Logger, Outbox } from '@sotto/runtime';
import { findMet } from './acquaintance-store.ts';
import type { Copies } from './copies.ts';
import { REPORTS_PER_DAY, REPORTS_SWEEP_MS } from './limits.ts';
import type { Disclosure } from './report.ts';
import { deleteOldReports, insertReport } from './report-store.ts';
import type { Tables } from './schema.ts';

export interface ReportsDeps {
  database: Pick<Database<Tables>, 'query'>;
  copies: Pick<Copies, 'hasUser'>;
  outbox: Pick<Outbox, 'nudge'>;
}

export type Report = (caller: Caller, disclosure: Disclosure) => Promise<string>;

/**
 * Takes reports, a few a day of each user. Gives a report's id; throws `user.not-found`, `conversation.not-found` when the
 * two have not met there, `request.invalid` for oneself, and `rate.limited`.
 */
export function createReports(
  { database, copies, outbox }: ReportsDeps,
  limiters: Limiters,
): Report {
  const rule = { points: REPORTS_PER_DAY, windowMs: DAY_MS, whenGone: 'open' } as const;
  const limiter = limiters.limiter('reports', rule);
  return async ({ user: reporter, device }, { user: reported, ...disclosure }) => {
    if (reporter === reported) {
      const detail = 'nobody reports themselves';
      throw new ApiError('request.invalid', { detail, fields: ['user'] });
    }
    // The reporter too, for the operator to be shown a name.
    const known = await Promise.all([reported, reporter].map((user) => copies.hasUser(user)));
    if (!known[0]) throw new ApiError('user.not-found');
    const { conversation } = disclosure;
    if (conversation !== undefined) {
      const met = await findMet(database, reporter, { others: [reported], conversation });
      if (!met.has(reported)) throw new ApiError('conversation.not-found');
    }
    await limiter.take(reporter);
    const id = randomUUID();
    const isWritten = await insertReport(database, {
      ...disclosure,
      ...{ id, reporter, device, reported },
    });
    if (!isWritten) throw new ApiError('user.not-found');
    outbox.nudge();
    return id;
  };
}

const DAY_MS = 24 * 3_600_000;

/** Deletes reports that are too old, now and each hour, until it is closed. Several nodes may do so. */
export function sweepReports({ query }: Pick<Database<Tables>, 'query'>, log: Logger): Closable {
  let closed = false;
  async function sweep(): Promise<void> {
    while (!closed && (await deleteOldReports(query)));
  }
  let sweeping = Promise.resolve();
  function begin(): void {
    sweeping = sweeping.then(sweep).catch((error) => {
      log.warn('old reports cannot be deleted yet', { error });
    });
  }
  begin();
  const timer = setInterval(begin, REPORTS_SWEEP_MS);
  return {
    async close() {
      closed = true;
      clearInterval(timer);
      await sweeping;
    },
  };
}
