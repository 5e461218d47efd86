import { type ConversationId, ServerFrame } from '@sotto/api';
import { nodeProvider } from '@sotto/crypto/node';
import { afterEach, beforeEach, expect, test } from 'vitest';
import * as z from 'zod/mini';
import { TYPING_PER_MESSAGE_MAX } from '../limits.ts';
import { addressedBy, type Device } from '../platform/platform-operations.fixture.ts';
import { loadLocalParty } from '../trust/sessions.ts';
import { openPair, type Pair, type Person, texts, until } from './content.fixture.ts';
import { sealTyping } from './typing.ts';

let pair: Pair;
let heard: string[];

beforeEach(async () => {
  pair = await openPair();
  heard = [];
  pair.bob.client.on('typing', ({ user }) => heard.push(user));
});
afterEach(() => pair.close());

const device = (username: string) =>
  pair.platform.devices.find((known) => known.username === username)!;

test('that somebody writes is told at once, and the platform sees nothing of it', async () => {
  const { alice, conversation, platform } = pair;
  await Promise.all([1, 2, 3].map(() => alice.client.typing(conversation)));
  await until(() => expect(heard).toEqual([device('alice').user]));
  expect(platform.signals).toHaveLength(1); // Not at each keystroke.
  expect(Buffer.from(platform.signals[0]!.ciphertext).toString('latin1')).not.toContain('typing');
  expect(platform.rooms[0]!.messages).toHaveLength(1); // Nothing is stored.
});

test('what is repeated, comes too late, or is forged is not heard, and messages go on', async () => {
  const { alice, bob, conversation, platform, clock } = pair;
  await alice.client.typing(conversation);
  await until(() => expect(heard).toHaveLength(1));
  const { ciphertext } = platform.signals[0]!;
  tell(device('alice'), ciphertext); // Again,
  tell(
    device('alice'),
    ciphertext.map((byte) => byte ^ 1),
  ); // damaged,
  tell(device('bob'), ciphertext); // from himself,
  const held = await seal(alice, conversation);
  clock.offset += 11_000;
  tell(device('alice'), held); // and after it was held back.
  await bob.client.sendText(conversation, 'from bob');
  await alice.client.sendText(conversation, 'from alice');
  await until(async () => expect(await texts(bob, conversation)).toContain('from alice'));
  await until(async () => expect(await texts(alice, conversation)).toContain('from bob'));
  expect(heard).toHaveLength(1);
});

test('a message that the platform passes off as typing is read all the same when it comes', async () => {
  const { alice, bob, conversation, platform } = pair;
  let isShown = false;
  const unreadable: string[] = [];
  bob.client.on('unreadable', ({ cause }) => unreadable.push(cause));
  platform.show = (slot, to) => {
    const isHeld = slot.type === 'message' && slot.seq === 2 && to.username === 'bob' && !isShown;
    return isHeld ? [] : [slot];
  };
  const { id } = await alice.client.sendText(conversation, 'held back');
  await alice.client.whenStored(id);
  const { message } = platform.rooms[0]!.messages[1]!;
  tell(device('alice'), addressedBy(message)[0]!.ciphertext);
  await until(() => expect(platform.signals).toEqual([]));
  tell(device('alice'), await seal(alice, conversation)); // Heard after it: frames are taken in turn.
  await until(() => expect(heard).toHaveLength(1));
  isShown = true;
  await alice.client.sendText(conversation, 'the next');
  await until(async () =>
    expect(await texts(bob, conversation)).toEqual(['hello', 'held back', 'the next']),
  );
  expect(unreadable).toEqual([]); // Nor had it to be sent again.
});

test('who types for hours without a word does not make the next one unreadable', async () => {
  const { alice, bob, conversation } = pair;
  const sealed: (Uint8Array | undefined)[] = [];
  for (let count = 0; count < TYPING_PER_MESSAGE_MAX + 5; count++) {
    sealed.push(await seal(alice, conversation).catch(() => undefined));
  }
  expect(sealed.filter((frame) => frame !== undefined)).toHaveLength(TYPING_PER_MESSAGE_MAX);
  await alice.client.sendText(conversation, 'at last');
  await until(async () => expect(await texts(bob, conversation)).toContain('at last'));
  await expect(seal(alice, conversation)).resolves.toBeInstanceOf(Uint8Array);
});

test('nothing is told to whom one does not trust, nor without a connection', async () => {
  const { alice, conversation, platform } = pair;
  platform.failCall = () => 'cut';
  platform.cutAll();
  const gone = new Promise((resolve) => alice.client.on('disconnected', resolve));
  await gone;
  await alice.client.typing(conversation);
  await alice.client.typing(crypto.randomUUID() as ConversationId);
  expect(platform.signals).toEqual([]);
});

test('a group hears it too, by the chain that its messages come by, and reads on', async () => {
  const { alice, bob, platform } = pair;
  const members = [device('bob').user];
  const { id } = await alice.client.groups.create({ members });
  await alice.client.typing(id); // Nobody has a chain of hers yet.
  expect(platform.signals).toEqual([]);
  await alice.client.sendText(id, 'hello all');
  await until(async () => expect(await texts(bob, id)).toContain('hello all'));
  await bob.client.sendText(id, 'hello you');
  await until(async () => expect(await texts(alice, id)).toContain('hello you'));
  const told = new Promise((resolve) => alice.client.on('typing', resolve));
  await bob.client.typing(id);
  await until(() => expect(platform.signals).toHaveLength(1));
  expect(await told).toEqual({ conversation: id, user: device('bob').user });
  await bob.client.sendText(id, 'and on');
  await until(async () => expect(await texts(alice, id)).toContain('and on'));
});

/** What alice's device would send, without sending it. */
async function seal({ store }: Person, conversation: ConversationId): Promise<Uint8Array> {
  const local = await loadLocalParty(store, nodeProvider);
  const clock = () => Date.now() + pair.clock.offset;
  const events = { on: () => () => {}, emit: () => {} };
  const deps = { store, provider: nodeProvider, local, clock, events };
  const frame = await sealTyping(deps, conversation);
  return frame?.recipients?.[0]?.ciphertext ?? expect.fail('nothing was to be said');
}

/** Has the platform pass a ciphertext on to bob. */
function tell(from: Device, ciphertext: Uint8Array): void {
  const sender = { user: from.user, device: from.device };
  const frame = { type: 'ephemeral', conversation: pair.conversation, sender, ciphertext } as const;
  device('bob').socket?.send(JSON.stringify(z.encode(ServerFrame, frame)));
}
