import type { ConversationId, DeviceId, MessageId } from '@sotto/api';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { LINES_PAGE, LINES_SHOWN_MAX, STATE_PAUSE_MS } from '../limits.ts';
import { ConversationRecord } from '../messages/conversation-record.ts';
import { keepItem, writeCursor } from '../messages/conversations.ts';
import { NOW } from '../platform/platform-operations.fixture.ts';
import { keys } from '../store/key-space.ts';
import { putRecord } from '../store/stored-record.ts';
import {
  collectGarbage,
  openScene,
  type Scene,
  say,
  statuses,
  texts,
  until,
  userOf,
  watch,
} from './state.fixture.ts';

let scene: Scene;

beforeEach(async () => {
  scene = await openScene();
});
afterEach(() => scene.close());

describe('connection', () => {
  test('says how it is: before, during and after', async () => {
    const { platform, open } = scene;
    const client = open();
    const { connection } = client.state;
    const seen: string[] = [];
    connection.subscribe(() => seen.push(connection.get().status));
    expect(connection.get()).toEqual({ status: 'offline' });
    await client.register({ username: 'carol', password: 'Secret!23' });
    await client.connect();
    platform.cutAll();
    const twice = ['connecting', 'connected', 'connecting', 'connected'];
    await until(() => expect(seen).toEqual(twice));
    await client.logout();
    await until(() => expect(connection.get()).toEqual({ status: 'offline' }));
  });

  test('tells when the next attempt begins, and why there was none', async () => {
    const { alice, platform } = scene;
    platform.failCall = (operation) => (operation === 'openSocketTicket' ? 'cut' : undefined);
    platform.cutAll();
    await until(() =>
      expect(alice.state.connection.get()).toEqual({
        status: 'connecting',
        retryAt: expect.any(Number),
        error: expect.any(Error),
      }),
    );
  });
});

describe('messages', () => {
  test('of a conversation come as they are written, with the newest last', async () => {
    const { alice, bob, conversation } = scene;
    const { value, end } = watch(alice.state.messages(conversation));
    expect(value()).toBeUndefined();
    await until(() => expect(value()).toEqual([]));
    await bob.sendText(conversation, 'hello');
    await until(() => expect(texts(value())).toEqual(['hello']));
    await alice.sendText(conversation, 'hello yourself');
    await until(() => expect(texts(value())).toEqual(['hello', 'hello yourself']));
    await until(() => expect(statuses(value())).toEqual(['received', 'stored']));
    end();
  });

  test('stay the same objects until something of them has changed', async () => {
    const { alice, bob, conversation, reads, settled, enter } = scene;
    const { value, count, end } = watch(alice.state.messages(conversation));
    await bob.sendText(conversation, 'one');
    await until(() => expect(texts(value())).toEqual(['one']));
    const [one] = value() ?? [];
    await bob.sendText(conversation, 'two');
    await until(() => expect(texts(value())).toEqual(['one', 'two']));
    expect(value()?.[0]).toBe(one);
    const [list, told] = [value(), count()];
    reads.clear();
    const carol = await enter('carol');
    const elsewhere = await carol.openDirect(await userOf(alice));
    await carol.sendText(elsewhere.id, 'something else');
    const other = watch(alice.state.messages(elsewhere.id));
    await until(() => expect(texts(other.value())).toEqual(['something else']));
    await settled();
    expect(value()).toBe(list);
    expect(count()).toBe(told);
    expect(reads.get(keys.delivered(conversation))).toBeUndefined();
    expect(reads.get(keys.delivered(elsewhere.id))).toBeGreaterThan(0);
    end();
  });

  test('begin with the newest, and older ones come when they are asked for', async () => {
    const { alice, bob, conversation } = scene;
    const all = await say(bob, conversation, 2 * LINES_PAGE + 10);
    await until(async () => expect(await scene.countHistory()).toBe(all.length));
    const messages = alice.state.messages(conversation);
    expect(await messages.older()).toBe(false);
    const { value, end } = watch(messages);
    await until(() => expect(texts(value())).toEqual(all.slice(-LINES_PAGE)));
    const [before] = value() ?? [];
    expect(await messages.older()).toBe(true);
    expect(texts(value())).toEqual(all.slice(-2 * LINES_PAGE));
    expect(value()?.[LINES_PAGE]).toBe(before);
    expect(await messages.older()).toBe(true);
    expect(texts(value())).toEqual(all);
    expect(await messages.older()).toBe(false);
    end();
  });

  test('that somebody went back to stay while new ones come', async () => {
    const { alice, bob, conversation } = scene;
    const all = await say(bob, conversation, 2 * LINES_PAGE + 10);
    await until(async () => expect(await scene.countHistory()).toBe(all.length));
    const messages = alice.state.messages(conversation);
    const { value, end } = watch(messages);
    await until(() => expect(value()).toHaveLength(LINES_PAGE));
    await bob.sendText(conversation, 'new');
    await until(() => expect(texts(value())).toEqual([...all.slice(1 - LINES_PAGE), 'new']));
    await messages.older();
    const first = value()?.[0];
    for (const text of ['newer', 'newest']) await bob.sendText(conversation, text);
    await until(() => expect(texts(value()).at(-1)).toBe('newest'));
    expect(value()?.[0]).toBe(first);
    expect(value()).toHaveLength(2 * LINES_PAGE + 2);
    end();
  });
});

