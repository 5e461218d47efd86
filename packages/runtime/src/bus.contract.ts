/** What every bus promises, as tests; `bus-memory.test.ts` and `bus-nats.test.ts` run them. */
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Bus } from './bus.ts';
import { BUS_MESSAGE_BYTES_MAX } from './limits.ts';

const text = (data: Uint8Array): string => Buffer.from(data).toString();
const bytes = (value: string): Uint8Array => Buffer.from(value);

/** Waits for a condition; a promise about time is only ever a deadline. */
function eventually(check: () => void | Promise<void>, timeout = 10_000): Promise<void> {
  return vi.waitFor(check, { timeout, interval: 10 });
}

/** The groups that the tests' bus waits for before a message leaves its log. */
export const CONTRACT_GROUPS = { 'events.a': ['group'], 'events.audit.a': ['group'] };

/**
 * Runs the contract against the bus that `open` makes, a new one for each test. It is told of CONTRACT_GROUPS, and
 * removes what they have taken many times a second.
 */
export function busContract(open: () => Promise<Bus>): void {
  let bus: Bus;
  beforeEach(async () => {
    bus = await open();
  });
  afterEach(() => bus.close());

  const publish = (subject: string, value: string, id: string = randomUUID()) =>
    bus.publish(subject, bytes(value), id);

  test('a consumer gets what was published before and after it came, in order', async () => {
    const seen: string[] = [];
    await publish('events.a', '1');
    await publish('events.a', '2');
    await bus.consume('group', 'events.a', async (data) => void seen.push(text(data)));
    await publish('events.a', '3');
    await eventually(() => expect(seen).toEqual(['1', '2', '3']));
  });

  test('each group gets every message, and within a group one consumer does', async () => {
    const seen: string[] = [];
    for (const name of ['one', 'one', 'two']) {
      await bus.consume(name, 'events.a', async (data) => void seen.push(name + text(data)));
    }
    for (let index = 0; index < 6; index++) await publish('events.a', String(index));
    await eventually(() => expect(seen.length).toBe(12));
    const expected = [0, 1, 2, 3, 4, 5].flatMap((index) => [`one${index}`, `two${index}`]);
    expect(seen.sort()).toEqual(expected.sort());
  });

  test('a consumer hears only its own subject, and under which name it was published', async () => {
    const seen: string[] = [];
    await bus.consume('group', 'events.a', async (data, subject) => {
      seen.push(`${subject} ${text(data)}`);
    });
    await publish('events.b', 'other');
    await publish('events.a', 'mine');
    await eventually(() => expect(seen).toEqual(['events.a mine']));
  });

  test('a message is given again until its handler succeeds, and nothing overtakes it', async () => {
    const seen: string[] = [];
    await bus.consume('group', 'events.a', async (data) => {
      seen.push(text(data));
      if (seen.length < 3) throw new Error('not yet');
    });
    await Promise.all([publish('events.a', 'first'), publish('events.a', 'second')]);
    await eventually(() => expect(seen).toEqual(['first', 'first', 'first', 'second']));
  });

  test('the same id published twice is one message', async () => {
    const seen: string[] = [];
    await bus.consume('group', 'events.a', async (data) => void seen.push(text(data)));
    const id = randomUUID();
    await publish('events.a', 'once', id);
    await publish('events.a', 'once', id);
    await publish('events.a', 'end');
    await eventually(() => expect(seen).toEqual(['once', 'end']));
  });

  test('what a group has yet to take fills a log, and what it has taken does not', async () => {
    const levels = async () => new Map((await bus.levels()).map((level) => [level.log, level]));
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const seen: string[] = [];
    await bus.consume('group', 'events.a', async (data) => {
      await released;
      seen.push(text(data));
    });
    await bus.consume('group', 'events.audit.a', async () => undefined);
    const publishing = ['1', '2', '3'].map((value) => publish('events.a', value));
    await publish('events.audit.a', 'line');
    await eventually(async () => expect((await levels()).get('events')?.messages).toBe(3));
    await eventually(async () => expect((await levels()).get('audit')?.messages).toBe(0));
    expect((await levels()).get('events')?.max).toBeGreaterThan(3);
    release();
    await Promise.all(publishing);
    await eventually(async () => expect((await levels()).get('events')?.messages).toBe(0));
    expect(seen).toEqual(['1', '2', '3']);
  });

  test('nothing is lost on the way while what was taken is removed', async () => {
    const seen = { one: [] as string[], two: [] as string[] };
    const values = Array.from({ length: 300 }, (_, index) => String(index));
    await publish('events.a', 'before');
    // What `group` has taken may go as soon as it has, unless somebody else reads already.
    for (const name of ['two', 'one'] as const) {
      await bus.consume(name === 'one' ? 'group' : 'other', 'events.a', async (data) => {
        await new Promise((resolve) => setImmediate(resolve));
        seen[name].push(text(data));
      });
    }
    for (const value of values) {
      await publish('events.a', value);
      await publish('events.b', value);
    }
    await eventually(() => expect(seen.one).toEqual(['before', ...values]), 20_000);
    await eventually(() => expect(seen.two).toEqual(['before', ...values]), 20_000);
  });

  test('an audit log that stands still holds up no other event', async () => {
    const seen: string[] = [];
    let isBroken = true;
    const lines: string[] = [];
    await bus.consume('group', 'events.audit.a', async (data) => {
      if (isBroken) throw new Error('not yet');
      lines.push(text(data));
    });
    await bus.consume('group', 'events.a', async (data) => void seen.push(text(data)));
    const line = publish('events.audit.a', 'line').catch(() => undefined);
    await publish('events.a', 'fact');
    await eventually(() => expect(seen).toEqual(['fact']));
    await line;
    isBroken = false;
    await eventually(() => expect(lines).toEqual(['line']));
  });

  test('a group that closed finds what came meanwhile when it opens again', async () => {
    const seen: string[] = [];
    const handler = async (data: Uint8Array) => void seen.push(text(data));
    const consumer = await bus.consume('group', 'events.a', handler);
    await publish('events.a', '1');
    await eventually(() => expect(seen).toEqual(['1']));
    await consumer.close();
    // Whether this one is acknowledged now is the adapter's affair; lost it must not be.
    const published = publish('events.a', '2');
    await published.catch(() => undefined);
    expect(seen).toEqual(['1']);
    await bus.consume('group', 'events.a', handler);
    await eventually(() => expect(seen).toEqual(['1', '2']));
  });

  test('a follower reads from the end of the log on, in order, one at a time', async () => {
    const seen: string[] = [];
    let inside = 0;
    const onGap = vi.fn();
    await publish('fanout.s0', 'before');
    await bus.follow('fanout.s0', {
      async onMessage(data) {
        expect(++inside).toBe(1);
        await new Promise((resolve) => setImmediate(resolve));
        inside--;
        seen.push(text(data));
      },
      onGap,
    });
    const values = Array.from({ length: 50 }, (_, index) => String(index));
    for (const value of values) await publish('fanout.s0', value);
    await eventually(() => expect(seen).toEqual(values));
    expect(onGap).not.toHaveBeenCalled();
  });

  test('every follower gets every message, and a closed one none', async () => {
    const seen: string[] = [];
    const follow = (name: string) =>
      bus.follow('fanout.s0', {
        onMessage: async (data) => void seen.push(name + text(data)),
        onGap: () => undefined,
      });
    const [first] = await Promise.all([follow('a'), follow('b')]);
    await publish('fanout.s0', '1');
    await eventually(() => expect(seen.sort()).toEqual(['a1', 'b1']));
    await first?.close();
    await publish('fanout.s0', '2');
    await eventually(() => expect(seen.sort()).toEqual(['a1', 'b1', 'b2']));
  });

  test('a follower that fails has a gap, and goes on', async () => {
    const seen: string[] = [];
    const onGap = vi.fn();
    await bus.follow('fanout.s0', {
      async onMessage(data) {
        seen.push(text(data));
        if (seen.length === 1) throw new Error('lost it');
      },
      onGap,
    });
    await publish('fanout.s0', '1');
    await publish('fanout.s0', '2');
    await eventually(() => expect(seen).toEqual(['1', '2']));
    expect(onGap).toHaveBeenCalledTimes(1);
  });

  test('signals reach whoever listens, by subject or by pattern', async () => {
    const seen: string[] = [];
    bus.signal('typing.x', bytes('nobody listens'));
    await bus.listen('typing.x', (data, subject) => void seen.push(`one ${subject} ${text(data)}`));
    const all = await bus.listen('typing.*', (data, subject) => {
      seen.push(`all ${subject} ${text(data)}`);
    });
    bus.signal('typing.x', bytes('1'));
    bus.signal('typing.y', bytes('2'));
    await eventually(() => {
      expect(seen.sort()).toEqual(['all typing.x 1', 'all typing.y 2', 'one typing.x 1']);
    });
    await all.close();
    bus.signal('typing.x', bytes('3'));
    await eventually(() => expect(seen).toContain('one typing.x 3'));
    expect(seen).not.toContain('all typing.x 3');
  });

  test('a signal that cannot be sent is lost and harms nobody, nor does one to a bus that is closed', async () => {
    const seen: string[] = [];
    await bus.listen('typing.x', (data) => void seen.push(String(data.byteLength)));
    expect(() => bus.signal('typing.x', new Uint8Array(64 * 1024 * 1024))).not.toThrow();
    bus.signal('typing.x', bytes('1'));
    await eventually(() => expect(seen).toContain('1'));
    const closing = bus.close();
    expect(() => bus.signal('typing.x', bytes('2'))).not.toThrow();
    await closing;
    expect(() => bus.signal('typing.x', bytes('3'))).not.toThrow();
  });

  test('a listener that throws harms no other', async () => {
    const heard = vi.fn();
    await bus.listen('typing.x', () => {
      throw new Error('a bug');
    });
    await bus.listen('typing.x', heard);
    bus.signal('typing.x', bytes('1'));
    bus.signal('typing.x', bytes('2'));
    await eventually(() => expect(heard).toHaveBeenCalledTimes(2));
  });

  test('many publish at once, and what each published arrives once', async () => {
    const seen: string[] = [];
    await bus.consume('group', 'events.a', async (data) => void seen.push(text(data)));
    const values = Array.from({ length: 500 }, (_, index) => String(index));
    await Promise.all(values.map((value) => publish('events.a', value)));
    await eventually(() => expect(seen.length).toBe(500));
    expect(new Set(seen)).toEqual(new Set(values));
  });

  test('the largest message passes, a larger one and a strange subject are refused', async () => {
    const sizes: number[] = [];
    await bus.consume('group', 'events.a', async (data) => void sizes.push(data.byteLength));
    await bus.publish('events.a', new Uint8Array(BUS_MESSAGE_BYTES_MAX), randomUUID());
    await eventually(() => expect(sizes).toEqual([BUS_MESSAGE_BYTES_MAX]));
    const tooLarge = new Uint8Array(BUS_MESSAGE_BYTES_MAX + 1);
    await expect(bus.publish('events.a', tooLarge, randomUUID())).rejects.toThrow(RangeError);
    await expect(publish('elsewhere.a', 'x')).rejects.toThrow(TypeError);
    await expect(publish('events.*', 'x')).rejects.toThrow(TypeError);
  });

  test('it answers a ping until it is closed', async () => {
    await bus.ping();
    await bus.close();
    await expect(bus.ping()).rejects.toThrow();
    await expect(publish('events.a', 'x')).rejects.toThrow();
  });
}
