/**
 * A platform that lies about what people have said: it moves messages, hides, repeats and reorders them, and forges
 * senders and receipts. Each time the SDK refuses or warns, and nothing false is shown (docs/lying-platform.md).
 */
import { ApiError, getKeyLogAccount, listMessages, type MessageSlot } from '@sotto/api';
import { expect, test } from 'vitest';
import {
  foundGroup,
  nothingAt,
  openStage,
  ordersIn,
  otherId,
  say,
  showSlots,
  textsIn,
  watchLines,
} from './lies.ts';
import { until } from './scene.ts';

const stage = openStage();

test.concurrent('a message that is moved into another conversation is not read there', async () => {
  const { scene, alice, bob, conversation } = await stage.acquainted();
  const group = await foundGroup(alice, [bob]);
  let moved: MessageSlot | undefined;
  showSlots(scene, (slot, where) => {
    if (slot.type !== 'message' || slot.sender.user !== bob.user) return [slot];
    if (where === group) return [{ ...moved!, seq: slot.seq }];
    moved ??= slot;
    return [nothingAt(slot)];
  });
  await say(bob, conversation, 'for us two');
  await until(async () => moved !== undefined);
  await say(bob, group, 'for all');
  await scene.untilHeard('unreadable');
  expect(await textsIn(alice, group)).toEqual([]);
  expect(await textsIn(alice, conversation)).toEqual(['hello']);
});

test.concurrent.each([
  ['as it is', (slot: MessageSlot) => slot],
  ['as a word between devices', (slot: MessageSlot) => ({ ...slot, kind: 'targeted' as const })],
  [
    'as bytes of no meaning',
    (slot: MessageSlot) => ({ ...slot, kind: 'targeted' as const, ciphertext: Uint8Array.of(7) }),
  ],
])('a message shown %s in another conversation first is read in its own', async (_, change) => {
  const { scene, alice, bob, conversation } = await stage.acquainted();
  const group = await foundGroup(alice, [bob]);
  let own: MessageSlot | undefined;
  let moved: number | undefined;
  showSlots(scene, (slot, where) => {
    if (slot.type !== 'message' || slot.sender.user !== bob.user) return [slot];
    if (where === conversation) own ??= slot;
    if (slot.id === own?.id && moved === undefined) return [nothingAt(slot)];
    if (where !== group || slot.kind !== 'group') return [slot];
    moved ??= slot.seq;
    return slot.seq === moved ? [{ ...change(own!), seq: slot.seq }] : [slot];
  });
  await say(bob, conversation, 'for us two');
  await until(async () => own !== undefined);
  for (const text of ['for all', 'once more']) await say(bob, group, text);
  await until(async () => (await textsIn(alice, group)).includes('once more'));
  scene.proxy.tell({ type: 'slots', conversation, slots: [own!] });
  await until(async () => (await textsIn(alice, conversation)).includes('for us two'));
  expect(await textsIn(alice, conversation)).toEqual(['hello', 'for us two']);
  expect(await textsIn(alice, group)).toEqual(['once more']);
  // Now that it was read, it is nobody's word anywhere else.
  scene.heard.length = 0;
  const seq = await say(bob, group, 'and then');
  await until(async () => (await textsIn(alice, group)).includes('and then'));
  scene.proxy.tell({ type: 'slots', conversation: group, slots: [{ ...own!, seq: seq + 1 }] });
  await say(bob, group, 'the end');
  await until(async () => (await textsIn(alice, group)).includes('the end'));
  expect(scene.heard.filter(([name]) => name === 'unreadable')).toEqual([]);
});

