/** Messages that end: by their own time, or by the platform's. */
import { randomUUID } from 'node:crypto';
import {
  type ConversationId,
  getConversation,
  inbox,
  listMessages,
  type MessageId,
  type OutgoingMessage,
  type Slot,
  sendMessage,
} from '@sotto/api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lowestId } from '../src/message-age.ts';
import { endWeeks } from '../src/retention.ts';
import { deleteOldIds, dropWeek, emptyExpired, findOldWeeks } from '../src/retention-store.ts';
import { messageFor, newId, textsOf } from './messages.ts';
import { type Node, type Platform, startPlatform } from './nodes.ts';
import type { Person } from './peers.ts';
import { connect } from './socket-client.ts';
import { startTalk, type Talk } from './talk.ts';

let platform: Platform;
let node: Node;
let other: Node;

beforeAll(async () => {
  platform = await startPlatform();
  node = await platform.startNode();
  other = await platform.startNode();
});

afterAll(() => platform.close());

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

const send = (person: Person, body: OutgoingMessage, at = node) =>
  at.call(person, sendMessage, { body });

async function slotsOf(person: Person, id: ConversationId, query = {}): Promise<Slot[]> {
  const page = { limit: 100, ...query };
  return (await node.call(person, listMessages, { params: { id }, query: page })).slots;
}

describe('a message with a moment of its own', () => {
  const until = (ms: number) => ({ expiresAt: new Date(Date.now() + ms).toISOString() });

  /** As if the moment had come. */
  async function expire(id: MessageId): Promise<void> {
    await platform.database.pool.query(
      `update messages set expires_at = now() - interval '1 second' where id = $1`,
      [id],
    );
  }

  test('is an empty slot from then on: in the history, in a catch-up and in the inbox', async () => {
    const { a, b, conversation } = await startTalk(platform, node);
    const message = { ...messageFor(conversation, [b], { text: 'soon over' }), ...until(HOUR) };
    await send(a, message);
    expect(textsOf(await slotsOf(b, conversation))).toEqual(['soon over']);
    await expire(message.id);
    await send(a, messageFor(conversation, [b], { text: 'stays' }));
    const slots = await slotsOf(b, conversation);
    expect(slots).toMatchObject([{ type: 'none', from: 1, to: 1 }, { seq: 2 }]);
    expect(await slotsOf(b, conversation, { before: 2 })).toEqual([
      { type: 'none', from: 1, to: 1 },
    ]);
    // Also when the page has room for one only.
    const { messages } = await node.call(b, inbox, { query: { limit: 1 } });
    expect(messages.map(({ seq }) => seq)).toEqual([2]);
    const client = await connect(node, b);
    expect(textsOf(await client.slotsUpTo(conversation, 2))).toEqual(['stays']);
    await client.close();
  });

  test.each([['this', () => node] as const, ['another', () => other] as const])(
    'that has come already leaves an empty slot on %s node',
    async (_, where) => {
      const { a, b, conversation } = await startTalk(platform, node);
      const client = await connect(where(), b);
      await send(a, { ...messageFor(conversation, [b]), ...until(-1) });
      await send(a, messageFor(conversation, [b], { text: 'heard' }));
      const slots = await client.slotsUpTo(conversation, 2);
      expect(slots.map(({ type }) => type)).toEqual(['none', 'message']);
      await client.close();
    },
  );

  test('is delivered until then, on another node too', async () => {
    const { a, b, conversation } = await startTalk(platform, node);
    const client = await connect(other, b);
    await send(a, { ...messageFor(conversation, [b], { text: 'in time' }), ...until(HOUR) });
    expect(textsOf(await client.slotsUpTo(conversation, 1))).toEqual(['in time']);
    await client.close();
  });

  test('is the same message only with the same moment', async () => {
    const { a, b, conversation } = await startTalk(platform, node);
    const moment = until(HOUR);
    const plain = messageFor(conversation, [b]);
    const stored = await send(a, { ...plain, ...moment });
    expect(await send(a, { ...plain, ...moment })).toEqual(stored);
    const conflict = { code: 'message.id-conflict' };
    await expect(send(a, plain)).rejects.toMatchObject(conflict);
    await expect(send(a, { ...plain, ...until(2 * HOUR) })).rejects.toMatchObject(conflict);
  });

  test('may be any that a date can say', async () => {
    const { a, b, conversation } = await startTalk(platform, node);
    const moments = ['0000-01-01T00:00:00Z', '9999-12-31T23:59:59.999999Z', '1969-12-31T23:59:59Z'];
    for (const expiresAt of moments) {
      await send(a, { ...messageFor(conversation, [b], { text: expiresAt }), expiresAt });
    }
    expect(textsOf(await slotsOf(b, conversation))).toEqual([moments[1]]);
  });

  test('is emptied on the disk, and nothing else is', async () => {
    const { a, b, conversation } = await startTalk(platform, node);
    const [past, future, forever] = [until(-1), until(HOUR), {}].map((moment) => {
      return { ...messageFor(conversation, [b]), ...moment };
    });
    for (const message of [past, future, forever]) if (message) await send(a, message);
    while ((await emptyExpired(platform.database)) > 0);
    const rows = await platform.database.query
      .selectFrom('messages')
      .where('conversation', '=', conversation)
      .orderBy('seq')
      .select('recipients')
      .execute();
    expect(rows.map(({ recipients }) => recipients.length > 0)).toEqual([false, true, true]);
    expect(await slotsOf(b, conversation)).toMatchObject([{ type: 'none' }, {}, {}]);
  });
});

