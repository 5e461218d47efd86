import { ApiError, toProblem } from '@sotto/api';
import { nodeProvider } from '@sotto/crypto/node';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { addressedBy } from '../platform/platform-operations.fixture.ts';
import { keys } from '../store/key-space.ts';
import { loadLocalParty } from '../trust/sessions.ts';
import {
  countUnder,
  lineOf,
  lines,
  openPair,
  type Pair,
  type Person,
  texts,
  until,
} from './content.fixture.ts';
import { enqueueControl } from './control-outbox.ts';
import type { MessageReference } from './message-reference.ts';
import { countUnread } from './message-view.ts';
import { readMarks } from './read-by.ts';

let pair: Pair;

beforeEach(async () => {
  pair = await openPair();
});
afterEach(() => pair.close());

const unread = ({ store }: Person) => store.transaction((it) => countUnread(it, pair.conversation));
const targeted = () =>
  pair.platform.rooms[0]!.messages.filter(({ message }) => message.kind === 'targeted');
const statusOf = async (person: Person, text: string) =>
  (await lineOf(person, pair.conversation, text)).status;

test('what was read is told to who wrote it, and counts no longer', async () => {
  const { alice, bob, conversation } = pair;
  const heard: unknown[] = [];
  alice.client.on('read', (event) => heard.push(event));
  expect(await unread(bob)).toBe(1);
  expect(await statusOf(alice, 'hello')).toBe('stored');
  await bob.client.markRead(await lineOf(bob, conversation, 'hello'));
  expect(await unread(bob)).toBe(0);
  await until(async () => expect(await statusOf(alice, 'hello')).toBe('read'));
  const user = (await bob.client.me())!.user;
  expect(heard).toEqual([{ conversation, user, seq: 1 }]);
  await bob.client.markRead(await lineOf(bob, conversation, 'hello')); // Nothing new.
  expect(heard).toHaveLength(1);
});

test('one message a second tells of all that was read meanwhile', async () => {
  const { alice, bob, conversation } = pair;
  for (let number = 0; number < 20; number++) {
    await alice.client.sendText(conversation, `number ${number}`);
  }
  await until(async () => expect(await texts(bob, conversation)).toContain('number 19'));
  for (const line of await lines(bob, conversation)) await bob.client.markRead(line);
  await until(async () => expect(await statusOf(alice, 'number 19')).toBe('read'));
  expect(targeted().length).toBeLessThanOrEqual(2);
});

test('whoever reads without a connection says it once, after a restart, and no more than the last place', async () => {
  const { alice, bob, conversation } = pair;
  for (const text of ['one', 'two', 'three']) await alice.client.sendText(conversation, text);
  await until(async () => expect(await texts(bob, conversation)).toContain('three'));
  pair.platform.failCall = () => 'cut';
  pair.platform.cutAll();
  for (const line of await lines(bob, conversation)) {
    await bob.client.markRead(line);
    await until(async () => {
      const key = keys.untoldRead(conversation);
      expect(await bob.store.transaction((it) => it.get(key))).toBeUndefined();
    });
  }
  await bob.client.close();
  pair.platform.failCall = () => undefined;
  await pair.reopen(bob);
  await until(async () => expect(await statusOf(alice, 'three')).toBe('read'));
  expect(targeted()).toHaveLength(1);
}, 30_000);

test('what was read before a crash is told after it', async () => {
  const { alice, bob, conversation } = pair;
  const mark = bob.client.markRead(await lineOf(bob, conversation, 'hello'));
  await mark;
  await bob.client.close(); // Before it was said: that takes a turn of the event loop at least.
  expect(targeted()).toHaveLength(0);
  await pair.reopen(bob);
  await until(async () => expect(await statusOf(alice, 'hello')).toBe('read'));
});

test('another own device learns what was read here, and does not say it again', async () => {
  const { alice, bob, conversation } = pair;
  const second = await pair.linkBob();
  await alice.client.sendText(conversation, 'for both');
  for (const person of [bob, second]) {
    await until(async () => expect(await texts(person, conversation)).toContain('for both'));
  }
  expect(await unread(second)).toBe(1);
  await bob.client.markRead(await lineOf(bob, conversation, 'for both'));
  await until(async () => expect(await unread(second)).toBe(0));
  const users = new Set(targeted().map(({ from }) => from.device));
  expect(users.size).toBe(1);
  const [{ message }] = targeted() as [ReturnType<typeof targeted>[number]];
  expect(addressedBy(message)).toHaveLength(2); // Alice's device, and bob's other one.
});

test('neither a stranger who asks nor who is blocked learns what was read, and own devices do', async () => {
  const { alice, bob, conversation } = pair;
  const second = await pair.linkBob();
  const { user } = (await alice.client.me())!;
  const said = async (text: string) => {
    await alice.client.sendText(conversation, text);
    for (const person of [bob, second]) {
      await until(async () => expect(await texts(person, conversation)).toContain(text));
    }
    await bob.client.markRead(await lineOf(bob, conversation, text));
    await until(async () => expect(await unread(second)).toBe(0));
  };
  const accepted = keys.accepted(conversation);
  await bob.store.transaction((it) => it.delete(accepted));
  await said('may I?');
  await bob.store.transaction((it) => it.put(accepted, new Uint8Array(0)));
  await bob.client.people.block(user);
  await said('still there?');
  expect(await statusOf(alice, 'still there?')).not.toBe('read');
  expect(await alice.store.transaction((it) => readMarks(it, conversation))).toEqual(new Map());
  await bob.client.people.unblock(user);
  await said('hello again');
  await until(async () => expect(await statusOf(alice, 'hello again')).toBe('read'));
});

