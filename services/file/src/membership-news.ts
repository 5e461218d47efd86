/**
 * What the events say of who came and went, kept for the conversations that files are shared in.
 *
 * It grants nothing: whether somebody may read is asked of the message service. It says when an answer is out of date,
 * to every process at once, and when a conversation may have nobody left. So it need not be complete, and news of a
 * conversation that no file is shared in is passed over.
 */
import type { MembershipChanged } from '@sotto/api/internal';
import { type Bus, type Closable, consumeEvent } from '@sotto/runtime';
import { type Kysely, sql, type Transaction } from 'kysely';
import type { FileTables } from './schema.ts';
import type { Sweeper } from './sweeper.ts';

/** Hears the news until it is closed. Of several processes one gets each event; it may come twice, and in any order. */
export function consumeMemberships(
  bus: Bus,
  { query, sweeper }: { query: Kysely<FileTables>; sweeper: Pick<Sweeper, 'nudge'> },
): Promise<Closable> {
  return consumeEvent(bus, 'file-membership', 'events.membership.changed', async (change) => {
    const isShared = await query.transaction().execute((transaction) => hear(transaction, change));
    // Whether somebody is left is asked there: what comes behind this event does not wait for the message service.
    if (isShared && change.left.length > 0) sweeper.nudge();
  });
}

/** False when no file is shared in the conversation. */
async function hear(
  transaction: Transaction<FileTables>,
  { conversation, version, joined, left }: MembershipChanged,
): Promise<boolean> {
  const held = await transaction
    .selectFrom('conversations')
    .select('id')
    .where('id', '=', conversation)
    .forUpdate()
    .executeTakeFirst();
  if (held === undefined) return false;
  const users = [...new Set([...joined, ...left])];
  const gone = new Set(left);
  // A user who is given nothing more of a group goes at the version by which they came.
  await sql`
    insert into members (conversation, user_id, version, is_member)
    select ${conversation}, heard.user_id, ${version}, heard.is_member
    from unnest(
      ${users}::uuid[], ${users.map((user) => !gone.has(user))}::boolean[]
    ) as heard (user_id, is_member)
    on conflict (conversation, user_id) do update
    set version = excluded.version, is_member = excluded.is_member, heard_at = now()
    where excluded.version > members.version
      or (excluded.version = members.version and members.is_member and not excluded.is_member)
  `.execute(transaction);
  if (left.length > 0) {
    await transaction
      .updateTable('conversations')
      .set({ asked_at: null })
      .where('id', '=', conversation)
      .execute();
  }
  return true;
}