describe('weeks that are over', () => {
  /** Moves places up to one to a week that ended so many days ago at least, and less than a week more. */
  async function age(conversation: ConversationId, upTo: number, days: number): Promise<string> {
    const { pool } = platform.database;
    const { rows } = await pool.query<{ name: string; monday: string; next: string }>(
      `select 'messages_p' || to_char(monday, 'YYYYMMDD') as name,
         monday::date::text as monday, (monday + interval '7 days')::date::text as next
       from (
         select date_trunc('week', now() at time zone 'utc' - $1 * interval '1 day')
           - interval '7 days' as monday
       ) as weeks`,
      [days],
    );
    const [week = { name: '', monday: '', next: '' }] = rows;
    await pool.query(
      `create table if not exists ${week.name} partition of messages
         for values from ('${week.monday} 00:00:00+00') to ('${week.next} 00:00:00+00')`,
    );
    await pool.query('update messages set sent_at = $3 where conversation = $1 and seq <= $2', [
      conversation,
      upTo,
      `${week.monday} 12:00:00+00`,
    ]);
    return week.name;
  }

  async function talkOf(count: number): Promise<Talk> {
    const talk = await startTalk(platform, node);
    for (let seq = 1; seq <= count; seq += 1) {
      await send(talk.a, messageFor(talk.conversation, [talk.b], { text: String(seq) }));
    }
    return talk;
  }

  const end = () => endWeeks({ database: platform.database, days: 30 });

  test('go whole after the retention, and each conversation begins behind them', async () => {
    const { a, b, conversation } = await talkOf(5);
    const untouched = await talkOf(2);
    const week = await age(conversation, 3, 30);
    expect(await findOldWeeks(platform.database, 30)).toEqual([week]);
    await Promise.all([end(), end()]);
    expect(await findOldWeeks(platform.database, 30)).toEqual([]);
    const params = { id: conversation };
    expect(await node.call(b, getConversation, { params })).toMatchObject({ first: 4, last: 5 });
    expect(textsOf(await slotsOf(b, conversation))).toEqual(['4', '5']);
    expect(textsOf(await slotsOf(b, conversation, { before: 5 }))).toEqual(['4']);
    expect(await slotsOf(b, conversation, { before: 4 })).toEqual([]);
    const id = untouched.conversation;
    expect(await node.call(a, getConversation, { params })).toMatchObject({ first: 4 });
    expect(textsOf(await slotsOf(untouched.b, id))).toEqual(['1', '2']);
  });

  test('a device that was away meanwhile gets empty slots for what went, and the rest', async () => {
    const { b, conversation } = await talkOf(4);
    await age(conversation, 2, 30);
    await end();
    const client = await connect(node, b);
    const slots = await client.slotsUpTo(conversation, 4);
    expect(slots).toMatchObject([{ type: 'none', from: 1, to: 2 }, { seq: 3 }, { seq: 4 }]);
    expect(await client.next('catch-up')).toMatchObject({ first: 3, from: 0, last: 4 });
    await client.close();
  });

  test('a conversation that has nothing left goes on where it was', async () => {
    const { a, b, conversation } = await talkOf(2);
    await age(conversation, 2, 40);
    await end();
    const params = { id: conversation };
    expect(await node.call(b, getConversation, { params })).toMatchObject({ first: 3, last: 2 });
    expect(await slotsOf(b, conversation)).toEqual([]);
    expect(await send(a, messageFor(conversation, [b], { text: '3' }))).toMatchObject({ seq: 3 });
    expect(textsOf(await slotsOf(b, conversation))).toEqual(['3']);
  });

  test('stay while any of their days is to be kept', async () => {
    const { b, conversation } = await talkOf(2);
    const week = await age(conversation, 1, 20);
    await end();
    expect(textsOf(await slotsOf(b, conversation))).toEqual(['1', '2']);
    await dropWeek(platform.database, week);
  });

  test('wait for readers, but nobody waits long for them', async () => {
    const { b, conversation } = await talkOf(2);
    const week = await age(conversation, 1, 30);
    const reader = await platform.database.pool.connect();
    await reader.query('begin');
    await reader.query('select count(*) from messages');
    await expect(dropWeek(platform.database, week)).rejects.toMatchObject({ code: '55P03' });
    await reader.query('commit');
    reader.release();
    expect(textsOf(await slotsOf(b, conversation))).toEqual(['1', '2']);
    await end();
    expect(textsOf(await slotsOf(b, conversation))).toEqual(['2']);
  });
});

