/** SQL that leaves a user who blocks somebody in the groups to which that one has added them, and gives them nothing there. */
import type { ConversationId } from '@sotto/api';
import { decodeMembershipEntry } from '@sotto/crypto/verify';
import { type Database, enqueueEvent } from '@sotto/runtime';
import { sql } from 'kysely';
import type { Block } from './block-store.ts';
import { DEAFENED_AT_ONCE } from './limits.ts';
import type { Tables } from './schema.ts';

type Deafening = Pick<Database<Tables>, 'query'>;

/**
 * Ends what the blocker receives of groups to which the blocked one has added them, as far as the blocker has not accepted
 * them: as if they had been added after the block. Gives those groups; nudge the outbox, and tell of the relation.
 */
export async function deafen(database: Deafening, block: Block): Promise<ConversationId[]> {
  const groups: ConversationId[] = [];
  for (let after = NIL; ; ) {
    const page = await findRequested(database, block, after);
    for (const { conversation, since, entry } of page) {
      after = conversation;
      if (decodeMembershipEntry(entry).entry.author?.user !== block.blocked) continue;
      if (await endReceiving(database, block, { conversation, since })) groups.push(conversation);
    }
    if (page.length < DEAFENED_AT_ONCE) return groups;
  }
}

const NIL = '00000000-0000-0000-0000-000000000000';

interface Requested {
  conversation: ConversationId;
  /** The version of the log by which the user came in. */
  since: number;
  entry: Buffer;
}

/** Index: conversation_members_user, then the primary key of `membership_log`. */
async function findRequested(
  { query }: Deafening,
  { blocker }: Block,
  after: string,
): Promise<Requested[]> {
  const { rows } = await sql<Requested>`
    select m.conversation, m.since, l.entry
    from conversation_members m
    join membership_log l on l.conversation = m.conversation and l.version = m.since
    where m.user_id = ${blocker} and m.conversation > ${after}::uuid
      and m.requested and m.left_seq is null
    order by m.conversation limit ${DEAFENED_AT_ONCE}
  `.execute(query);
  return rows;
}

/** Under the lock of the conversation, so that no place is taken meanwhile. False when the user has accepted or come anew. */
async function endReceiving(
  { query }: Deafening,
  { blocker }: Block,
  { conversation, since }: Pick<Requested, 'conversation' | 'since'>,
): Promise<boolean> {
  return query.transaction().execute(async (transaction) => {
    const group = await transaction
      .selectFrom('conversations')
      .where('id', '=', conversation)
      .select(['last_seq', 'version'])
      .forUpdate()
      .executeTakeFirst();
    if (group === undefined) return false;
    const { numUpdatedRows } = await transaction
      .updateTable('conversation_members')
      .set({ left_seq: group.last_seq + 1 })
      .where('conversation', '=', conversation)
      .where('user_id', '=', blocker)
      .where('since', '=', since)
      .where('requested', '=', true)
      .where('left_seq', 'is', null)
      .executeTakeFirst();
    if (numUpdatedRows === 0n) return false;
    const { version } = group;
    const change = { conversation, version, joined: [], left: [blocker] };
    await enqueueEvent(transaction, 'events.membership.changed', change);
    return true;
  });
}
