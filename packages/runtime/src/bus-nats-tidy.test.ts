import { randomUUID } from 'node:crypto';
import { AckPolicy, DiscardPolicy, jetstreamManager, RetentionPolicy } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { Bus } from './bus.ts';
import { openNatsBus } from './bus-nats.ts';
import { testNats } from './testing.ts';

const GROUPS = {
  'events.a': ['one', 'two'],
  'events.b': ['one'],
  'events.nobody': [],
  'events.audit.noted': ['one'],
};

const eventually = (check: () => Promise<void>) =>
  vi.waitFor(check, { timeout: 15_000, interval: 20 });

/** A platform on the server, its management, and a bus that tidies many times a second. */
async function setup() {
  const nats = testNats();
  const connection = await connect({ servers: new URL(nats.url).host });
  const manager = await jetstreamManager(connection);
  onTestFinished(async () => {
    await connection.close();
    await nats.close();
  });
  return {
    manager,
    connection,
    prefix: nats.prefix,
    async open(): Promise<Bus> {
      const bus = await openNatsBus({ ...nats, groups: GROUPS, tidyMs: 20 });
      onTestFinished(() => bus.close());
      return bus;
    },
    async kept(log: 'events' | 'audit', subject: string): Promise<number> {
      const { state } = await manager.streams.info(`${nats.prefix}-${log}`, {
        subjects_filter: '>',
      });
      return state.subjects?.[`${nats.prefix}.${subject}`] ?? 0;
    },
  };
}

const publish = (bus: Bus, subject: string, value = 'x') =>
  bus.publish(subject, Buffer.from(value), randomUUID());

/** Long enough for some turns of the tidying. */
async function tidied(bus: Bus, kept: () => Promise<number>): Promise<void> {
  await bus.consume('one', 'events.b', async () => undefined);
  await publish(bus, 'events.b');
  await eventually(async () => expect(await kept()).toBe(0));
}

test('a message stays until every group has taken it, also one that has never started', async () => {
  const { open, kept } = await setup();
  const bus = await open();
  const seen: string[] = [];
  await bus.consume('one', 'events.a', async () => undefined);
  await publish(bus, 'events.a', 'early');
  await tidied(bus, () => kept('events', 'events.b'));
  expect(await kept('events', 'events.a')).toBe(1);
  await bus.consume('two', 'events.a', async (data) => {
    seen.push(Buffer.from(data).toString());
  });
  await eventually(async () => expect(seen).toEqual(['early']));
  await eventually(async () => expect(await kept('events', 'events.a')).toBe(0));
});

test('a group that is known to the server alone is waited for too', async () => {
  const { open, kept } = await setup();
  const bus = await open();
  const [started, behind] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  await bus.consume('of-a-newer-version', 'events.b', async () => {
    started.resolve();
    await behind.promise;
  });
  await bus.consume('one', 'events.b', async () => undefined);
  await publish(bus, 'events.b');
  await started.promise;
  await publish(bus, 'events.nobody');
  await eventually(async () => expect(await kept('events', 'events.nobody')).toBe(0));
  expect(await kept('events', 'events.b')).toBe(1);
  behind.resolve();
  await eventually(async () => expect(await kept('events', 'events.b')).toBe(0));
});

test('a full log takes messages again once what was taken has left it', async () => {
  const { open, manager, prefix } = await setup();
  const bus = await open();
  await publish(bus, 'events.b');
  const { config } = await manager.streams.info(`${prefix}-events`);
  await manager.streams.update(`${prefix}-events`, { ...config, max_msgs: 3 });
  await publish(bus, 'events.b');
  await publish(bus, 'events.b');
  await expect(publish(bus, 'events.b')).rejects.toMatchObject({ code: 'service.unavailable' });
  expect(await bus.levels()).toEqual([{ log: 'events', messages: 3, max: 3 }]);
  await bus.consume('one', 'events.b', async () => undefined);
  await eventually(async () => publish(bus, 'events.b'));
});

test('lines of the audit log fill no other stream', async () => {
  const { open, manager, prefix } = await setup();
  const bus = await open();
  await publish(bus, 'events.audit.noted');
  const { config } = await manager.streams.info(`${prefix}-audit`);
  await manager.streams.update(`${prefix}-audit`, { ...config, max_msgs: 1 });
  await expect(publish(bus, 'events.audit.noted')).rejects.toThrow();
  await publish(bus, 'events.a');
});

test('a platform of an earlier version goes on: full, with lines taken and not, and publishers of both', async () => {
  const { open, manager, connection, prefix, kept } = await setup();
  const stream = `${prefix}-events`;
  await manager.streams.add({
    name: stream,
    subjects: [`${prefix}.events.>`],
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.New,
    max_msgs: 6,
  });
  for (const subject of ['events.a', 'events.audit.noted'] as const) {
    await manager.consumers.add(stream, {
      durable_name: `one-${subject}`.replaceAll('.', '-'),
      filter_subject: `${prefix}.${subject}`,
      ack_policy: AckPolicy.Explicit,
      max_ack_pending: 1,
    });
  }
  const client = manager.jetstream();
  const former = (value: string) => client.publish(`${prefix}.events.audit.noted`, value);
  for (const value of ['taken', 'taken too', 'waits', 'waits too']) await former(value);
  await client.publish(`${prefix}.events.a`, 'fact');
  await client.publish(`${prefix}.events.a`, 'fact');
  const consumer = await client.consumers.get(stream, 'one-events-audit-noted');
  for (let count = 0; count < 2; count++) await (await consumer.next())?.ackAck();
  await connection.flush();
  await expect(former('no room')).rejects.toThrow();

  const bus = await open();
  const lines: string[] = [];
  await eventually(async () => expect(await kept('events', 'events.audit.noted')).toBe(2));
  await bus.consume('one', 'events.audit.noted', async (data) => {
    lines.push(Buffer.from(data).toString());
  });
  await publish(bus, 'events.audit.noted', 'new');
  await former('of an old process');
  await eventually(async () => {
    expect(lines.toSorted()).toEqual(['new', 'of an old process', 'waits', 'waits too']);
  });
  await eventually(async () => expect(await kept('events', 'events.audit.noted')).toBe(0));
  expect(await kept('events', 'events.a')).toBe(2);
});
