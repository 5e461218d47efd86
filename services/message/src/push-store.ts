/** SQL over push subscriptions, and over which devices are to be woken. All times are the database's. */
import type { Address, ConversationId, DeviceId, UserId } from '@sotto/api';
import type { Database } from '@sotto/runtime';
import { type Kysely, sql } from 'kysely';
import { interval } from './connection-store.ts';
import { holdUsers } from './erasure-store.ts';
import { ALARM_AGAIN_MS, PUSH_ATTEMPTS_MAX, PUSH_LEASE_MS, WAKE_AGAIN_MS } from './limits.ts';
import type { Tables } from './schema.ts';

export type PushDatabase = Pick<Database<Tables>, 'query' | 'pool'>;
type Query = Kysely<Tables>;

/** The platform's key for push services; `fresh` becomes it when there is none. Index: primary key. */
export async function keepPushKey({ query }: PushDatabase, fresh: Buffer): Promise<Buffer> {
  await query
    .insertInto('push_keys')
    .values({ private_key: fresh })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const row = await query.selectFrom('push_keys').select('private_key').executeTakeFirstOrThrow();
  return row.private_key;
}

/** Whether anybody is to be woken by push at all. */
export async function hasSubscriptions({ query }: PushDatabase): Promise<boolean> {
  const row = await query.selectFrom('push_subscriptions').select('device').limit(1).execute();
  return row.length > 0;
}

/**
 * Puts a subscription in place of the device's earlier one. The same again changes nothing, or a device could be woken as
 * often as it subscribes. Nothing happens for a user who has been erased. Index: primary key.
 */
export async function putSubscription(
  { query }: PushDatabase,
  { user, device }: Address,
  endpoint: string,
): Promise<void> {
  await query.transaction().execute(async (transaction) => {
    if (!(await holdUsers(transaction, [user]))) return;
    await transaction
      .insertInto('push_subscriptions')
      .values({ device, user_id: user, endpoint })
      .onConflict((conflict) =>
        conflict
          .column('device')
          .doUpdateSet({
            ...{ user_id: user, endpoint, made_at: sql`now()` },
            ...{ due_at: null, urgent: false, attempts: 0, woken_at: null, alarmed_at: null },
          })
          .where((was) =>
            was.or([
              was('push_subscriptions.endpoint', '<>', endpoint),
              was('push_subscriptions.user_id', '<>', user),
            ]),
          ),
      )
      .execute();
  });
}

/** Which subscription of a device is to go: whichever it has, one endpoint's, or what was made until a moment. */
interface Subscription {
  device: DeviceId;
  endpoint?: string;
  madeUntil?: Date;
}

/** Removes a device's subscription, if it is the one that is meant. Index: primary key. */
export async function deleteSubscription(
  query: Query,
  { device, endpoint, madeUntil }: Subscription,
): Promise<void> {
  await query
    .deleteFrom('push_subscriptions')
    .where('device', '=', device)
    .$if(endpoint !== undefined, (one) => one.where('endpoint', '=', endpoint ?? ''))
    .$if(madeUntil !== undefined, (one) => one.where('made_at', '<=', madeUntil ?? new Date()))
    .execute();
}

/** What may be worth a wake-up: to one device, or to all of a conversation's. */
export interface Occasion {
  conversation: ConversationId;
  sender: UserId;
  /** Left out, it is every device of the conversation's members. */
  device?: DeviceId;
  isUrgent: boolean;
}

/** A device that is to be woken. */
export interface Candidate {
  device: DeviceId;
  urgent: boolean;
}

/**
 * Devices that a push service wakes, whose users receive the conversation and have neither muted it nor yet to accept it,
 * and that were not woken a moment ago. A sender's own devices are not among them.
 * Index: primary keys of push_subscriptions, conversation_members and device_lists; push_subscriptions_user.
 */
export async function findCandidates(
  { pool }: PushDatabase,
  occasions: readonly Occasion[],
): Promise<Candidate[]> {
  const single = occasions.filter(({ device }) => device !== undefined);
  const shared = occasions.filter(({ device }) => device === undefined);
  const columns = (some: readonly Occasion[]) => [
    some.map(({ conversation }) => conversation),
    some.map(({ sender }) => sender),
    some.map(({ isUrgent }) => isUrgent),
  ];
  const { rows } = await pool.query<Candidate>({
    name: 'find-push-candidates',
    text: CANDIDATES,
    values: [...columns(single), single.map(({ device }) => device), ...columns(shared)],
  });
  return rows;
}

const CANDIDATES = `
  with told as (
    select s.user_id, s.device, o.conversation, o.sender, o.urgent
    from unnest($1::uuid[], $2::uuid[], $3::boolean[], $4::uuid[])
      as o (conversation, sender, urgent, device)
    join push_subscriptions s on s.device = o.device
    union all
    select s.user_id, s.device, o.conversation, o.sender, o.urgent
    from unnest($5::uuid[], $6::uuid[], $7::boolean[]) as o (conversation, sender, urgent)
    join conversation_members m on m.conversation = o.conversation
    join push_subscriptions s on s.user_id = m.user_id
  )
  select t.device, bool_or(t.urgent) as urgent
  from told t
  join conversation_members m on m.conversation = t.conversation and m.user_id = t.user_id
  join device_lists d on d.user_id = t.user_id and t.device = any(d.devices)
  join push_subscriptions s on s.device = t.device
  where t.user_id <> t.sender and m.left_seq is null and not m.requested
    and (m.muted_until is null or m.muted_until <= now())
    and (
      (s.due_at is null
        and (s.woken_at is null or s.woken_at < now() - interval '${WAKE_AGAIN_MS} ms'))
      or (t.urgent and not s.urgent
        and (s.alarmed_at is null or s.alarmed_at < now() - interval '${ALARM_AGAIN_MS} ms'))
    )
  group by t.device`;