test('what was read of a request is told once it is accepted', async () => {
  const { alice, bob, conversation } = pair;
  await bob.store.transaction((it) => it.delete(keys.accepted(conversation)));
  await alice.client.sendText(conversation, 'may I?');
  await until(async () => expect(await texts(bob, conversation)).toContain('may I?'));
  await bob.client.markRead(await lineOf(bob, conversation, 'may I?'));
  await bob.client.people.accept(conversation);
  await until(async () => expect(await statusOf(alice, 'may I?')).toBe('read'));
});

test('what is read before its sender knows its place is read as soon as that is known', async () => {
  const { alice, bob, conversation, platform } = pair;
  const busy = toProblem(new ApiError('message.busy', { retryAfter: 1 }));
  platform.judge = (_, __, { username }) => (username === 'alice' ? busy : undefined);
  const sent = await alice.client.sendText(conversation, 'first');
  await claim(sent.reference);
  await bob.client.sendText(conversation, 'I have read it');
  await until(async () => expect(await texts(alice, conversation)).toContain('I have read it'));
  expect(await statusOf(alice, 'first')).toBe('waiting');
  platform.judge = () => undefined;
  await until(async () => expect(await statusOf(alice, 'first')).toBe('read'));
  expect(await countUnder(alice, `waiting-read/${conversation}/`)).toBe(0);
}, 30_000);

test('marks go neither backwards nor to what was never sent', async () => {
  const { alice, bob, conversation } = pair;
  await alice.client.sendText(conversation, 'second');
  await until(async () => expect(await texts(bob, conversation)).toContain('second'));
  const first = await lineOf(bob, conversation, 'hello');
  await bob.client.markRead(await lineOf(bob, conversation, 'second'));
  await until(async () => expect(await statusOf(alice, 'second')).toBe('read'));
  const { device } = first.reference!;
  const heard: unknown[] = [];
  alice.client.on('read', (event) => heard.push(event));
  await claim(first.reference!);
  await claim({ device, id: crypto.randomUUID() as MessageReference['id'] });
  await bob.client.sendText(conversation, 'done');
  await until(async () => expect(await texts(alice, conversation)).toContain('done'));
  expect(heard).toEqual([]);
  const marks = await alice.store.transaction((it) => readMarks(it, conversation));
  expect([...marks.values()].map(({ seq }) => seq)).toEqual([2]);
});

test('what was kept from others is not read by a word about what was sent before it', async () => {
  const { alice, bob, conversation, platform } = pair;
  platform.show = (slot, { username }) => {
    const isHidden = username === 'alice' && slot.type === 'message' && slot.seq === 2;
    return isHidden ? [{ type: 'none', from: 2, to: 2 }] : [slot];
  };
  const hidden = await bob.client.sendText(conversation, 'hidden from Alice');
  await bob.client.whenStored(hidden.id);
  const shown = await alice.client.sendText(conversation, 'shown');
  await alice.client.whenStored(shown.id);
  keepAt(2);
  const kept = await alice.client.sendText(conversation, 'kept');
  expect(await alice.client.whenStored(kept.id)).toEqual({ conversation, seq: 2 });
  await claim(shown.reference);
  await bob.client.sendText(conversation, 'I have read it');
  await until(async () => expect(await statusOf(alice, 'shown')).toBe('read'));
  expect(await lineOf(alice, conversation, 'kept')).toMatchObject({
    status: 'stored',
    order: 'late',
  });
});

test('one false place beyond all others holds neither messages nor marks up', async () => {
  const { alice, bob, conversation } = pair;
  const ended: unknown[] = [];
  alice.client.on('disconnected', (event) => ended.push(event));
  keepAt(Number.MAX_SAFE_INTEGER);
  const kept = await alice.client.sendText(conversation, 'kept');
  await alice.client.whenStored(kept.id);
  await claim(kept.reference);
  await bob.client.sendText(conversation, 'I have read it');
  await until(async () => expect(await statusOf(alice, 'kept')).toBe('read'));
  expect(ended).toHaveLength(1);
  for (const text of ['second', 'third']) {
    const { id, reference } = await alice.client.sendText(conversation, text);
    await alice.client.whenStored(id);
    expect(await statusOf(alice, text)).not.toBe('read');
    await claim(reference);
    await bob.client.sendText(conversation, `I have read the ${text}`);
    await until(async () => expect(await statusOf(alice, text)).toBe('read'));
  }
  expect(ended).toHaveLength(1);
}, 30_000);

/** The platform keeps what alice sends next from everybody, and says that it is stored there. */
function keepAt(seq: number): void {
  const { platform, conversation } = pair;
  platform.judge = ({ id }, number, { socket }) => {
    const stored = { number, id, conversation, seq, sentAt: '2026-01-01T00:00:00.000Z' };
    socket!.send(JSON.stringify({ type: 'stored', ...stored }));
    platform.judge = () => undefined;
    return 'cut';
  };
}

/** Has bob say that he has read it, whatever he has. It leaves with his next text. */
async function claim(upTo: MessageReference): Promise<void> {
  const { bob, conversation, platform } = pair;
  const local = await loadLocalParty(bob.store, nodeProvider);
  const deps = { provider: nodeProvider, local, clock: Date.now };
  const [to] = platform.devices;
  const control = { type: 'read', upTo, time: 0 } as const;
  const message = { conversation, control, to: [{ user: to!.user, device: to!.device }] };
  await bob.store.transaction((it) => enqueueControl(deps, it, message));
}
