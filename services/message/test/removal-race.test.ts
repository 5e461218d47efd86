/** Somebody is removed while others write as fast as they can, on both nodes: nothing above the removal reaches them. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { OutgoingMessage } from '@sotto/api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Group } from './groups.ts';
import { messageFor } from './messages.ts';
import type { Person } from './peers.ts';
import { assertGapless, connect, endOf, type SocketClient } from './socket-client.ts';
import { closeAll, history, places, startTwoNodes, type TwoNodes } from './two-nodes.ts';

let nodes: TwoNodes;

beforeAll(async () => {
  nodes = await startTwoNodes();
});

afterAll(() => nodes.close());

interface Course {
  group: Group;
  /** Who is addressed by itself now and then, for as long as it is a member. */
  reader: Person;
  /** The places of what was written. */
  seqs: number[];
  isOver(): boolean;
}

/** Writes one message after the other; what is refused is made anew for those who are members then. */
async function write(client: SocketClient, { group, reader, seqs, isOver }: Course): Promise<void> {
  for (let number = 1; !isOver(); number += 1) {
    const compose = (): OutgoingMessage =>
      number % 3 === 0 && group.members.includes(reader.user)
        ? messageFor(group.id, [reader], { kind: 'targeted' })
        : group.message();
    let answer = await client.send(compose(), number);
    while (!('seq' in answer)) {
      expect(['message.group-stale', 'message.devices-stale']).toContain(answer.code);
      await sleep(1);
      answer = await client.send(compose(), number);
    }
    seqs.push(answer.seq);
  }
}

/** Resolves when so many more have been written. */
async function written({ seqs }: Course, more: number): Promise<void> {
  const wanted = seqs.length + more;
  await expect.poll(() => seqs.length, { timeout: 20_000 }).toBeGreaterThan(wanted);
}

test.each(['first', 'second'])(
  'whoever is removed gets nothing above it, on the %s node',
  async (where) => {
    const { one, two } = nodes;
    const { people, group } = await nodes.found();
    const [founder, removed, other] = people;
    const tablet = await nodes.addDevice(founder);
    const laptop = await nodes.addDevice(founder);
    const [near, far] = where === 'first' ? [one, two] : [two, one];
    const [victim, witness] = [await connect(near, removed), await connect(far, other)];
    const writers = [
      await connect(one, founder),
      await connect(one, tablet),
      await connect(two, laptop),
    ];
    for (const client of [victim, witness, ...writers]) client.keepUp();
    let isOver = false;
    const seqs: number[] = [];
    const course: Course = { group, reader: removed, seqs, isOver: () => isOver };
    const writing = writers.map((client) => write(client, course));
    await written(course, 100);
    const action = { type: 'remove', users: [removed.user] } as const;
    const { seq: removal } = await group.change(two, founder, action);
    await written(course, 100);
    isOver = true;
    await Promise.all(writing);
    const last = Math.max(...seqs);

    // They were at it on both sides of the removal, and those who stayed have it all.
    expect(seqs.filter((seq) => seq < removal).length).toBeGreaterThan(50);
    expect(seqs.filter((seq) => seq > removal).length).toBeGreaterThan(50);
    const all = await witness.slotsUpTo(group.id, last, 10_000);
    assertGapless(all, 1);

    const own = await victim.slotsUpTo(group.id, removal, 10_000);
    assertGapless(own, 1);
    // What was still on its way to the node would have come by then.
    await sleep(500);
    expect(Math.max(...victim.slots(group.id).map(endOf))).toBe(removal);
    expect(places(victim.slots(group.id)).at(-1)).toBe(removal);
    for (const node of [one, two]) {
      const page = await history(node, removed, group);
      expect(page.last).toBe(removal);
      expect(Math.max(...page.slots.map(endOf))).toBeLessThanOrEqual(removal);
      const again = await connect(node, removed);
      await sleep(200);
      for (const slot of again.slots(group.id)) expect(endOf(slot)).toBeLessThanOrEqual(removal);
      await again.close();
    }
    await closeAll(witness, ...writers);
  },
  60_000,
);
