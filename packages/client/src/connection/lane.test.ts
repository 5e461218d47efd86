import {
  ApiError,
  ConversationId,
  DeviceId,
  MessageId,
  type Problem,
  type ProblemCode,
  type Stored,
  UserId,
} from '@sotto/api';
import { makeIdentity, nobleProvider } from '@sotto/crypto';
import { expect, test, vi } from 'vitest';
import { ConnectionError } from '../errors.ts';
import { type ClientEvents, createEvents } from '../events.ts';
import { countUnder, openPair, texts, until } from '../messages/content.fixture.ts';
import { encodeContent } from '../messages/content.ts';
import { ConversationRecord } from '../messages/conversation-record.ts';
import { readHistory, writeCursor } from '../messages/conversations.ts';
import { OutboxEntry } from '../messages/outbox-entry.ts';
import { keys } from '../store/key-space.ts';
import { openMemoryStore } from '../store/store-memory.ts';
import { putRecord } from '../store/stored-record.ts';
import { Lane } from './lane.ts';
import type { SendFrame } from './socket.ts';

const CONVERSATION = ConversationId.parse('018f0000-0000-7000-8000-00000000000c');
const USER = UserId.parse('018f0000-0000-7000-8000-00000000000a');
const DEVICE = DeviceId.parse('018f0000-0000-7000-8000-00000000000d');

test('refusals that overtake each other send the lane back to the lowest that has a reason', async () => {
  const { lane, sent } = await laneWithWaiting(6);
  await vi.waitFor(() => expect(sent()).toEqual([1, 2, 3, 4, 5, 6]), 20_000);
  lane.onRefused(4, problem('message.busy'));
  lane.onRefused(5, problem('message.after-refused'));
  lane.onRefused(6, problem('message.after-refused'));
  lane.onRefused(1, problem('service.unavailable'));
  lane.onRefused(3, problem('message.after-refused'));
  lane.onRefused(2, problem('message.after-refused'));
  await vi.waitFor(() => expect(sent().slice(6)).toEqual([1, 2, 3, 4, 5, 6]), 20_000);
  await lane.stop();
});

test('what was refused only for what came before it does not move the place to go back to', async () => {
  const { lane, sent } = await laneWithWaiting(3);
  await vi.waitFor(() => expect(sent()).toEqual([1, 2, 3]), 20_000);
  lane.onRefused(2, problem('message.busy'));
  lane.onRefused(3, problem('message.after-refused'));
  await lane.onStored(1, {
    id: idOf(1),
    conversation: CONVERSATION,
    seq: 1,
    sentAt: '2026-01-01T00:00:00Z',
  });
  await vi.waitFor(() => expect(sent().slice(3)).toEqual([2, 3]), 20_000);
  await lane.stop();
});

test('what was sent in a life that the store has forgotten stands where the platform says', async () => {
  const { lane, sent, told } = await laneWithWaiting(2);
  await vi.waitFor(() => expect(sent()).toEqual([1, 2]), 20_000);
  lane.onRefused(1, {
    ...problem('message.id-conflict'),
    stored: { conversation: CONVERSATION, seq: 7, sentAt: '2026-01-01T00:00:00Z' },
  });
  lane.onRefused(2, problem('message.after-refused'));
  await vi.waitFor(() => expect(sent().slice(2)).toEqual(['withdraw', 2]), 20_000);
  expect(told).toEqual([{ id: idOf(1), conversation: CONVERSATION, seq: 7 }]);
  await lane.stop();
});

test('an id that was used elsewhere, or in a place that is not told, is refused for good', async () => {
  const { lane, sent, told, failed } = await laneWithWaiting(2);
  await vi.waitFor(() => expect(sent()).toEqual([1, 2]), 20_000);
  lane.onRefused(1, {
    ...problem('message.id-conflict'),
    stored: { conversation: USER, seq: 7, sentAt: '2026-01-01T00:00:00Z' },
  });
  lane.onRefused(2, problem('message.after-refused'));
  await vi.waitFor(() => expect(sent().slice(2)).toEqual(['withdraw', 2]), 20_000);
  lane.onRefused(2, problem('message.id-conflict'));
  await vi.waitFor(() => expect(failed.map(({ id }) => id)).toEqual([idOf(1), idOf(2)]), 20_000);
  expect(told).toEqual([]);
  await lane.stop();
});

