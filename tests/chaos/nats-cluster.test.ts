/** Three servers of NATS with three copies of each stream: whichever is killed, what is published goes on arriving. */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { type Bus, createLogger, openNatsBus } from '@sotto/runtime';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { waitFor } from '../daemon.ts';
import { oneByOne, startNats } from './backends.ts';
import type { Machine } from './machine.ts';
import { openWire } from './wire.ts';

const opened = new AsyncDisposableStack();
let machines: Machine[];
let ports: number[];
let publisher: Bus;
let reader: Bus;

/** Of the fan-out log, in the order in which it came, and how often something may have been missed. */
const followed = { texts: [] as string[], gaps: 0 };
/** Of the events. */
const consumed = new Set<string>();

beforeAll(async () => {
  const directory = mkdtempSync('/tmp/sotto-nats-');
  opened.defer(() => rmSync(directory, { recursive: true, force: true }));
  const cluster = await startNats(directory, 3);
  ({ machines, ports } = cluster);
  for (const machine of machines) opened.defer(() => machine.close());
  const open = async (): Promise<Bus> => {
    const wire = await openWire(cluster.ports);
    opened.defer(() => wire.close());
    const bus = await openNatsBus({ url: `nats://127.0.0.1:${wire.port}`, replicas: 3 });
    opened.defer(() => bus.close());
    return bus;
  };
  // A cluster that has just begun has no leader yet, and refuses to make streams.
  publisher = await open();
  reader = await open();
  await persist(() => publisher.publish('events.audit.a', Buffer.from('first'), randomUUID()));
  await persist(() =>
    reader.follow('fanout.s0', {
      onMessage: async (data) => void followed.texts.push(Buffer.from(data).toString()),
      onGap: () => {
        followed.gaps += 1;
      },
    }),
  );
  await persist(() =>
    reader.consume('group', 'events.a', async (data) => {
      consumed.add(Buffer.from(data).toString());
    }),
  );
}, 120_000);

afterAll(() => opened.disposeAsync());

/** Longer than a reader has for one event: what was given to it by a server that is gone is given again after that. */
const GIVEN_AGAIN_MS = 60_000;

/** Until it works, as an outbox does it. */
async function persist(work: () => Promise<unknown>): Promise<void> {
  await waitFor(async () => {
    await work();
    return true;
  }, GIVEN_AGAIN_MS);
}

async function publish(texts: readonly string[]): Promise<void> {
  for (const text of texts) {
    const id = randomUUID();
    await persist(() => publisher.publish('fanout.s0', Buffer.from(text), id));
    await persist(() => publisher.publish('events.a', Buffer.from(text), `${id}e`));
  }
}

test.each([0, 1, 2])(
  'while server %i is down',
  async (place) => {
    const texts = Array.from({ length: 40 }, (_, index) => `${place} ${index}`);
    const machine = machines[place];
    if (machine === undefined) throw new Error('no such server');
    await publish(texts.slice(0, 10));
    await machine.kill();
    // The next one is not to be killed before this one is back, also when something fails: two of three are needed.
    onTestFinished(async () => {
      await machine.start();
      await persist(() => publisher.ping());
    }, 120_000);
    await publish(texts.slice(10));
    // Followers start again from the end and are told to look for the rest; from there on each comes.
    await waitFor(async () => followed.texts.at(-1) === texts.at(-1) || followed.gaps > 0, 15_000);
    await persist(async () => {
      const text = randomUUID();
      await publisher.publish('fanout.s0', Buffer.from(text), text);
      await waitFor(async () => followed.texts.includes(text), 1_000);
    });
    await waitFor(async () => texts.every((text) => consumed.has(text)), GIVEN_AGAIN_MS);
    expect(texts.every((text) => consumed.has(text))).toBe(true);
  },
  180_000,
);

test('and everything is there again once all are up', async () => {
  await publish(['the end']);
  await waitFor(
    async () => consumed.has('the end') && followed.texts.includes('the end'),
    GIVEN_AGAIN_MS,
  );
}, 120_000);

test('who comes before the last server of a new cluster waits for it', async () => {
  for (const machine of machines) await machine.kill();
  for (const machine of machines) machine.wipe();
  const last = machines[2];
  await oneByOne(machines.slice(0, 2).map((machine) => () => machine.start()));
  const url = `nats://127.0.0.1:${ports[0]}`;
  const refusals: unknown[] = [];
  const log = createLogger({
    ...{ service: 'test', level: 'warn' },
    destination: { write: (line) => void refusals.push(JSON.parse(line).error?.code) },
  });
  const bus = await openNatsBus({ url, prefix: 'new', replicas: 3, log });
  onTestFinished(() => bus.close());
  const texts: string[] = [];
  const following = bus.follow('fanout.s0', {
    onMessage: async (data) => void texts.push(Buffer.from(data).toString()),
    onGap: () => {},
  });
  // Or it would be told of by nobody.
  following.catch(() => {});
  await waitFor(async () => refusals.includes('10005'), 20_000);
  await last?.start();
  await following;
  await persist(() => bus.publish('fanout.s0', Buffer.from('here'), randomUUID()));
  await waitFor(async () => texts.includes('here'), 20_000);
  expect(new Set(texts)).toEqual(new Set(['here']));
}, 120_000);
