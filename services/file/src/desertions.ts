/**
 * Grants end when the conversation has nobody left, as the message service says.
 *
 * It is asked after somebody left, and once a day whatever was heard: events may have gone by before this service
 * listened to them. Each question is claimed before it is put, so several processes share them.
 */
import type { ConversationId } from '@sotto/api';
import type { Clock } from '@sotto/runtime';
import { type Kysely, sql } from 'kysely';
import type { Events } from './events.ts';
import { endSomeGrants } from './grant-store.ts';
import { CONVERSATION_ASKED_MS, CONVERSATIONS_ASKED_MAX, GRANTS_ENDED_AT_ONCE } from './limits.ts';
import type { HasMembers } from './memberships.ts';
import { removeEach } from './removals.ts';
import type { FileTables } from './schema.ts';

type Query = Kysely<FileTables>;

export interface DesertionDeps {
  query: Query;
  hasMembers: HasMembers;
  events: Pick<Events, 'revoked' | 'leftover'>;
  clock: Clock;
  /** Ends a round early. */
  signal: AbortSignal;
}

/**
 * Asks about those conversations whose turn it is, as many as a round may. One that cannot be asked about comes again in
 * the next round, after all others.
 */
export async function endDeserted(deps: DesertionDeps): Promise<void> {
  const { query, events, clock, signal } = deps;
  const end = async (conversation: ConversationId) => {
    try {
      await look(deps, conversation);
    } catch (error) {
      await giveBack(query, conversation, clock());
      throw error;
    }
  };
  await removeEach(claimed(deps), end, { signal, onFailure: events.leftover });
}

async function* claimed({ query, clock }: DesertionDeps): AsyncGenerator<ConversationId> {
  const begunAt = clock();
  for (let asked = 0; asked < CONVERSATIONS_ASKED_MAX; asked++) {
    const conversation = await claim(query, { begunAt, now: clock() });
    if (conversation === undefined) return;
    yield conversation;
  }
}

async function look(
  { query, hasMembers, events }: DesertionDeps,
  conversation: ConversationId,
): Promise<void> {
  if (await forgetUnshared(query, conversation)) return;
  if (await hasMembers(conversation)) return;
  for (;;) {
    const ended = await endSomeGrants(query, conversation, GRANTS_ENDED_AT_ONCE);
    for (let count = 0; count < ended; count++) events.revoked();
    if (ended < GRANTS_ENDED_AT_ONCE) break;
  }
  await forgetUnshared(query, conversation);
}

/** The next one; no other process gets it for a day, unless somebody leaves it. Index: conversations_asked. */
async function claim(
  query: Query,
  { begunAt, now }: { begunAt: number; now: number },
): Promise<ConversationId | undefined> {
  const { rows } = await sql<{ id: ConversationId }>`
    update conversations set asked_at = ${new Date(now)}
    where id = (
      select id from conversations
      where asked_at is null or asked_at < ${new Date(begunAt - CONVERSATION_ASKED_MS)}
      order by asked_at nulls first limit 1 for update skip locked
    )
    returning id
  `.execute(query);
  return rows[0]?.id;
}

/** Due again, but for a round that began before, and behind all that are due by then. */
async function giveBack(query: Query, conversation: ConversationId, now: number): Promise<void> {
  await query
    .updateTable('conversations')
    .set({ asked_at: new Date(now - CONVERSATION_ASKED_MS) })
    .where('id', '=', conversation)
    .execute();
}

/** Forgets a conversation that no file is shared in, and what was heard of its members. True when it is gone. */
function forgetUnshared(query: Query, conversation: ConversationId): Promise<boolean> {
  return query.transaction().execute(async (transaction) => {
    await transaction
      .selectFrom('conversations')
      .select('id')
      .where('id', '=', conversation)
      .forUpdate()
      .execute();
    // A statement of its own: it sees the grant that was being hung on the row.
    const { rows } = await sql`
      delete from conversations
      where id = ${conversation} and not exists (select from grants where conversation = ${conversation})
      returning id
    `.execute(transaction);
    return rows.length > 0;
  });
}