test.concurrent('a stranger whose entry in the key log is withheld is shown, told of, and gets nothing', async () => {
  const { scene, alice } = await stage.acquainted();
  const carol = await scene.enter('carol', stage.url());
  scene.proxy.rewrite(getKeyLogAccount, (answer, { user_id }) => {
    if (user_id === carol.user) throw new ApiError('key.log-unknown');
    return answer;
  });
  scene.proxy.sends.length = 0;
  const { id } = await carol.client.openDirect(alice.user);
  await say(carol, id, 'you do not know me');
  await scene.untilTrouble('key.log-unknown');
  expect(await textsIn(alice, id)).toEqual(['you do not know me']);
  await alice.client.sendText(id, 'who are you?');
  await until(async () => scene.troubles().filter((code) => code === 'key.log-unknown').length > 1);
  expect(scene.proxy.sends).toEqual([]);
});

test.concurrent('what one member has said is not read as the word of another', async () => {
  const { scene, alice, bob } = await stage.acquainted();
  const carol = await scene.enter('carol', stage.url());
  const group = await foundGroup(alice, [bob, carol]);
  showSlots(scene, (slot) =>
    slot.type === 'message' && slot.kind === 'group'
      ? [{ ...slot, sender: { user: carol.user, device: carol.device } }]
      : [slot],
  );
  await say(bob, group, 'I am Bob');
  await scene.untilHeard('unreadable');
  expect(await textsIn(alice, group)).toEqual([]);
});

test.concurrent('two messages that are turned around are shown with a warning', async () => {
  const { scene, alice, bob, conversation } = await stage.acquainted();
  scene.proxy.reframe = (frame) => (frame.type === 'slots' ? [] : [frame]);
  await say(bob, conversation, 'yes');
  await say(bob, conversation, 'no');
  scene.proxy.reframe = (frame) => {
    if (frame.type !== 'slots') return [frame];
    const messages = frame.slots.filter((slot) => slot.type === 'message');
    const turned = messages.toReversed();
    const slots = messages.map(({ seq }, index) => ({ ...turned[index]!, seq }));
    return [{ ...frame, slots }];
  };
  await scene.restart(alice);
  await until(async () => (await textsIn(alice, conversation)).length === 3);
  expect(await ordersIn(alice, conversation)).toEqual([
    ['hello', 'next'],
    ['no', 'gap'],
    ['yes', 'late'],
  ]);
});

test.concurrent('what was held back and comes above other lines is shown as late', async () => {
  const { scene, alice, bob } = await stage.acquainted();
  const carol = await scene.enter('carol', stage.url());
  const group = await foundGroup(alice, [bob, carol]);
  let held: MessageSlot | undefined;
  showSlots(scene, (slot) => {
    const isIt = slot.type === 'message' && slot.kind === 'group' && slot.sender.user === bob.user;
    if (!isIt) return [slot];
    held = slot;
    return [nothingAt(slot)];
  });
  await say(bob, group, 'do not pay');
  await until(async () => held !== undefined);
  await say(carol, group, 'shall I pay?');
  await until(async () => (await textsIn(alice, group)).length === 1);
  scene.proxy.tell({ type: 'slots', conversation: group, slots: [held!] });
  await until(async () => (await textsIn(alice, group)).length === 2);
  expect(await ordersIn(alice, group)).toEqual([
    ['do not pay', 'late'],
    ['shall I pay?', 'next'],
  ]);
});

test.concurrent('nothing behind a hole is shown until the hole is filled', async () => {
  const { scene, alice, bob, conversation } = await stage.acquainted();
  let hidden: number | undefined;
  showSlots(scene, (slot) => {
    if (slot.type !== 'message' || slot.kind !== 'direct') return [slot];
    hidden ??= slot.seq;
    return slot.seq === hidden ? [] : [slot];
  });
  await say(bob, conversation, 'one');
  await until(async () => hidden !== undefined);
  await say(bob, conversation, 'two');
  await scene.untilTrouble('answer.invalid');
  expect(await textsIn(alice, conversation)).toEqual(['hello']);
  showSlots(scene, (slot) => [slot]);
  await until(async () => (await textsIn(alice, conversation)).length === 3);
  expect(await ordersIn(alice, conversation)).toEqual([
    ['hello', 'next'],
    ['one', 'next'],
    ['two', 'next'],
  ]);
});

