/** What users without a socket say of their presence. */
import type { UserId } from '@sotto/api';
import type { ConnectionDatabase } from './connection-store.ts';
import { createGathering } from './gathering.ts';
import { ANNOUNCEMENTS_PER_STATEMENT, ANNOUNCEMENTS_WAITING_MAX } from './limits.ts';
import { writeAnnouncements } from './presence-store.ts';

/**
 * Notes that a user is there for the next minute; `onNews` hears of those who were not. Written before it resolves, with
 * everybody else who says so at the time. Rejects with the database's error, or when too many do.
 */
export function createAnnouncements(
  database: ConnectionDatabase,
  onNews: (users: readonly UserId[]) => void,
): (user: UserId) => Promise<void> {
  return createGathering(
    async (users: readonly UserId[]) => onNews(await writeAnnouncements(database, users)),
    { atOnceMax: ANNOUNCEMENTS_PER_STATEMENT, waitingMax: ANNOUNCEMENTS_WAITING_MAX },
  );
}
