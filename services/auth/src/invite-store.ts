/** All SQL of invitations. */
import { sql } from 'kysely';
import type { InvitesTable } from './schema.ts';
import type { AuthTransaction, Query } from './store.ts';

export type Invite = Omit<InvitesTable, 'code_digest'>;

/** What an invitation that can be used is, by the database's clock. */
const USABLE = sql<boolean>`uses < uses_max and revoked_at is null and expires_at > clock_timestamp()`;

/** Writes a new invitation. */
export async function insertInvite(query: Query, invite: InvitesTable): Promise<void> {
  await query.insertInto('invites').values(invite).execute();
}

/** Whether a code could be used now. Index: invites_code_digest. */
export async function isInviteUsable(query: Query, codeDigest: Uint8Array): Promise<boolean> {
  const row = await query
    .selectFrom('invites')
    .select('id')
    .where('code_digest', '=', codeDigest)
    .where(USABLE)
    .executeTakeFirst();
  return row !== undefined;
}

/** Takes one use, exactly as many as there are however many ask at once. False when none is left. */
export async function useInvite(
  transaction: AuthTransaction,
  codeDigest: Uint8Array,
): Promise<boolean> {
  const { numUpdatedRows } = await transaction
    .updateTable('invites')
    .set({ uses: sql`uses + 1` })
    .where('code_digest', '=', codeDigest)
    .where(USABLE)
    .executeTakeFirst();
  return numUpdatedRows === 1n;
}

/** The newest invitations, used up and expired ones too. */
export function listInvites(query: Query, limit: number): Promise<Invite[]> {
  return query
    .selectFrom('invites')
    .select(['id', 'created_at', 'expires_at', 'uses_max', 'uses', 'revoked_at'])
    .orderBy('created_at', 'desc')
    .orderBy('id')
    .limit(limit)
    .execute();
}

/** False when there is no such invitation. Repeating it changes nothing. */
export async function revokeInvite(query: Query, id: string): Promise<boolean> {
  const { numUpdatedRows } = await query
    .updateTable('invites')
    .set({ revoked_at: sql`coalesce(revoked_at, clock_timestamp())` })
    .where('id', '=', id)
    .executeTakeFirst();
  return numUpdatedRows === 1n;
}

/** Forgets invitations that ended a while ago. */
export async function deleteOldInvites(query: Query, olderThanMs: number): Promise<void> {
  await sql`
    delete from invites where least(expires_at, revoked_at)
      < clock_timestamp() - make_interval(secs => ${olderThanMs / 1000})
  `.execute(query);
}