test('as many lines are shown as one list may have, and then the newest of them', async () => {
  const { alice, bob, conversation, store } = scene;
  const user = await userOf(bob);
  const sender = { user, device: crypto.randomUUID() as DeviceId };
  await store.transaction(async (transaction) => {
    for (let seq = 1; seq <= LINES_SHOWN_MAX + 1; seq += 1) {
      const id = crypto.randomUUID() as MessageId;
      const content = { type: 'text', text: `${seq}` } as const;
      const placed = { conversation, seq, id, sender, sentAt: NOW, time: seq };
      const item = { type: 'message', ...placed, content, own: false, order: 'next' } as const;
      await keepItem(transaction, item);
    }
    await writeCursor(transaction, conversation, LINES_SHOWN_MAX + 1);
  });
  const messages = alice.state.messages(conversation);
  const { value } = watch(messages);
  await until(() => expect(value()).toHaveLength(LINES_PAGE));
  while (await messages.older());
  expect(value()).toHaveLength(LINES_SHOWN_MAX);
  await alice.sendText(conversation, 'mine');
  await until(() => expect(texts(value()).at(-1)).toBe('mine'));
  expect(value()).toHaveLength(LINES_SHOWN_MAX);
});

describe('conversations', () => {
  test('come as they begin, the one where something was said last first, and with what is unread', async () => {
    const { alice, bob, conversation, enter } = scene;
    const { value, end } = watch(alice.state.conversations);
    await until(() => expect(value()).toEqual([]));
    await bob.sendText(conversation, 'one');
    await bob.sendText(conversation, 'two');
    await until(() =>
      expect(value()).toMatchObject([
        { id: conversation, kind: 'direct', unread: 2, newest: { body: { text: 'two' } } },
      ]),
    );
    const other = await alice.openDirect(await userOf(await enter('carol')));
    await until(() => expect(value()?.map(({ id }) => id)).toEqual([conversation, other.id]));
    end();
  });

  test('are undefined while nobody is logged in, and come once somebody is', async () => {
    const { settled, open } = scene;
    const client = open();
    const trouble = vi.fn();
    client.on('trouble', trouble);
    const { value } = watch(client.state.conversations);
    await settled();
    expect([value(), trouble.mock.calls]).toEqual([undefined, []]);
    await client.register({ username: 'carol', password: 'Secret!23' });
    await client.connect();
    await until(() => expect(value()).toEqual([]));
  });

  test('that came without a connection, as a past does by a link, are there with the next one', async () => {
    const { alice, store } = scene;
    const { value } = watch(alice.state.conversations);
    await until(() => expect(value()).toBeDefined());
    await alice.logout();
    const id = crypto.randomUUID() as ConversationId;
    const members = [await userOf(alice)];
    await store.transaction((transaction) =>
      putRecord(transaction, keys.conversation(id), [
        ConversationRecord,
        { id, kind: 'direct', members },
      ]),
    );
    await alice.login({ username: 'alice', password: 'Secret!23' });
    await alice.connect();
    await until(() => expect(value()?.map((each) => each.id)).toContain(id));
  });

  test('are not read when another one changes', async () => {
    const { alice, bob, conversation, reads, settled, enter } = scene;
    const { id: other } = await alice.openDirect(await userOf(await enter('carol')));
    await bob.sendText(conversation, 'one');
    const { value, end } = watch(alice.state.conversations);
    await until(() => expect(value()).toHaveLength(2));
    await settled();
    const line = value()?.find(({ id }) => id === other);
    reads.clear();
    await bob.sendText(conversation, 'two');
    await until(() => expect(value()?.[0]?.newest?.body).toMatchObject({ text: 'two' }));
    expect(reads.get(keys.timer(other))).toBeUndefined();
    expect(value()?.find(({ id }) => id === other)).toBe(line);
    end();
  });

  test('a thousand messages cause few readings and few renderings', async () => {
    const { alice, bob, conversation, reads } = scene;
    const list = watch(alice.state.conversations);
    const lines = watch(alice.state.messages(conversation));
    await until(() => expect(lines.value()).toEqual([]));
    reads.clear();
    const before = performance.now();
    const all = await say(bob, conversation, 1000);
    await until(() => expect(texts(lines.value()).at(-1)).toBe(all.at(-1)), 50_000);
    await until(() => expect(list.value()?.[0]?.unread).toBe(1000));
    const most = Math.ceil((performance.now() - before) / STATE_PAUSE_MS) + 2;
    for (const { count } of [list, lines]) expect(count()).toBeLessThanOrEqual(most);
    expect(reads.get(keys.timer(conversation))).toBeLessThanOrEqual(most);
    lines.end();
    list.end();
  }, 60_000);
});

