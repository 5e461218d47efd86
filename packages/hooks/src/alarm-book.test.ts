/** The book of alarms on a real client without a platform: what waits is read, what happens is heard. */
import { isDeepStrictEqual } from 'node:util';
import {
  type Alarms,
  type ClientEvent,
  type ClientEvents,
  createClient,
  type Listener,
  type Notice,
  openMemoryStore,
} from '@sotto/client';
import { expect, test, vi } from 'vitest';
import { accountNotices, alarmsOf, type BookDeps, deviceNoticeOf } from './alarm-book.ts';
import { BOB, CAROL } from './line.fixture.ts';

test('what waited in the store before somebody looked is shown', async () => {
  const { book } = open({ notices: [{ kind: 'history-lost' }] });
  await vi.waitFor(() => expect(accountNotices(book.get())).toEqual([{ kind: 'history-lost' }]));
});

test('what happens is shown, each where it concerns, until it was seen', async () => {
  const { book, happen } = open();
  happen('store-behind', { messages: 3 }, { kind: 'store-behind' });
  happen('history-lost', { error: new Error('gone') }, { kind: 'history-lost' });
  happen('key-log-restored', { incarnation: 2, time: 7 }, { kind: 'key-log-restored', time: 7 });
  happen('device-list-warning', ...aboutBob('stale'));
  await vi.waitFor(() => expect(deviceNoticeOf(book.get(), BOB)?.warning).toBe('stale'));
  expect(deviceNoticeOf(book.get(), CAROL)).toBeUndefined();
  const kinds = () => accountNotices(book.get()).map(({ kind }) => kind);
  expect(kinds()).toEqual(['store-behind', 'history-lost', 'key-log-restored']);
  await book.dismiss({ kind: 'store-behind' });
  expect(kinds()).toEqual(['history-lost', 'key-log-restored']);
});

test.each(['store-behind', 'history-lost', 'key-log-restored', 'device-list-warning'] as const)(
  'the event %s is a reason to look',
  async (name) => {
    const { book, tell, store } = open();
    await book.refresh();
    store.notices = [{ kind: 'store-behind' }];
    tell(name);
    await vi.waitFor(() => expect(book.get().notices).toHaveLength(1));
  },
);

test('a worse warning that has come meanwhile is not put away with the one that was shown', async () => {
  const { book, happen } = open();
  happen('device-list-warning', ...aboutBob('stale'));
  await vi.waitFor(() => expect(deviceNoticeOf(book.get(), BOB)).toBeDefined());
  const seen = deviceNoticeOf(book.get(), BOB)!;
  happen('device-list-warning', ...aboutBob('refused'));
  await book.dismiss(seen);
  expect(deviceNoticeOf(book.get(), BOB)?.warning).toBe('refused');
});

test('what could not be put away is shown on, and whoever tried is told', async () => {
  const { book, store } = open({ notices: [{ kind: 'store-behind' }] });
  await book.refresh();
  store.fault = new Error('the disk is full');
  await expect(book.dismiss({ kind: 'store-behind' })).rejects.toThrow('the disk is full');
  expect(book.get().notices).toEqual([{ kind: 'store-behind' }]);
});

test('what waits is read at each alarm, and is gone after the decision', async () => {
  const { book, tell, store } = open();
  store.identityChanged = [BOB];
  store.general = 'key-log.broken';
  tell('identity-changed');
  await vi.waitFor(() => expect(book.get().identityChanged).toEqual([BOB]));
  expect(book.get().general).toBe('key-log.broken');
  store.identityChanged = [];
  delete store.general;
  await book.refresh();
  expect(book.get()).toMatchObject({ identityChanged: [] });
  expect(book.get().general).toBeUndefined();
});

test('each change is another view, and listeners hear of it', async () => {
  const { book } = open();
  await book.refresh();
  const heard = vi.fn();
  const end = book.subscribe(heard);
  const before = book.get();
  await book.refresh();
  expect(book.get()).not.toBe(before);
  end();
  await book.refresh();
  expect(heard).toHaveBeenCalledOnce();
});

test('an answer that comes late takes back no warning', async () => {
  const { book, store, delays } = open();
  await book.refresh();
  const late = Promise.withResolvers<void>();
  delays.push(late.promise);
  const before = book.refresh();
  store.identityChanged = [BOB];
  await book.refresh();
  late.resolve();
  await before;
  expect(book.get().identityChanged).toEqual([BOB]);
});

type Warning = ClientEvents['device-list-warning']['warning'];

/** An event about Bob's devices, and what stays of it. */
function aboutBob(warning: Warning): [ClientEvents['device-list-warning'], Notice] {
  return [
    { user: BOB, warning },
    { kind: 'device-list-warning', user: BOB, warning },
  ];
}

/** What a client's store has, which a test may change. */
interface Kept {
  general?: NonNullable<Alarms['general']>;
  identityChanged: Alarms['identityChanged'];
  logBroken: Alarms['logBroken'];
  notices: readonly Notice[];
  /** Why nothing can be written. */
  fault?: Error;
}

/** A book over a client that tells what the test wants, of alarms that the test sets. */
function open(kept: Partial<Kept> = {}) {
  const client = createClient({ url: 'http://127.0.0.1:1', store: openMemoryStore() });
  const store: Kept = { identityChanged: [], logBroken: [], notices: [], ...kept };
  /** What the next answers wait for. */
  const delays: Promise<void>[] = [];
  const listeners = new Map<ClientEvent, (event: never) => void>();
  const deps: BookDeps = {
    conversations: client.conversations,
    async alarms() {
      const { fault: _, ...now } = store;
      await delays.shift();
      return now;
    },
    async dismissNotice(seen) {
      if (store.fault !== undefined) throw store.fault;
      store.notices = store.notices.filter((one) => !isDeepStrictEqual(one, seen));
    },
    on<E extends ClientEvent>(name: E, listener: Listener<E>) {
      listeners.set(name, listener);
      return () => listeners.delete(name);
    },
  };
  const tell = <E extends ClientEvent>(name: E, event?: ClientEvents[E]): void => {
    const listener = listeners.get(name) as ((event?: ClientEvents[E]) => void) | undefined;
    listener?.(event);
  };
  /** As the SDK does it: the notice is in the store before anybody hears of it. */
  const happen = <E extends ClientEvent>(name: E, event: ClientEvents[E], notice: Notice): void => {
    const others = store.notices.filter(({ kind }) => kind !== notice.kind);
    store.notices = [...others, notice];
    tell(name, event);
  };
  return { book: alarmsOf(deps), tell, happen, store, delays };
}
