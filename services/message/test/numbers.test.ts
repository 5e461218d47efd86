/** What a node tells of how soon messages arrive, and of devices that have stopped. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { STALLED_MS } from '../src/limits.ts';
import { messageFor, openConversation } from './messages.ts';
import type { Node } from './nodes.ts';
import type { Person } from './peers.ts';
import { connect } from './socket-client.ts';
import { startTwoNodes, type TwoNodes } from './two-nodes.ts';

let nodes: TwoNodes;

beforeAll(async () => {
  nodes = await startTwoNodes();
});

afterAll(() => nodes.close());

async function number({ service }: Node, name: string): Promise<number> {
  const response = await service.fetch(new Request('http://message/metrics'));
  const line = new RegExp(`^sotto_${name}\\{[^}]*\\} (\\S+)$`, 'm').exec(await response.text());
  return Number(line?.[1]);
}

/** The same, asked when the node's clock has gone on by so much. */
async function numberAfter(ms: number, node: Node, name: string): Promise<number> {
  const moment = performance.now.bind(performance);
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => moment() + ms);
  try {
    return await number(node, name);
  } finally {
    clock.mockRestore();
  }
}

test('each message is measured where it was sent, each batch where it came from another node', async () => {
  const { one, two, invite } = nodes;
  const [a, b] = (await invite(2)) as [Person, Person];
  const conversation = await openConversation(one, a, b);
  const [here, there] = [await connect(one, a), await connect(two, b)];
  await here.send(messageFor(conversation, [b]));
  await here.send(messageFor(conversation, [b]));
  await there.slotsUpTo(conversation, 2);
  expect(await number(one, 'message_delivery_seconds_count')).toBe(2);
  expect(await number(one, 'message_delivery_seconds_sum')).toBeLessThan(20);
  expect(await number(two, 'message_delivery_seconds_count')).toBe(0);
  await vi.waitFor(async () => {
    expect(await number(two, 'fanout_lag_seconds_count')).toBeGreaterThan(0);
  }, 20_000);
  expect(await number(one, 'fanout_lag_seconds_count')).toBe(0);

  // It has them and says nothing: a second is over when the clock of the node has struck twice.
  await vi.waitFor(async () => {
    expect(await number(two, 'message_undelivered_age_seconds')).toBeGreaterThan(3);
  }, 20_000);
  expect(await number(two, 'message_sockets_stalled')).toBe(0);
  const nearly = STALLED_MS - 2_000;
  expect(await numberAfter(nearly, two, 'message_sockets_stalled')).toBe(1);
  expect(await numberAfter(nearly, one, 'message_sockets_stalled')).toBe(0);
  there.acknowledge(conversation, 2);
  await vi.waitFor(async () => {
    expect(await number(two, 'message_undelivered_age_seconds')).toBeLessThan(1.5);
  }, 20_000);
  expect(await numberAfter(nearly, two, 'message_sockets_stalled')).toBe(0);
  expect(await number(two, 'message_queue_fill_ratio')).toBe(0);
  expect(await number(two, 'outbox_age_seconds')).toBeGreaterThanOrEqual(0);
});
