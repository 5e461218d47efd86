import { randomUUID } from 'node:crypto';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { afterAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { busContract, CONTRACT_GROUPS } from './bus.contract.ts';
import type { Bus } from './bus.ts';
import { type NatsBusOptions, openNatsBus } from './bus-nats.ts';
import { cuttableWire, type TestNats, testNats } from './testing.ts';

const corners: TestNats[] = [];
afterAll(async () => {
  for (const corner of corners) await corner.close();
});

function corner(): TestNats {
  const made = testNats();
  corners.push(made);
  return made;
}

async function open(options: NatsBusOptions): Promise<Bus> {
  const bus = await openNatsBus(options);
  onTestFinished(() => bus.close());
  return bus;
}

/** Everything that a durable consumer and a follower are told, as text. */
async function hear(bus: Bus) {
  const heard = { consumed: [] as string[], followed: [] as string[], gaps: 0 };
  await bus.consume('group', 'events.a', async (data) => {
    heard.consumed.push(Buffer.from(data).toString());
  });
  await bus.follow('fanout.s0', {
    onMessage: async (data) => void heard.followed.push(Buffer.from(data).toString()),
    onGap: () => {
      heard.gaps++;
    },
  });
  return heard;
}

async function publishBoth(bus: Bus, value: string): Promise<void> {
  await bus.publish('events.a', Buffer.from(value), randomUUID());
  await bus.publish('fanout.s0', Buffer.from(value), randomUUID());
}

const eventually = (check: () => void) => vi.waitFor(check, { timeout: 15_000, interval: 20 });

describe('the bus on NATS', () => {
  busContract(() => openNatsBus({ ...corner(), groups: CONTRACT_GROUPS, tidyMs: 20 }));

  test('when its streams are wiped it makes them anew, and followers are told of the gap', async () => {
    const { url, prefix } = corner();
    const bus = await open({ url, prefix });
    const heard = await hear(bus);
    await publishBoth(bus, 'before');
    await eventually(() => expect(heard.followed).toEqual(['before']));

    const connection = await connect({ servers: new URL(url).host });
    onTestFinished(() => connection.close());
    const { streams } = await jetstreamManager(connection);
    await streams.delete(`${prefix}-events`);
    await streams.delete(`${prefix}-fanout`);

    // As many as before and more: a position of the old life lies within the new one.
    await publishBoth(bus, 'after');
    await publishBoth(bus, 'and after');
    await eventually(() => expect(heard.consumed).toEqual(['before', 'after', 'and after']));
    await eventually(() => expect(heard.gaps).toBeGreaterThan(0));
    await publishBoth(bus, 'later');
    await eventually(() => expect(heard.followed.at(-1)).toBe('later'));
  });

  test('a consumer that is there is read as it is, and one with other settings is set right', async () => {
    const { url, prefix } = corner();
    const connection = await connect({ servers: new URL(url).host });
    onTestFinished(() => connection.close());
    const { consumers } = await jetstreamManager(connection);
    let written = 0;
    const count = () => {
      written += 1;
    };
    connection.subscribe(`$JS.API.CONSUMER.CREATE.${prefix}-events.>`, { callback: count });
    connection.subscribe(`$JS.API.CONSUMER.DURABLE.CREATE.${prefix}-events.>`, { callback: count });
    await connection.flush();
    const consumed: string[] = [];
    const consume = async () => {
      const bus = await openNatsBus({ url, prefix });
      const take = async (data: Uint8Array) => void consumed.push(Buffer.from(data).toString());
      await bus.consume('group', 'events.a', take);
      await connection.flush();
      return bus;
    };
    for (let start = 0; start < 3; start += 1) await (await consume()).close();
    expect(written).toBe(1);

    const stream = `${prefix}-events`;
    const { config } = await consumers.info(stream, 'group-events-a');
    await consumers.update(stream, 'group-events-a', { ...config, max_ack_pending: 100 });
    const bus = await consume();
    onTestFinished(() => bus.close());
    expect(await consumers.info(stream, 'group-events-a')).toMatchObject({
      config: { max_ack_pending: 1 },
    });
    await bus.publish('events.a', Buffer.from('heard'), randomUUID());
    await eventually(() => expect(consumed).toEqual(['heard']));
  });

  test('while the connection is cut publishing fails at once, and afterwards nothing durable is missing', async () => {
    const { url, prefix } = corner();
    const wire = await cuttableWire(url);
    onTestFinished(() => wire.close());
    const cut = await open({ url: wire.url, prefix });
    const other = await open({ url, prefix });
    const heard = await hear(cut);
    await publishBoth(other, '1');
    await eventually(() => expect(heard).toEqual({ consumed: ['1'], followed: ['1'], gaps: 0 }));

    wire.cut();
    await expect(cut.ping()).rejects.toMatchObject({ code: 'service.unavailable' });
    await expect(publishBoth(cut, 'lost')).rejects.toMatchObject({ code: 'service.unavailable' });
    await publishBoth(other, '2');
    wire.restore();
    await eventually(() => expect(heard.consumed).toContain('2'));
    await eventually(() => expect(heard.gaps).toBe(1));
    await cut.ping();
    await publishBoth(cut, '3');
    await eventually(() => expect(heard.followed.at(-1)).toBe('3'));
    await eventually(() => expect(heard.consumed.at(-1)).toBe('3'));
  });

  test('a follower whose consumer was taken away is told of a gap', async () => {
    const { url, prefix } = corner();
    const bus = await open({ url, prefix });
    const heard = await hear(bus);
    await publishBoth(bus, 'before');
    await eventually(() => expect(heard.followed).toEqual(['before']));
    const connection = await connect({ servers: new URL(url).host });
    onTestFinished(() => connection.close());
    const { consumers } = await jetstreamManager(connection);
    for await (const { name } of consumers.list(`${prefix}-fanout`)) {
      await consumers.delete(`${prefix}-fanout`, name);
    }
    await eventually(() => expect(heard.gaps).toBeGreaterThan(0));
    await publishBoth(bus, 'after');
    await eventually(() => expect(heard.followed.at(-1)).toBe('after'));
  });

  test('a follower that falls behind what the log keeps is told of the gap', async () => {
    const { url, prefix } = corner();
    const bus = await open({ url, prefix });
    const wire = await cuttableWire(url);
    onTestFinished(() => wire.close());
    const slow = await open({ url: wire.url, prefix });
    const heard = await hear(slow);
    wire.cut();
    for (const value of ['1', '2', '3']) await publishBoth(bus, value);
    const connection = await connect({ servers: new URL(url).host });
    onTestFinished(() => connection.close());
    const { streams } = await jetstreamManager(connection);
    await streams.purge(`${prefix}-fanout`, { keep: 1 });
    wire.restore();
    await eventually(() => expect(heard.gaps).toBe(1));
    // At least once: what was given out when the wire was cut may come twice.
    await eventually(() => expect([...new Set(heard.consumed)]).toEqual(['1', '2', '3']));
  });
});