test.concurrent('a history that is said to begin later is missed by the next message', async () => {
  const { scene, alice, bob, conversation } = await stage.acquainted();
  scene.proxy.reframe = (frame) => (frame.type === 'slots' ? [] : [frame]);
  await say(bob, conversation, 'gone');
  const place = await say(bob, conversation, 'shown');
  scene.proxy.reframe = (frame) => [frame];
  showSlots(scene, (slot) => (slot.type !== 'none' && slot.seq < place ? [] : [slot]));
  scene.proxy.rewrite(listMessages, (page) => ({
    ...page,
    first: place,
    slots: page.slots.filter((slot) => slot.type !== 'none' && slot.seq >= place),
  }));
  await scene.restart(alice);
  await until(async () => (await textsIn(alice, conversation)).includes('shown'));
  expect(await ordersIn(alice, conversation)).toEqual([
    ['hello', 'next'],
    ['shown', 'gap'],
  ]);
});

test.concurrent('a message that is repeated in other places is shown once', async () => {
  const { scene, alice, bob, conversation } = await stage.acquainted();
  let last: MessageSlot | undefined;
  showSlots(scene, (slot) => {
    if (slot.type === 'message') last = slot;
    return [slot];
  });
  await say(bob, conversation, 'once');
  await until(async () => (await textsIn(alice, conversation)).length === 2);
  const again = { ...last!, seq: last!.seq + 1 };
  const renamed = { ...last!, seq: last!.seq + 2, id: otherId(last!.id) };
  scene.proxy.tell({ type: 'slots', conversation, slots: [again, renamed] });
  await scene.untilHeard('unreadable');
  expect(await textsIn(alice, conversation)).toEqual(['hello', 'once']);
});

test.concurrent('nothing but the word of who has read it shows a message as read', async () => {
  const { scene, alice, bob, conversation } = await stage.acquainted();
  const lines = watchLines(alice, conversation);
  let receipt: MessageSlot | undefined;
  showSlots(scene, (slot) => {
    if (slot.type === 'message' && slot.kind === 'targeted') receipt = slot;
    return [slot];
  });
  await bob.client.people.accept(conversation);
  const [first] = await bob.client.history(conversation);
  if (first?.type !== 'message') return expect.unreachable();
  await bob.client.markRead(first);
  await until(async () => lines().at(-1)?.status === 'read');
  const place = await say(alice, conversation, 'not read by anybody');
  const seq = Math.max(place, receipt!.seq) + 1;
  const repeated = { ...receipt!, seq, id: otherId(receipt!.id) };
  scene.proxy.tell({ type: 'slots', conversation, slots: [nothingAt({ seq: place }), repeated] });
  const members = [{ user: bob.user, seq: 1_000_000 }];
  scene.proxy.tell({ type: 'delivered', conversation, members });
  // How far a message was delivered is the platform's own word.
  await until(async () => lines().at(-1)?.status === 'delivered');
  expect(lines().map(({ status }) => status)).toEqual(['read', 'delivered']);
});

test.concurrent('two messages of ours that are turned around are shown with a warning', async () => {
  const { scene, alice, conversation } = await stage.acquainted();
  const lines = watchLines(alice, conversation);
  const places: number[] = [];
  scene.proxy.intercept = ({ number, message: { id } }) => {
    const seq = places.push(number) === 1 ? 11 : 10;
    return { type: 'stored', number, id, conversation, seq, sentAt: new Date().toISOString() };
  };
  await alice.client.sendText(conversation, 'first');
  await until(async () => lines().at(-1)?.status === 'stored');
  await alice.client.sendText(conversation, 'second');
  await until(async () => (await textsIn(alice, conversation)).length === 3);
  expect(await ordersIn(alice, conversation)).toEqual([
    ['hello', 'next'],
    ['second', 'late'],
    ['first', 'next'],
  ]);
});