/** Of some devices that left, those that a push service wakes and that have not read something they would be woken for. */
export async function findUnread(
  { pool }: PushDatabase,
  devices: readonly DeviceId[],
): Promise<DeviceId[]> {
  const { rows } = await pool.query<{ device: DeviceId }>({
    name: 'find-push-unread',
    text: UNREAD,
    values: [devices],
  });
  return rows.map(({ device }) => device);
}

/** Index: primary keys, conversation_members_user. What somebody writes who is blocked counts for nothing. */
const UNREAD = `
  select s.device from push_subscriptions s
  where s.device = any($1::uuid[]) and s.due_at is null and s.woken_at is null and exists (
    select from conversation_members m
    join conversations c on c.id = m.conversation
    left join cursors u on u.device = s.device and u.conversation = m.conversation
    where m.user_id = s.user_id and m.left_seq is null and not m.requested
      and (m.muted_until is null or m.muted_until <= now())
      and c.last_seq > greatest(coalesce(u.seq, 0), m.joined_seq - 1)
      and (c.kind <> 'direct' or not exists (
        select from conversation_members o
        join blocks b on b.blocker = m.user_id and b.blocked = o.user_id
        where o.conversation = m.conversation
      ))
  )`;

/** Makes wake-ups due. They are done by whichever node comes first, and outlive all of them. Index: primary key. */
export async function makeDue(
  { query }: PushDatabase,
  candidates: readonly Candidate[],
): Promise<void> {
  if (candidates.length === 0) return;
  const devices = candidates.map(({ device }) => device);
  const urgencies = candidates.map(({ urgent }) => urgent);
  // In one order, so that two nodes never wait for each other in a circle.
  await sql`
    update push_subscriptions s set due_at = now(), urgent = s.urgent or c.urgent, attempts = 0
    from (
      select o.device, c.urgent
      from unnest(${devices}::uuid[], ${urgencies}::boolean[]) as c (device, urgent)
      join push_subscriptions o on o.device = c.device
      where o.due_at is null or (c.urgent and not o.urgent)
      order by o.device for update of o
    ) c
    where s.device = c.device
  `.execute(query);
}

/** Forgets what was to wake devices, or did: they are connected. Index: primary key. */
export async function forgetWakes(
  { query }: PushDatabase,
  devices: readonly DeviceId[],
): Promise<void> {
  await sql`
    update push_subscriptions
    set due_at = null, urgent = false, attempts = 0, woken_at = null, alarmed_at = null
    where device in (
      select device from push_subscriptions
      where device = any(${devices}::uuid[])
        and (due_at is not null or woken_at is not null or alarmed_at is not null)
      order by device for update
    )
  `.execute(query);
}

/** A wake-up that is under way, until its lease ends. */
export interface Wake {
  device: DeviceId;
  endpoint: string;
  urgent: boolean;
  /** This one included. */
  attempts: number;
  due_at: Date;
}

/** Takes some of the wake-ups that are due, for as long as the lease. Index: push_subscriptions_due. */
export async function takeDue({ query }: PushDatabase, limit: number): Promise<Wake[]> {
  // Whole milliseconds: it comes back as a Date, and is compared.
  const { rows } = await sql<Wake>`
    update push_subscriptions
    set due_at = date_trunc('milliseconds', clock_timestamp() + ${interval(PUSH_LEASE_MS)}),
      attempts = attempts + 1
    where device in (
      select device from push_subscriptions where due_at <= clock_timestamp()
      order by due_at limit ${limit} for update skip locked
    )
    returning device, endpoint, urgent, attempts, due_at
  `.execute(query);
  return rows;
}

/** The device has been woken. An urgent wish that came meanwhile stays due. Index: primary key. */
export async function finishWake({ query }: PushDatabase, wake: Wake): Promise<void> {
  await sql`
    update push_subscriptions set woken_at = now(),
      alarmed_at = case when ${wake.urgent}::boolean then now() else alarmed_at end,
      due_at = nullif(due_at, ${wake.due_at}::timestamptz),
      urgent = urgent and due_at <> ${wake.due_at}::timestamptz,
      attempts = case when due_at = ${wake.due_at}::timestamptz then 0 else attempts end
    where device = ${wake.device} and endpoint = ${wake.endpoint} and due_at is not null
  `.execute(query);
}

/** The device has not been woken: it is tried again after a time, or given up until there is another occasion. */
export async function postponeWake(
  { query }: PushDatabase,
  wake: Wake,
  afterMs: number | undefined,
): Promise<void> {
  const again = wake.attempts < PUSH_ATTEMPTS_MAX ? afterMs : undefined;
  await sql`
    update push_subscriptions set
      due_at = ${again === undefined ? sql`null` : sql`now() + ${interval(again)}`},
      urgent = urgent and ${again !== undefined}::boolean,
      attempts = ${again === undefined ? 0 : wake.attempts}
    where device = ${wake.device} and due_at = ${wake.due_at}
  `.execute(query);
}
