/**
 * Every frame of the contract, bent in every field: what the contract does not allow closes the socket with a code that
 * says so, the platform goes on, and nothing that a client wrote is ever part of a subject on NATS.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CLOSE_CODES, ClientFrame, PROBLEMS, sendMessage } from '@sotto/api';
import { type Bus, createLogger, openNatsBus } from '@sotto/runtime';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { addPeople, Group } from '../../services/message/test/groups.ts';
import { messageFor, newId } from '../../services/message/test/messages.ts';
import { type Node, type Platform, startPlatform } from '../../services/message/test/nodes.ts';
import type { Person } from '../../services/message/test/peers.ts';
import { connect, type SocketClient } from '../../services/message/test/socket-client.ts';
import { startTalk, type Talk } from '../../services/message/test/talk.ts';
import { startNats, type TestServers } from '../servers.ts';
import { type NatsSpy, spyOnNats } from './nats-spy.ts';

const directory = mkdtempSync(join(tmpdir(), 'sotto-hostile-'));
let nats: TestServers;
let bus: Bus;
let spy: NatsSpy;
let platform: Platform;
let node: Node;
let talk: Talk;
let group: Group;

beforeAll(async () => {
  // A server of its own: nobody else is heard on it.
  nats = await startNats(directory, process.env);
  const url = `${nats.environment.TEST_NATS_URL}`;
  spy = await spyOnNats(url);
  const log = createLogger({ service: 'message', level: 'silent' });
  bus = await openNatsBus({ url, log });
  platform = await startPlatform(bus);
  node = await platform.startNode(bus);
  talk = await startTalk(platform, node);
  const [founder, ...others] = await addPeople(platform.peers, 2);
  if (founder === undefined) throw new Error('nobody to found a group');
  group = new Group(platform.peers, founder, others);
  await group.create(node, founder);
});

afterAll(async () => {
  await platform.close();
  await bus.close();
  await spy.close();
  await nats.close();
  rmSync(directory, { recursive: true, force: true });
});

type Json = null | boolean | number | string | Json[] | { [field: string]: Json };

/** What a client may put where something else belongs. */
const HOSTILE: readonly Json[] = [
  ...[null, true, 0, -1, 1.5, 1e300, Number.MAX_SAFE_INTEGER + 1, '', ' ', '\0', '\ud800'],
  ...['*', '>', '.', 'sotto.intruder', 'intruder.>', 'intruder *', '$JS.API.STREAM.PURGE.intruder'],
  ...['../intruder', 'intruder\r\nPUB sotto.intruder 0\r\n', randomUUID().toUpperCase()],
  ...[`${randomUUID()}.intruder`, ` ${randomUUID()}`, 'x'.repeat(100_000)],
  ...[[], [[]], {}, { intruder: '>' }, [null], ['*'], { $gt: '' }],
];

/** One frame of each kind, and of each kind of message, that the platform takes. */
function validFrames(): Json[] {
  const { b, conversation } = talk;
  const message = messageFor(conversation, [b]);
  const ciphertext = new Uint8Array(randomBytes(8));
  const recipients = [{ device: b.device, ciphertext }];
  const expiresAt = new Date(Date.now() + 60_000).toISOString();
  const frames: ClientFrame[] = [
    { type: 'send', number: 1, message: { ...message, urgent: true, expiresAt } },
    { type: 'send', number: 1, message: messageFor(conversation, [b], { kind: 'targeted' }) },
    { type: 'send', number: 1, message: group.message() },
    { type: 'ack', conversation, seq: 0 },
    { type: 'ephemeral', conversation, recipients },
    { type: 'ephemeral', conversation, ciphertext },
    { type: 'watch', users: [b.user] },
    { type: 'withdraw', conversation, number: 1 },
  ];
  return frames.map((frame) => z.encode(ClientFrame, frame) as Json);
}

/** A value with each of its parts, in turn, replaced by each hostile one, left out, or with a field more. */
function* bent(value: Json): Generator<Json> {
  yield* HOSTILE;
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      for (const other of bent(item)) yield value.with(index, other);
    }
    yield [...value, ...value];
  } else if (value !== null && typeof value === 'object') {
    for (const [field, item] of Object.entries(value)) {
      for (const other of bent(item)) yield { ...value, [field]: other };
      const { [field]: _, ...rest } = value;
      yield rest;
    }
    yield { ...value, intruder: '>' };
  }
}

type Fate = 'taken' | { code: number; reason: string };

/** What becomes of a socket that sends one text: closed, or there to answer a ping behind it. */
async function fateOf(client: SocketClient, text: string): Promise<Fate> {
  const answered = new Promise<'taken'>((resolve) => {
    client.socket.once('pong', () => resolve('taken'));
  });
  client.socket.send(text);
  client.socket.ping();
  return Promise.race([answered, client.closed]);
}

/** Sockets that bend frames at one time, and how long they may take: each fault costs a connection. */
const AT_ONCE = 8;
const BENT_MS = 120_000;

const isFrame = (json: Json): boolean =>
  z.safeDecode(ClientFrame, json as z.input<typeof ClientFrame>).success;

