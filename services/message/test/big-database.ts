/**
 * A message service's tables with 200 000 messages in them, and statistics that say it is fifty times as much: what the
 * planner does with it, it does with ten million.
 *
 * The size of a table on the disk is its own and not to be had by a statistic, so reading it whole looks fifty times
 * cheaper here than it would be: whatever the planner does not read whole here, it will not there.
 */
import type { ConversationId, DeviceId, MessageId, UserId } from '@sotto/api';
import type { Database } from '@sotto/runtime';
import type { Tables } from '../src/schema.ts';

const MESSAGES = 200_000;
const PLACES = 10;
/** Messages lie in ten weeks, as many as there are partitions: each conversation has one in each. */
const WEEKS_BACK = 6;
const USERS = 20_000;
const TIMES = 50;

const GROUPS = 100;
const GROUP_MEMBERS = 100;

/** What there is as many of as processes or settings. */
export const SMALL_TABLES: ReadonlySet<string> = new Set(['nodes', 'platform', 'push_keys']);

/** Somebody of the many, with a device, a conversation and somebody else in it. */
export interface Sample {
  user: UserId;
  device: DeviceId;
  other: UserId;
  otherDevice: DeviceId;
  conversation: ConversationId;
  /** A message of the conversation. */
  id: MessageId;
  seq: number;
  sentAt: Date;
  /** The oldest week that has messages. */
  week: string;
  /** A group of the user's. */
  group: ConversationId;
}

type Client = Pick<Database<Tables>['pool'], 'query'>;

/** Fills the tables, which must be empty. */
export async function fill({ pool }: Pick<Database<Tables>, 'pool'>): Promise<Sample> {
  const client = await pool.connect();
  try {
    await client.query('set statement_timeout = 0');
    await client.query(WEEKS);
    for (const statement of FILL) await client.query(statement);
    await scale(client);
    return await findSample(client);
  } finally {
    client.release(true);
  }
}

async function findSample(client: Client): Promise<Sample> {
  const { rows } = await client.query<Sample>(`
    select m.sender_user as user, m.sender_device as device, o.user_id as other,
      ${device('o.user_id')} as "otherDevice", m.conversation, m.id, m.seq, m.sent_at as "sentAt",
      g.conversation as group, (select min(tableoid::regclass::text) from messages) as week
    from messages m
    join conversation_members o on o.conversation = m.conversation and o.user_id <> m.sender_user
    join conversation_members g on g.user_id = m.sender_user and g.role = 1
    where m.recipients <> ''
    order by m.conversation, m.seq limit 1`);
  const [sample] = rows;
  if (sample === undefined) throw new Error('nothing was filled in');
  return sample;
}

/** Counts the rows, and lets the statistics say that there are more. */
async function scale(client: Client): Promise<void> {
  const { rows } = await client.query<{ name: string; kind: string }>(`
    select relname as name, relkind as kind from pg_class
    where relnamespace = current_schema::regnamespace and relkind in ('r', 'p')`);
  for (const { name, kind } of rows) {
    // Nobody else may count them again.
    if (kind === 'r') await client.query(`alter table ${name} set (autovacuum_enabled = off)`);
    await client.query(`vacuum analyze ${name}`);
  }
  const small = [...SMALL_TABLES].flatMap((name) => [name, `${name}_pkey`]);
  await client.query(
    `update pg_class set reltuples = reltuples * ${TIMES}
     where relnamespace = current_schema::regnamespace and reltuples > 0 and relname <> all($1)`,
    [small],
  );
}

/** An id that is always the same for the same text. */
const named = (text: string) =>
  `overlay(overlay(md5(${text}) placing '4' from 13) placing '8' from 17)::uuid`;
const user = (number: string) => named(`'user ' || ${number}`);
const device = (userId: string) => named(`'device ' || ${userId}`);
const conversation = (number: string) => named(`'conversation ' || ${number}`);
const node = (number: string) => named(`'node ' || ${number}`);
/** A UUIDv7 of a time. */
const idAt = (time: string) =>
  `overlay(${named('random()::text')}::text placing
    regexp_replace(lpad(to_hex((extract(epoch from ${time}) * 1000)::bigint), 12, '0'),
      '(.{8})(.{4})', '\\1-\\2-7') from 1)::uuid`;

/** Partitions for all those weeks, as far as they are missing. */
const WEEKS = `do $$
declare monday date;
begin
  for week in 1..${PLACES} loop
    monday := date_trunc('week', now() at time zone 'utc')::date + (week - ${WEEKS_BACK}) * 7;
    execute format(
      'create table if not exists %I partition of messages for values from (%L) to (%L)',
      'messages_p' || to_char(monday, 'YYYYMMDD'), monday || ' 00:00:00+00',
      (monday + 7) || ' 00:00:00+00'
    );
  end loop;
end $$`;