describe('message ids', () => {
  const bodyOf = ({ b, conversation }: Talk, age: number) => {
    return messageFor(conversation, [b], { id: newId(Date.now() - age) });
  };

  test('from before the platform remembers any are refused, by request and by socket', async () => {
    const talk = await startTalk(platform, node);
    const tooOld = { code: 'message.too-old', status: 409 };
    await expect(send(talk.a, bodyOf(talk, 38 * DAY))).rejects.toMatchObject(tooOld);
    const client = await connect(node, talk.a);
    expect(await client.send(bodyOf(talk, 38 * DAY), 1)).toMatchObject(tooOld);
    expect(await client.send(bodyOf(talk, 36 * DAY), 1)).toMatchObject({ seq: 1 });
    await client.close();
  });

  test('that are known are answered as ever, however old they are', async () => {
    const talk = await startTalk(platform, node);
    const message = bodyOf(talk, 20 * DAY);
    const stored = await send(talk.a, message);
    const brief = await platform.startNode(undefined, { retention: { days: 1 } });
    expect(await send(talk.a, message, brief)).toEqual(stored);
    const refused = { code: 'message.too-old' };
    await expect(send(talk.a, bodyOf(talk, 20 * DAY), brief)).rejects.toMatchObject(refused);
    await brief.close();
    // What may have been forgotten stays so when messages are kept longer again.
    const longer = await platform.startNode();
    await expect(send(talk.a, bodyOf(talk, 20 * DAY), longer)).rejects.toMatchObject(refused);
    await longer.close();
  });

  test('are the business of members alone', async () => {
    const talk = await startTalk(platform, node);
    const stranger = await platform.peers.addPerson();
    const sent = send(stranger, bodyOf(talk, 38 * DAY));
    await expect(sent).rejects.toMatchObject({ code: 'conversation.not-found' });
  });

  test('are forgotten when they were made and stored before a moment, and no others', async () => {
    const { pool } = platform.database;
    const device = randomUUID();
    const [old, now] = [Date.now() - 40 * DAY, Date.now()];
    const rows = [
      [old, old],
      [old, now],
      [now, old],
      [now, now],
    ] as const;
    for (const [made, sentAt] of rows) {
      await pool.query(
        `insert into message_ids (id, sender_device, conversation, seq, sent_at, sha256)
         values ($1, $2, gen_random_uuid(), 1, $3, '')`,
        [newId(made), device, new Date(sentAt)],
      );
    }
    while ((await deleteOldIds(platform.database, Date.now() - 39 * DAY)) > 0);
    const left = await pool.query<{ id: MessageId; sent_at: Date }>(
      'select id, sent_at from message_ids where sender_device = $1',
      [device],
    );
    expect(left.rows).toHaveLength(3);
    const isOld = ({ id, sent_at }: { id: MessageId; sent_at: Date }) =>
      id < lowestId(now - DAY) && sent_at.getTime() < now - DAY;
    expect(left.rows.some(isOld)).toBe(false);
  });
});
