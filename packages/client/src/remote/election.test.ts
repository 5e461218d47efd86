import { DeviceId, type UserId } from '@sotto/api';
import { nodeProvider } from '@sotto/crypto/node';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Client, createClient } from '../client.ts';
import { ConnectionError } from '../errors.ts';
import { openScene, type Scene, texts, until, userOf } from '../state/state.fixture.ts';
import type { Store } from '../store/store.ts';
import { type ElectionOptions, openElected } from './election.ts';
import { MEETING_OPEN_MS_MAX, NOBODY_MS_MAX, PULSE_MS, PULSES_MISSED_MAX } from './limits.ts';
import { type Line, portLine } from './line.ts';
import type { Meeting } from './meeting.ts';

const LOST = DeviceId.parse('0193f000-0000-7000-8000-000000000001');

let scene: Scene;
let place: MeetingPlace;
let clients: Client[];

beforeEach(async () => {
  scene = await openScene();
  // What alice's client was opened on is what is shared from now on.
  await scene.alice.close();
  place = openPlace(scene.store);
  clients = [];
});
afterEach(async () => {
  for (const client of clients) await client.close();
  await scene.close();
});

test('what was done and not answered is not done again by the next one', async () => {
  const { conversation } = scene;
  const [first, second] = [await share(), await share()];
  place.isMute = true;
  const sending = second.sendText(conversation, 'once');
  await until(async () => expect(await first.unsent(conversation)).toHaveLength(1));
  await first.close();
  const { id } = await sending;
  expect(await second.unsent(conversation)).toMatchObject([{ id }]);
  await second.connect();
  await second.whenStored(id);
  expect(await second.history(conversation)).toMatchObject([{ id }]);
});

test('what was never heard is done by the next one, in order', async () => {
  const { conversation, bob } = scene;
  const [first, second] = [await share(), await share()];
  await second.connect();
  place.isDeaf = true;
  const sending = ['a', 'b', 'c'].map((text) => second.sendText(conversation, text));
  await first.close();
  for (const { id } of await Promise.all(sending)) await second.whenStored(id);
  const lines = bob.state.messages(conversation);
  lines.subscribe(() => {});
  await until(() => expect(texts(lines.get())).toEqual(['a', 'b', 'c']));
});

test.each<[string, (client: Client, bob: UserId) => Promise<unknown>]>([
  ['a group', ({ groups }, bob) => groups.create({ members: [bob] })],
  ['another identity', (client) => client.reportLost(LOST)],
])('what must not be done twice and has no id says that it is lost: %s', async (_, make) => {
  const [first, second] = [await share(), await share()];
  const bob = await userOf(scene.bob);
  place.isMute = true;
  const outcome = make(second, bob).catch((error) => error);
  await first.close();
  expect(await outcome).toBeInstanceOf(ConnectionError);
});

test('messages are given to one loop, and to the next one when its process ends', async () => {
  const { conversation, bob } = scene;
  const [first, second, third] = [await share(), await share(), await share()];
  await first.connect();
  await bob.sendText(conversation, 'one');
  await bob.sendText(conversation, 'two');
  const loop = second.messages();
  expect(await textOfNext(loop)).toBe('one');
  await expect(third.messages().next()).rejects.toMatchObject({ code: 'messages.taken' });
  expect(await textOfNext(loop)).toBe('two');
  // It is gone before it came round: what it had is given again.
  await second.close();
  await until(async () => expect(await textOfNext(third.messages())).toBe('two'));
});

test('events and the state go on with the next one, and what has not changed is the same object', async () => {
  const { conversation, bob } = scene;
  const [first, second] = [await share(), await share()];
  await second.connect();
  const heard = vi.fn();
  second.on('message', ({ content }) => heard(content.type === 'text' && content.text));
  const lines = second.state.messages(conversation);
  const end = lines.subscribe(() => {});
  await bob.sendText(conversation, 'before');
  await until(() => expect(texts(lines.get())).toEqual(['before']));
  const before = lines.get()?.[0];
  await first.close();
  await bob.sendText(conversation, 'after');
  await until(() => expect(texts(lines.get())).toEqual(['before', 'after']));
  expect(lines.get()?.[0]).toBe(before);
  expect(heard.mock.calls).toEqual([['before'], ['after']]);
  end();
  await until(() => expect(lines.get()).toBeUndefined());
});

test('whoever does not introduce themselves in time does not stay', async () => {
  await share();
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const follower = await share();
  const line = await place.enter().join();
  line?.listen(() => {});
  vi.advanceTimersByTime(MEETING_OPEN_MS_MAX);
  vi.useRealTimers();
  await vi.waitFor(() => expect(line?.closed.aborted).toBe(true));
  expect(await follower.me()).toMatchObject({ username: 'alice' });
});