test('what is asked for by an id is the same object while somebody subscribes, whoever holds it', async () => {
  const { alice, bob, conversation, settled } = scene;
  const user = await userOf(bob);
  const all = () => {
    const { state } = alice;
    return [state.messages(conversation), state.presence(user), state.profile(user)];
  };
  const held = all().map((observable) => new WeakRef(observable));
  const ends = all().map((observable) => observable.subscribe(() => {}));
  const endAll = () => {
    for (const end of ends.splice(0)) end();
  };
  await collectGarbage();
  expect(all().every((observable, index) => observable === held[index]?.deref())).toBe(true);
  await settled();
  endAll();
  await collectGarbage();
  expect(held.map((observable) => observable.deref())).toEqual([undefined, undefined, undefined]);
});

test('when nobody looks any more nothing is read, and nothing kept', async () => {
  const { alice, bob, conversation, reads, settled } = scene;
  const views = [alice.state.messages(conversation), alice.state.conversations];
  const ends = views.map((view) => watch<unknown>(view).end);
  await until(() => expect(views.map((view) => view.get())).toEqual([[], []]));
  for (const end of ends) end();
  await settled();
  reads.clear();
  await bob.sendText(conversation, 'unseen');
  await until(async () => expect(await scene.countHistory()).toBe(1));
  await settled();
  expect(views.map((view) => view.get())).toEqual([undefined, undefined]);
  expect(reads.get(keys.timer(conversation))).toBeUndefined();
});

test('after close nothing changes, nothing is read and nobody is told', async () => {
  const { alice, bob, conversation, reads } = scene;
  const lines = watch(alice.state.messages(conversation));
  const list = watch(alice.state.conversations);
  await bob.sendText(conversation, 'one');
  await until(() => expect(texts(lines.value())).toEqual(['one']));
  await bob.sendText(conversation, 'two');
  await alice.close();
  const counts = [lines.count(), list.count()];
  reads.clear();
  watch(alice.state.conversations);
  // There is nothing to wait for: only time can tell that nothing comes.
  await new Promise((resolve) => setTimeout(resolve, 3 * STATE_PAUSE_MS));
  expect([lines.count(), list.count()]).toEqual(counts);
  expect(reads.size).toBe(0);
  expect(alice.state.connection.get()).toEqual({ status: 'offline' });
  await expect(alice.state.messages(conversation).older()).rejects.toMatchObject({
    code: 'client.closed',
  });
});

test('a loop over events ends with the client', async () => {
  const { alice, bob, conversation } = scene;
  const received: string[] = [];
  const loop = (async () => {
    for await (const { content } of alice.each('message')) {
      if (content.type === 'text') received.push(content.text);
    }
  })();
  await bob.sendText(conversation, 'one');
  await until(() => expect(received).toEqual(['one']));
  await alice.close();
  await loop;
});