test('an id that is said to stand where something else does is refused for good, and the next one leaves', async () => {
  const { lane, sent, failed } = await laneWithWaiting(2);
  await vi.waitFor(() => expect(sent()).toEqual([1, 2]), 20_000);
  await lane.onStored(2, storedAs(2, 7));
  lane.onRefused(1, {
    ...problem('message.id-conflict'),
    stored: { conversation: CONVERSATION, seq: 7, sentAt: '2026-01-01T00:00:00Z' },
  });
  await vi.waitFor(() => expect(failed.map(({ id }) => id)).toEqual([idOf(1)]), 20_000);
  expect(sent().slice(2)).toEqual(['withdraw']);
  await lane.stop();
});

test('an answer under another id, or to what is not under way, settles nothing', async () => {
  const { lane, sent, told } = await laneWithWaiting(2);
  await vi.waitFor(() => expect(sent()).toEqual([1, 2]), 20_000);
  await lane.onStored(1, storedAs(2, 5));
  await lane.onStored(9, storedAs(1, 5));
  expect(told).toEqual([]);
  // Answers may overtake each other.
  await lane.onStored(2, storedAs(2, 6));
  await lane.onStored(1, storedAs(1, 5));
  expect(told.map(({ seq }) => seq)).toEqual([6, 5]);
  await lane.stop();
});

test('one false place shows the next message as late, and keeps none of those behind it', async () => {
  const { lane, sent, told, orders } = await laneWithWaiting(3);
  await vi.waitFor(() => expect(sent()).toEqual([1, 2, 3]), 20_000);
  const end = Number.MAX_SAFE_INTEGER;
  await lane.onStored(1, storedAs(1, end));
  await lane.onStored(2, storedAs(2, 5));
  await lane.onStored(3, storedAs(3, 6));
  expect(told.map(({ seq }) => seq)).toEqual([end, 5, 6]);
  expect(await orders()).toEqual([
    [5, 'late'],
    [6, 'next'],
    [end, 'next'],
  ]);
  await lane.stop();
});

test('what a forgotten life has sent may stand in front of what was sent since', async () => {
  const { lane, sent, told, failed, orders } = await laneWithWaiting(2);
  await vi.waitFor(() => expect(sent()).toEqual([1, 2]), 20_000);
  await lane.onStored(1, storedAs(1, 200));
  lane.onRefused(2, {
    ...problem('message.id-conflict'),
    stored: { conversation: CONVERSATION, seq: 101, sentAt: '2026-01-01T00:00:00Z' },
  });
  await vi.waitFor(() => expect(sent().slice(2)).toEqual(['withdraw']), 20_000);
  expect(told.map(({ seq }) => seq)).toEqual([200, 101]);
  expect(failed).toEqual([]);
  expect(await orders()).toEqual([
    [101, 'next'],
    [200, 'next'],
  ]);
  await lane.stop();
});

test('what the next connection has sent is not put back by the one before, which mends it still', async () => {
  const pair = await openPair();
  const { alice, bob, conversation, platform } = pair;
  await pair.linkBob(); // Alice has no session with that device yet.
  const failed = vi.fn();
  const trouble = vi.fn();
  alice.client.on('failed', failed);
  alice.client.on('trouble', trouble);
  let isAway = true;
  platform.failCall = (operation) =>
    operation === 'getBundle' && isAway ? new ApiError('service.unavailable') : undefined;
  const { id } = await alice.client.sendText(conversation, 'once');
  await until(() => expect(trouble).toHaveBeenCalled());
  platform.judge = () => undefined;
  platform.cutAll();
  await alice.client.whenStored(id);
  const known = await countUnder(alice, keys.sessions());
  isAway = false;
  await until(async () => expect(await countUnder(alice, keys.sessions())).toBe(known + 1));
  await alice.client.close();
  const again = await pair.reopen(alice);
  again.client.on('failed', failed);
  await again.client.whenStored((await again.client.sendText(conversation, 'after')).id);
  expect(failed).not.toHaveBeenCalled();
  for (const person of [again, bob]) {
    const all = ['hello', 'once', 'after'];
    await until(async () => expect(await texts(person, conversation)).toEqual(all));
  }
  await pair.close();
});

