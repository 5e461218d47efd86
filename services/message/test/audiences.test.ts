/** What a node remembers of conversations: bounded, whatever groups others make and however often their members change. */
import { randomUUID } from 'node:crypto';
import { ConversationId, DeviceId, MessageId, SessionId, UserId } from '@sotto/api';
import { FANOUT_SUBJECT } from '@sotto/api/internal';
import { createLogger, createMemoryBus, createMetrics } from '@sotto/runtime';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { createAudiences } from '../src/audiences.ts';
import { findRoom } from '../src/conversation-store.ts';
import { createEvents } from '../src/events.ts';
import { startFanin } from '../src/fanin.ts';
import { encodeBatch, type FanoutGroup } from '../src/fanout-batch.ts';
import { type Attendee, createHub } from '../src/hub.ts';
import { AUDIENCE_PARTS_MAX, FORMER_MEMBER_PLACES, ROOM_MEMBERS_MAX } from '../src/limits.ts';
import { type Committing, openCommitting } from './committing.ts';

let committing: Committing;
const DEVICES_EACH = 6;

beforeAll(async () => {
  committing = await openCommitting();
});

afterAll(() => committing.close());

/** Groups of the same members, each of whom has six devices. */
async function addGroups(count: number, members: readonly UserId[]): Promise<ConversationId[]> {
  const { query } = committing.database;
  const ids = Array.from({ length: count }, () => ConversationId.parse(randomUUID()));
  await sql`
    insert into device_lists (user_id, version, devices)
    select u, 1, array(select gen_random_uuid() from generate_series(1, ${DEVICES_EACH}) d where u is not null)
    from unnest(${members}::uuid[]) u
  `.execute(query);
  await sql`
    insert into conversations (id, kind, head_hash, last_seq)
    select id, 'group', '\\x00', 1 from unnest(${ids}::uuid[]) id
  `.execute(query);
  await sql`
    insert into conversation_members (conversation, user_id, joined_seq, role, since, rank)
    select id, u, 1, 1, 1, 1 from unnest(${ids}::uuid[]) id, unnest(${members}::uuid[]) u
  `.execute(query);
  return ids;
}

function people(count: number): UserId[] {
  return Array.from({ length: count }, () => UserId.parse(randomUUID()));
}

function open(fetchDeviceList: () => Promise<undefined> = async () => undefined) {
  const copies = { fetchDeviceList };
  return createAudiences({ database: committing.database, copies, clock: Date.now });
}

test('of large groups only as many are remembered as their members and devices allow', async () => {
  const members = people(200);
  const groups = await addGroups(300, members);
  const audiences = open();
  for (const group of groups) await audiences.load(group);
  const sizes = groups.map((group) => {
    const audience = audiences.find(group);
    return audience === undefined ? 0 : audience.room.members.size + audience.devices.size;
  });
  expect(sizes.at(0)).toBe(0);
  expect(sizes.at(-1)).toBe(200 * (1 + DEVICES_EACH));
  const total = sizes.reduce((sum, size) => sum + size, 0);
  expect(total).toBeLessThanOrEqual(AUDIENCE_PARTS_MAX);
  expect(total).toBeGreaterThan(AUDIENCE_PARTS_MAX / 2);
  // What was forgotten makes room for others.
  for (const group of groups) audiences.forget(group);
  for (const group of groups.slice(0, 200)) await audiences.load(group);
  expect(audiences.find(groups[0]!)).toBeDefined();
});

test('a room has its members of now and those who left lately, however many came and went', async () => {
  const { query } = committing.database;
  const [silent, ...others] = people(3);
  const [group] = await addGroups(1, [silent!, ...others]);
  const last = 10_000;
  await sql`update conversations set last_seq = ${last} where id = ${group}`.execute(query);
  await sql`
    update conversation_members set left_seq = joined_seq
    where conversation = ${group} and user_id = ${silent}
  `.execute(query);
  // Two left by each entry.
  await sql`
    insert into conversation_members (conversation, user_id, joined_seq, left_seq)
    select ${group}, gen_random_uuid(), 1, 2 + n / 2 from generate_series(0, ${2 * last - 3}) n
  `.execute(query);
  const room = await findRoom(query, group!);
  const former = [...room!.members.values()].flatMap(({ leftSeq }) => leftSeq ?? []);
  expect(room!.members.size).toBeLessThanOrEqual(ROOM_MEMBERS_MAX);
  for (const user of [silent!, ...others]) expect(room!.members.get(user)?.isIn).toBe(true);
  expect(Math.max(...former)).toBe(last);
  const leaving = former.filter((left) => left > 1);
  expect(Math.min(...leaving)).toBeGreaterThan(last - FORMER_MEMBER_PLACES);
});

test('what was committed finds its room while the owner of a list that nobody has copied is silent', async () => {
  const members = people(2);
  const [group] = await addGroups(1, members);
  const { query } = committing.database;
  await sql`delete from device_lists where user_id = ${members[0]}`.execute(query);
  const audiences = open(() => new Promise(() => undefined));
  const room = await audiences.loadRoom(group!, () => true);
  expect([...room!.members.keys()].toSorted()).toEqual(members.toSorted());
  // A send would be held against less than there is.
  expect(audiences.find(group!)).toBeUndefined();
});

test('a group of which nobody is here is not remembered, and does not keep others from theirs', async () => {
  const here = people(1);
  const [theirs, ours] = await Promise.all([
    addGroups(1, people(3)),
    addGroups(1, [...here, ...people(2)]),
  ]);
  const bus = createMemoryBus();
  onTestFinished(() => bus.close());
  const hub = createHub();
  const heard: ConversationId[] = [];
  const nothing = () => undefined;
  const attendee: Attendee = {
    ...{ user: here[0]!, device: DeviceId.parse(randomUUID()) },
    ...{ session: SessionId.parse(randomUUID()), tell: nothing, pass: nothing, close: nothing },
    recheck: async () => undefined,
    deliver: (conversation) => void heard.push(conversation),
  };
  hub.join(attendee, 1);
  const audiences = open();
  const log = createLogger({ service: 'test', level: 'silent' });
  const events = createEvents(createMetrics('test'), log);
  const { database } = committing;
  const fanin = await startFanin({ database, bus, node: 'one', audiences, hub, events });
  onTestFinished(() => fanin.close());
  const groups = [...theirs, ...ours].map(groupOf);
  const batch = encodeBatch({ type: 'messages', node: 'two', groups });
  await bus.publish(FANOUT_SUBJECT, batch, randomUUID());
  await expect.poll(() => heard).toEqual(ours);
  expect(audiences.find(theirs[0]!)).toBeUndefined();
  expect(audiences.find(ours[0]!)?.room.members.size).toBe(3);
});

function groupOf(conversation: ConversationId): FanoutGroup {
  const sender = { user: UserId.parse(randomUUID()), device: DeviceId.parse(randomUUID()) };
  const message = {
    ...{ conversation, seq: 1, id: MessageId.parse(randomUUID()), kind: 'group' as const, sender },
    ...{ sentAt: new Date().toISOString(), packed: Buffer.from('text') },
  };
  return { conversation, version: 1, messages: [message] };
}
