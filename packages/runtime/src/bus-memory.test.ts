import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { busContract } from './bus.contract.ts';
import { createMemoryBus } from './bus-memory.ts';

describe('the in-process bus', () => {
  busContract(async () => createMemoryBus());

  test('publish waits for every group, and rejects when one does not take it', async () => {
    const bus = createMemoryBus();
    let taken = 0;
    await bus.consume('quick', 'events.a', async () => void taken++);
    await bus.publish('events.a', new Uint8Array(1), randomUUID());
    expect(taken).toBe(1);
    await bus.consume('broken', 'events.b', async () => {
      throw new Error('never');
    });
    await expect(bus.publish('events.b', new Uint8Array(1), 'b1')).rejects.toThrow('no answer');
    await bus.close();
  });

  test('what was refused for being late is delivered once, and published again it resolves', async () => {
    const bus = createMemoryBus();
    const seen: string[] = [];
    let broken = true;
    await bus.consume('group', 'events.a', async (data) => {
      if (broken) throw new Error('not yet');
      seen.push(Buffer.from(data).toString());
    });
    await expect(bus.publish('events.a', Buffer.from('x'), 'id')).rejects.toThrow();
    broken = false;
    await bus.publish('events.a', Buffer.from('x'), 'id');
    expect(seen).toEqual(['x']);
    await bus.close();
  });
});
