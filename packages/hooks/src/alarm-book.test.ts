/** The book of alarms on a real client without a platform: what waits is read, what happens is heard. */
import {
  type ClientEvent,
  type ClientEvents,
  createClient,
  type Listener,
  openMemoryStore,
} from '@sotto/client';
import { expect, test, vi } from 'vitest';
import { alarmsOf, type BookDeps } from './alarm-book.ts';
import { BOB } from './line.fixture.ts';

test('a notice is told once and goes when it was seen', () => {
  const { book, tell } = open();
  tell('store-behind', { messages: 3 });
  tell('store-behind', { messages: 4 });
  tell('history-lost', { error: new Error('gone') });
  expect(book.get().notices.map(({ kind }) => kind)).toEqual(['store-behind', 'history-lost']);
  book.dismiss(book.get().notices[0]!);
  expect(book.get().notices.map(({ kind }) => kind)).toEqual(['history-lost']);
});

test('a warning about devices stands until it was seen, and the newest counts', () => {
  const { book, tell } = open();
  tell('device-list-warning', { user: BOB, warning: 'stale' });
  tell('device-list-warning', { user: BOB, warning: 'refused' });
  expect(book.get().listWarnings.get(BOB)).toBe('refused');
  book.dismissWarning(BOB);
  expect(book.get().listWarnings.size).toBe(0);
});

test('what waits is read at each alarm, and is gone after the decision', async () => {
  const { book, tell, waiting } = open();
  waiting.identityChanged = [BOB];
  waiting.general = 'key-log.broken';
  tell('identity-changed', { user: BOB });
  await vi.waitFor(() => expect(book.get().identityChanged).toEqual([BOB]));
  expect(book.get().general).toBe('key-log.broken');
  waiting.identityChanged = [];
  delete waiting.general;
  await book.refresh();
  expect(book.get()).toMatchObject({ identityChanged: [] });
  expect(book.get().general).toBeUndefined();
});

test('each change is another view, and listeners hear of it', () => {
  const { book, tell } = open();
  const heard = vi.fn();
  const end = book.subscribe(heard);
  const before = book.get();
  tell('store-behind', { messages: 1 });
  expect(book.get()).not.toBe(before);
  end();
  tell('history-lost', { error: undefined });
  expect(heard).toHaveBeenCalledOnce();
});

test('an answer that comes late takes back no warning', async () => {
  const { book, waiting, delays } = open();
  await book.refresh();
  const late = Promise.withResolvers<void>();
  delays.push(late.promise);
  const before = book.refresh();
  waiting.identityChanged = [BOB];
  await book.refresh();
  late.resolve();
  await before;
  expect(book.get().identityChanged).toEqual([BOB]);
});

/** A book over a client that tells what the test wants, of alarms that the test sets. */
function open() {
  const client = createClient({ url: 'http://127.0.0.1:1', store: openMemoryStore() });
  const waiting: {
    -readonly [K in keyof Awaited<ReturnType<BookDeps['alarms']>>]: Awaited<
      ReturnType<BookDeps['alarms']>
    >[K];
  } = { identityChanged: [], logBroken: [], notices: [] };
  /** What the next answers wait for. */
  const delays: Promise<void>[] = [];
  const listeners = new Map<ClientEvent, (event: never) => void>();
  const deps: BookDeps = {
    conversations: client.conversations,
    async alarms() {
      const now = { ...waiting };
      await delays.shift();
      return now;
    },
    on<E extends ClientEvent>(name: E, listener: Listener<E>) {
      listeners.set(name, listener);
      return () => listeners.delete(name);
    },
  };
  const tell = <E extends ClientEvent>(name: E, event: ClientEvents[E]): void => {
    const listener = listeners.get(name) as Listener<E> | undefined;
    listener?.(event);
  };
  return { book: alarmsOf(deps), tell, waiting, delays };
}
