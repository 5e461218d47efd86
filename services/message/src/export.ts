/** What this service holds about a user, for `exportAccount`. Ciphertexts are counted: their owner's devices have them. */
import type { UserId } from '@sotto/api';
import type { Database } from '@sotto/runtime';
import { sql } from 'kysely';
import { KIND_NUMBERS } from './message-kind.ts';
import type { Tables } from './schema.ts';

type Row = { [column: string]: string | number | boolean | null | string[] };

/** Table to rows, as JSON values. */
export async function exportUser(
  { query }: Pick<Database<Tables>, 'query'>,
  user: UserId,
): Promise<{ tables: Record<string, Row[]> }> {
  const read = async (statement: ReturnType<typeof sql<{ row: Row }>>): Promise<Row[]> => {
    const { rows } = await statement.execute(query);
    return rows.map(({ row }) => row);
  };
  return {
    tables: {
      accounts: await read(sql`
        select to_jsonb(a) as row from accounts a where user_id = ${user}`),
      device_lists: await read(sql`
        select to_jsonb(d) as row from device_lists d where user_id = ${user}`),
      // Index: conversation_members_user. The counts are of places, so they read no message.
      conversation_members: await read(sql`
        select to_jsonb(m) || jsonb_build_object(
          'kind', c.kind, 'created_at', c.created_at,
          'places', greatest(0, coalesce(m.left_seq - 1, c.last_seq)
            - greatest(m.joined_seq, c.first_seq) + 1)
        ) as row
        from conversation_members m join conversations c on c.id = m.conversation
        where m.user_id = ${user} order by m.conversation`),
      messages: await read(sql`
        select jsonb_build_object(
          'conversation', m.conversation, 'sent', count(*),
          'ciphertext_bytes', sum(octet_length(m.recipients)),
          'first_at', min(m.sent_at), 'last_at', max(m.sent_at)
        ) as row
        from messages m
        where m.sender_user = ${user} and m.kind <> ${KIND_NUMBERS.membership} and m.conversation in (
          select conversation from conversation_members where user_id = ${user}
        )
        group by m.conversation order by m.conversation`),
      blocks: await read(sql`
        select to_jsonb(b) as row from blocks b where blocker = ${user} order by blocked`),
      // Index: reports_reporter. What others reported of the user is theirs to have.
      reports: await read(sql`
        select to_jsonb(r) as row from reports r where reporter = ${user} order by made_at, id`),
      // Index: push_subscriptions_user.
      push_subscriptions: await read(sql`
        select to_jsonb(p) as row from push_subscriptions p where user_id = ${user} order by device`),
      presence: await read(sql`
        select to_jsonb(p) as row from presence p where user_id = ${user}`),
      // Index: connections_user. Which of the platform's processes it is says nothing about the user.
      connections: await read(sql`
        select to_jsonb(c) - 'node' as row from connections c where user_id = ${user} order by device`),
      cursors: await read(sql`
        select to_jsonb(c) as row from cursors c
        where c.device in (
          select unnest(devices) from device_lists where user_id = ${user}
        ) order by c.device, c.conversation`),
      sent_counts: await read(sql`
        select to_jsonb(s) as row from sent_counts s
        where s.device in (
          select unnest(devices) from device_lists where user_id = ${user}
        ) order by s.device`),
    },
  };
}