/** Every user talks with the next one and is in a group; each week has its share of the messages. */
const FILL = [
  `insert into accounts (user_id, username, folded)
    select ${user('(n - 100000)')}, 'User' || n, 'user' || n from generate_series(100001, ${100_000 + USERS}) as n`,
  `insert into device_lists (user_id, version, devices)
    select user_id, 1, array[${device('user_id')}] from accounts`,
  `insert into conversations (id, kind, pair_low, pair_high, last_seq)
    select ${conversation('n')}, 'direct', least(a.id, b.id), greatest(a.id, b.id), ${PLACES}
    from generate_series(1, ${MESSAGES / PLACES}) as n
    cross join lateral (select ${user(`(n % ${USERS} + 1)`)} as id) as a
    cross join lateral (select ${user(`((n + 1) % ${USERS} + 1)`)} as id) as b`,
  `insert into conversation_members (conversation, user_id, joined_seq)
    select id, unnest(array[pair_low, pair_high]), 1 from conversations`,
  `insert into conversations (id, kind, head_hash, version, last_seq)
    select ${conversation("'group ' || n")}, 'group', sha256('head'), 10, 10
    from generate_series(1, ${GROUPS}) as n`,
  `insert into conversation_members (conversation, user_id, joined_seq, role, since, rank)
    select ${conversation("'group ' || n")}, ${user(`(n * ${GROUP_MEMBERS} + k)`)}, 1,
      case k when 1 then 2 else 1 end, 1, k - 1
    from generate_series(1, ${GROUPS}) as n cross join generate_series(1, ${GROUP_MEMBERS}) as k`,
  `insert into membership_log (conversation, version, seq, entry)
    select id, n, n, sha256(uuid_send(id))
    from conversations cross join generate_series(1, 10) as n where kind = 'group'`,
  `create temporary table written as
    select c.id as conversation, seq, m.user_id, ${device('m.user_id')} as device,
      date_trunc('week', now()) + (seq - ${WEEKS_BACK}) * interval '7 days' as sent_at
    from conversations c cross join generate_series(1, ${PLACES}) as seq
    join conversation_members m on m.conversation = c.id
      and m.user_id = case when seq % 2 = 0 then c.pair_low else c.pair_high end`,
  `insert into messages
      (conversation, seq, sent_at, id, kind, sender_user, sender_device, recipients, expires_at)
    select w.conversation, w.seq, w.sent_at, ${idAt('w.sent_at')}, 1, w.user_id, w.device,
      uuid_send(${device('o.user_id')}) || '\\x00000010'::bytea || uuid_send(gen_random_uuid()),
      case when w.seq % 5 = 0 then now() + interval '1 hour' end
    from written w
    join conversation_members o on o.conversation = w.conversation and o.user_id <> w.user_id
    order by w.sent_at`,
  `insert into message_ids (id, sender_device, conversation, seq, sent_at, sha256)
    select id, sender_device, conversation, seq, sent_at, sha256(uuid_send(id)) from messages`,
  `insert into cursors (device, conversation, seq)
    select ${device('user_id')}, conversation, ${PLACES / 2} from conversation_members`,
  `insert into sent_counts (device, sent) select ${device('user_id')}, 10 from accounts`,
  `insert into fanout_outbox (conversations, firsts, lasts)
    select array[id], array[1], array[1] from conversations limit 5000`,
  `insert into erased_users (user_id, devices, erased_at)
    select gen_random_uuid(), array[gen_random_uuid()], now() from generate_series(1, 5000)`,
  `insert into blocks (blocker, blocked)
    select ${user('n')}, ${user('n + k')} from generate_series(1, 5000) as n
    cross join generate_series(1, 4) as k`,
  `insert into reports (id, reporter, reported, reason, messages, made_at)
    select gen_random_uuid(), ${user('n')}, ${user('n + 1')}, 'spam', '[]', now() - n * interval '1 minute'
    from generate_series(1, 5000) as n`,
  `insert into nodes (node, seen_at) select ${node('n')}, now() from generate_series(1, 200) as n`,
  `insert into connections (device, user_id, node, connected_at)
    select ${device('user_id')}, user_id, ${node('(1 + right(folded, 2)::int)')}, now()
    from accounts`,
  `insert into push_subscriptions (device, user_id, endpoint, due_at)
    select ${device('user_id')}, user_id, 'https://push.example/' || username,
      case when username like '%00' then now() end
    from accounts`,
  'insert into presence (user_id, last_seen) select user_id, now() from accounts',
];
