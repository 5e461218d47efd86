import { expect, test, vi } from 'vitest';
import { eachEvent } from './event-loop.ts';
import { createEvents, type Events } from './events.ts';
import { EVENTS_WAITING_MAX } from './limits.ts';

const connected = (incarnation: number) => ({ incarnation });

test('events come in order, those too that came while the loop was busy', async () => {
  const events = createEvents();
  const ending = new AbortController();
  const seen: number[] = [];
  const loop = (async () => {
    for await (const { incarnation } of eachEvent(events, 'connected', ending.signal)) {
      if (incarnation === 1) for (const next of [2, 3]) events.emit('connected', connected(next));
      seen.push(incarnation);
      if (incarnation === 4) ending.abort();
    }
  })();
  events.emit('connected', connected(1));
  await vi.waitFor(() => expect(seen).toEqual([1, 2, 3]));
  events.emit('connected', connected(4));
  await loop;
  expect(seen).toEqual([1, 2, 3, 4]);
});

test('an abort ends a loop that waits, and one that was aborted before never begins', async () => {
  const ending = new AbortController();
  const next = eachEvent(createEvents(), 'connected', ending.signal).next();
  ending.abort();
  expect(await next).toEqual({ done: true, value: undefined });
  const late = eachEvent(createEvents(), 'connected', ending.signal);
  expect((await late.next()).done).toBe(true);
});

test('a loop that is left listens no more', async () => {
  const events = createEvents();
  const unheard = vi.fn();
  const spied: Events = {
    ...events,
    on(name, listener) {
      const end = events.on(name, listener);
      return () => {
        unheard();
        end();
      };
    },
  };
  const loop = eachEvent(spied, 'connected', new AbortController().signal);
  const first = loop.next();
  events.emit('connected', connected(1));
  await first;
  expect(unheard).not.toHaveBeenCalled();
  await loop.return();
  expect(unheard).toHaveBeenCalledOnce();
});

test('what comes too fast is not dropped in silence: all before the gap, then an error', async () => {
  const events = createEvents();
  const loop = eachEvent(events, 'connected', new AbortController().signal);
  const first = loop.next();
  for (let count = 1; count <= EVENTS_WAITING_MAX + 2; count += 1) {
    events.emit('connected', connected(count));
  }
  expect((await first).value).toEqual(connected(1));
  for (let count = 2; count <= EVENTS_WAITING_MAX; count += 1) {
    expect((await loop.next()).value).toEqual(connected(count));
    // There is room again, but what comes now would stand behind a hole.
    events.emit('connected', connected(0));
  }
  await expect(loop.next()).rejects.toMatchObject({ code: 'events.missed' });
  expect((await loop.next()).done).toBe(true);
});