test('what the next connection has under way is not opened by the one before, and counts as unanswered', async () => {
  const pair = await openPair();
  const { alice, bob, conversation, platform } = pair;
  await pair.linkBob(); // Alice has no session with that device yet.
  const trouble = vi.fn();
  alice.client.on('trouble', trouble);
  let isAway = true;
  let isCut = false;
  const unavailable = new ApiError('service.unavailable');
  platform.failCall = (operation) => {
    const fails =
      (operation === 'getBundle' && isAway) || (operation === 'openSocketTicket' && isCut);
    return fails ? unavailable : undefined;
  };
  const { id } = await alice.client.sendText(conversation, 'once');
  await until(() => expect(trouble).toHaveBeenCalled());
  // The next connection gets it stored, and ends before it has heard so.
  platform.judge = () => {
    isCut = true;
    return 'cut';
  };
  platform.cutAll();
  await until(() => expect(isCut).toBe(true));
  const known = await countUnder(alice, keys.sessions());
  isAway = false;
  await until(async () => expect(await countUnder(alice, keys.sessions())).toBe(known + 1));
  await alice.client.close();
  platform.judge = () => undefined;
  isCut = false;
  const again = pair.open(alice.store);
  const behind = vi.fn();
  again.client.on('store-behind', behind);
  await again.client.connect();
  await again.client.whenStored(id);
  expect(behind).not.toHaveBeenCalled();
  await again.client.sendText(conversation, 'after');
  const all = ['hello', 'once', 'after'];
  await until(async () => expect(await texts(bob, conversation)).toEqual(all));
  await pair.close();
});

/** A lane over a store with messages that are sealed and wait. `sent` gives the numbers of what has left. */
async function laneWithWaiting(count: number) {
  const store = openMemoryStore();
  await store.transaction(async (transaction) => {
    const conversation = { id: CONVERSATION, kind: 'direct' as const, members: [] };
    await putRecord(transaction, keys.conversation(CONVERSATION), [
      ConversationRecord,
      conversation,
    ]);
    await writeCursor(transaction, CONVERSATION, 0);
    for (let counter = 1; counter <= count; counter++) {
      const key = keys.outboxEntry(CONVERSATION, counter);
      await putRecord(transaction, key, [OutboxEntry, sealedEntry(counter)]);
    }
  });
  const frames: Parameters<SendFrame>[0][] = [];
  const events = createEvents();
  const told: ClientEvents['stored'][] = [];
  const failed: ClientEvents['failed'][] = [];
  events.on('stored', (event) => told.push(event));
  events.on('failed', (event) => failed.push(event));
  const lane = new Lane(
    {
      store,
      provider: nobleProvider,
      call: () => Promise.reject(new ConnectionError('nothing is to be asked for here')),
      events,
      clock: Date.now,
      local: {
        identity: makeIdentity(nobleProvider),
        address: { user: CONVERSATION, device: DEVICE },
        registrationId: 1,
      },
      random: () => 0,
      keyLog: {
        needOwn: () => Promise.resolve(),
        needContact: () => Promise.reject(new ConnectionError('nobody is to be looked up here')),
        identitiesOf: () => Promise.reject(new ConnectionError('nobody is to be looked up here')),
        doubtOwn() {},
      },
      proofs: { need() {} },
      send: (frame) => frames.push(frame),
      room: { left: 256, onFreed() {} },
    },
    CONVERSATION,
  );
  const sent = () => frames.map((frame) => (frame.type === 'send' ? frame.number : frame.type));
  const orders = async () => {
    const items = await readHistory(store, CONVERSATION, {});
    return items.map((item) => [item.seq, item.type === 'message' && item.order]);
  };
  return { lane, sent, told, failed, orders };
}

function sealedEntry(counter: number): OutboxEntry {
  return {
    id: idOf(counter),
    conversation: CONVERSATION,
    counter,
    time: 1,
    content: encodeContent({ type: 'text', text: 'hello' }),
    recipients: [{ user: USER, device: DEVICE, ciphertext: new Uint8Array(3) }],
    sealed: true,
  };
}

function storedAs(counter: number, seq: number): Stored {
  return { id: idOf(counter), conversation: CONVERSATION, seq, sentAt: '2026-01-01T00:00:00Z' };
}

function idOf(counter: number): MessageId {
  return MessageId.parse(`018f0000-0000-7000-8000-00000000000${counter}`);
}

function problem(code: ProblemCode): Problem {
  return { type: 'urn:test', title: code, status: 503, code, retryAfter: 0 };
}