test('when whoever runs the client is stopped, the others are told, and go on when it ends', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const [first, second] = [await share(), await share()];
  await second.connect();
  const heard = vi.fn();
  second.on('silent', heard);
  place.isMute = true;
  const asking = second.me();
  vi.advanceTimersByTime(PULSE_MS * (PULSES_MISSED_MAX + 1));
  await expect(asking).rejects.toMatchObject({ code: 'client.silent' });
  vi.useRealTimers();
  await until(() =>
    expect(second.state.connection.get()).toMatchObject({ error: { code: 'client.silent' } }),
  );
  await first.close();
  await until(async () => expect(await second.me()).toMatchObject({ username: 'alice' }));
  await until(() => expect(second.state.connection.get()).toEqual({ status: 'connected' }));
  expect(heard.mock.calls).toEqual([[{ isSilent: true }], [{ isSilent: false }]]);
});

test('nobody waits without knowing for one who does not come', async () => {
  const first = await share();
  const open = async () => undefined;
  const pause = () => new Promise<void>((resolve) => setImmediate(resolve));
  const second = await openElected(optionsFor({ ...place.enter(), open, pause }));
  clients.push(second);
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  await first.close();
  await until(() => expect(vi.getTimerCount()).toBeGreaterThan(0));
  const asking = second.me().catch((error) => error);
  await vi.advanceTimersByTimeAsync(NOBODY_MS_MAX);
  vi.useRealTimers();
  expect(await asking).toMatchObject({ code: 'client.silent' });
});

test('a client that is stopped lets nobody in, and whoever wants to come in is told', async () => {
  await share();
  place.isMute = true;
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  const opening = share().catch((error) => error);
  await vi.advanceTimersByTimeAsync(2 * MEETING_OPEN_MS_MAX);
  vi.useRealTimers();
  expect(await opening).toMatchObject({ code: 'client.silent' });
});

test('a client that nobody can follow does not keep the store', async () => {
  const meeting = place.enter();
  const host = () => Promise.reject(new RangeError('there is no room for a socket'));
  await expect(openElected(optionsFor({ ...meeting, host }))).rejects.toThrow(RangeError);
  expect(await meeting.open()).toBeDefined();
});

test('a client that is closed refuses everything, and ends its loops', async () => {
  const [first, second] = [await share(), await share()];
  const loops = [first, second].map(async (client) => {
    for await (const _ of client.messages()) return 'a message';
    return 'the end';
  });
  await expect(loops[1]).rejects.toMatchObject({ code: 'messages.taken' });
  await second.close();
  await expect(second.me()).rejects.toMatchObject({ code: 'client.closed' });
  await first.close();
  expect(await loops[0]).toBe('the end');
});

async function textOfNext(loop: ReturnType<Client['messages']>): Promise<unknown> {
  const { value } = await loop.next();
  return value?.content.type === 'text' && value.content.text;
}

async function share(): Promise<Client> {
  const client = await openElected(optionsFor(place.enter()));
  clients.push(client);
  return client;
}

function optionsFor(meeting: Meeting): ElectionOptions {
  return {
    meeting,
    create: (store) => createClient({ url: scene.platform.url, store, provider: nodeProvider }),
    knowledge: { provider: nodeProvider },
  };
}

/** Where those meet who are in this process. */
interface MeetingPlace {
  /** Whoever has the store is heard no more by others. */
  isMute: boolean;
  /** They hear no more of others. */
  isDeaf: boolean;
  enter(): Meeting;
}

function openPlace(store: Store): MeetingPlace {
  let holder: ((line: Line) => void) | undefined;
  let isHeld = false;
  const place: MeetingPlace = {
    isMute: false,
    isDeaf: false,
    enter: () => ({
      async open() {
        if (isHeld) return undefined;
        isHeld = true;
        const close = async () => {
          isHeld = false;
          holder = undefined;
        };
        return { transaction: store.transaction, close };
      },
      async host(onLine) {
        [place.isMute, place.isDeaf] = [false, false];
        holder = onLine;
        return async () => {
          holder = undefined;
        };
      },
      async join() {
        if (holder === undefined) return undefined;
        const { port1, port2 } = new MessageChannel();
        holder(cut(portLine(port1)));
        return portLine(port2);
      },
      pause: () => new Promise((resolve) => setTimeout(resolve, 10)),
      leave: async () => {},
    }),
  };
  const cut = (line: Line): Line => ({
    ...line,
    send(value) {
      if (!place.isMute) line.send(value);
    },
    listen(listener) {
      line.listen((value) => {
        if (!place.isDeaf) listener(value);
      });
    },
  });
  return place;
}