describe('bent frames', () => {
  test(
    'close the socket as invalid, all that the contract does not allow, and no others',
    async () => {
      const mistaken: { frame: string; fate: Fate }[] = [];
      const frames = validFrames().flatMap((valid) => [...bent(valid)]);
      expect(frames.length).toBeGreaterThan(1_000);
      const waiting = frames.values();
      const bend = async (person: Person): Promise<void> => {
        let client = await connect(node, person);
        for (const frame of waiting) {
          const text = JSON.stringify(frame);
          const fate = await fateOf(client, text);
          // What is taken may still close the socket, a moment later.
          if (fate !== 'taken' || isFrame(frame)) client = await connect(node, person);
          if (!isAsItShould(frame, fate)) mistaken.push({ frame: text.slice(0, 300), fate });
        }
        await client.close();
      };
      await Promise.all((await addPeople(platform.peers, AT_ONCE)).map(bend));
      expect(mistaken).toEqual([]);
    },
    BENT_MS,
  );

  /** What is well-formed may still be wrong: then too the socket is closed, or it is answered, by a known code. */
  function isAsItShould(frame: Json, fate: Fate): boolean {
    if (isFrame(frame)) {
      return fate === 'taken' || (fate.code === CLOSE_CODES.badFrame && fate.reason in PROBLEMS);
    }
    return (
      fate !== 'taken' && fate.code === CLOSE_CODES.badFrame && fate.reason === 'request.invalid'
    );
  }

  test.each([
    ['an array of a thousand levels', `${'['.repeat(1_000)}${']'.repeat(1_000)}`, 'invalid'],
    ['an object of 40 000 levels', `${'{"a":'.repeat(40_000)}1${'}'.repeat(40_000)}`, 'invalid'],
    ['30 000 fields', `{${Array.from({ length: 30_000 }, (_, n) => `"f${n}":0`)}}`, 'invalid'],
    ['a number of 100 000 digits', `{"type":"ack","seq":${'9'.repeat(100_000)}}`, 'invalid'],
    ['a text that breaks off', '{"type":"ack","conversation":"', 'malformed'],
    ['two frames in one', '{"type":"watch","users":[]}{"type":"watch","users":[]}', 'malformed'],
    ['a byte order mark', '\ufeff{"type":"watch","users":[]}', 'malformed'],
  ])('%s', async (_, text, problem) => {
    const client = await connect(node, talk.a);
    const fate = await fateOf(client, text);
    expect(fate).toEqual({ code: CLOSE_CODES.badFrame, reason: `request.${problem}` });
  });

  test('a frame in fragments is the frame, and text that is cut within a character is none', async () => {
    const client = await connect(node, talk.a);
    const [, , , ack = null] = validFrames();
    const text = JSON.stringify(ack);
    client.socket.send(text.slice(0, 10), { fin: false });
    client.socket.send(text.slice(10, 20), { fin: false });
    expect(await fateOf(client, text.slice(20))).toBe('taken');
    client.socket.send(Buffer.from('{"type":"\u00e9').subarray(0, -1), { binary: false });
    expect(await client.closed).toMatchObject({ code: 1007 });
  });

  test('ids in paths and queries are refused like those in frames', async () => {
    const statuses = await Promise.all(
      HOSTILE.map(String).flatMap((text) => {
        const id = encodeURIComponent(text.toWellFormed());
        return [
          `/conversations/${id}`,
          `/conversations/${id}/messages`,
          `/conversations?after=${id}`,
        ]
          .filter(() => text.length < 1_000)
          .map(async (path) => {
            const { status } = await fetch(`${node.url}/api/v1${path}`, {
              headers: { authorization: `Bearer ${talk.a.token}` },
            });
            return status;
          });
      }),
    );
    expect(statuses.filter((status) => status >= 500)).toEqual([]);
  });
});

describe('behind all of it', () => {
  test('the platform is as well as before', async () => {
    const { a, b, conversation } = talk;
    const client = await connect(node, b);
    const { seq } = await node.call(a, sendMessage, { body: messageFor(conversation, [b]) });
    const slots = await client.slotsUpTo(conversation, seq);
    expect(slots.at(-1)).toMatchObject({ type: 'message', seq });
    await client.close();
  });

  test('no subject on NATS is of any other form than ours, and none has an id in it', async () => {
    const second = await platform.startNode(bus);
    const client = await connect(second, talk.b);
    client.post({ type: 'watch', users: [talk.a.user] });
    await node.call(talk.a, sendMessage, {
      body: messageFor(talk.conversation, [talk.b], { id: newId() }),
    });
    await expect.poll(() => spy.subjects.has('sotto.fanout.s0')).toBe(true);
    await client.close();
    const ours =
      /^sotto\.(fanout\.s0|audit\.noted|events\.[a-z]+(-[a-z]+)*\.[a-z]+(-[a-z]+)*|presence\.[a-z]+(-[a-z]+)*)$/;
    const theirs = /^(\$JS\.(API|ACK|FC|EVENT)\.[\w.$-]+|_INBOX\.[\w.]+)$/;
    const strange = [...spy.subjects].filter(
      (subject) => !ours.test(subject) && !theirs.test(subject),
    );
    expect(strange).toEqual([]);
    const ids = [talk.conversation, talk.a.user, talk.a.device, group.id, 'intruder'];
    const telling = [...spy.subjects].filter((subject) => ids.some((id) => subject.includes(id)));
    expect(telling).toEqual([]);
  });
});
