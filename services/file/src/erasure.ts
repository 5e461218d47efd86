/**
 * Removes everything of an owner who is no more (DESIGN 6): rows, blobs, what others could read of them.
 *
 * The event hides all files in one transaction, and lets no more be made. Blobs and rows go with the sweeper, at once
 * when the store is up: what comes behind the event does not wait for a store.
 */
import { type Bus, type Closable, consumeEvent } from '@sotto/runtime';
import type { Kysely } from 'kysely';
import { markErased } from './erasure-store.ts';
import type { FileTables } from './schema.ts';
import type { Sweeper } from './sweeper.ts';

/** Erases whoever deletes their account, until it is closed. Of several processes one gets each event. */
export function consumeErasures(
  bus: Bus,
  { query, sweeper }: { query: Kysely<FileTables>; sweeper: Pick<Sweeper, 'nudge'> },
): Promise<Closable> {
  return consumeEvent(bus, 'file-erasure', 'events.account.deleted', async ({ user }) => {
    await query.transaction().execute((transaction) => markErased(transaction, user));
    sweeper.nudge();
  });
}
