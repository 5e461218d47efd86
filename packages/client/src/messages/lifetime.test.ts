import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  allRecords,
  countUnder,
  forge,
  lineOf,
  lines,
  messages,
  openPair,
  type Pair,
  type Person,
  texts,
  until,
} from './content.fixture.ts';
import { readTimer } from './lifetime.ts';

let pair: Pair;

beforeEach(async () => {
  pair = await openPair();
});
afterEach(() => pair.close());

const timerOf = ({ store }: Person) => store.transaction((it) => readTimer(it, pair.conversation));
const shown = (person: Person) => texts(person, pair.conversation);

test('our own goes away so long after it was stored, that of others so long after it was read', async () => {
  const { alice, bob, conversation, clock } = pair;
  await alice.client.sendText(conversation, 'a secret', { expiresIn: 60 });
  await until(async () => expect(await shown(bob)).toContain('a secret'));
  await until(async () =>
    expect((await lineOf(alice, conversation, 'a secret')).expiresAt).toBeDefined(),
  );
  expect((await lineOf(bob, conversation, 'a secret')).expiresAt).toBeUndefined();
  clock.offset += 61_000;
  await pass();
  await until(async () => expect(await shown(alice)).not.toContain('a secret'));
  expect(await shown(bob)).toContain('a secret'); // He has not seen it.
  const line = await lineOf(bob, conversation, 'a secret');
  await bob.client.react(line, '🤫');
  await bob.client.markRead(line);
  expect((await lineOf(bob, conversation, 'a secret')).expiresAt).toBeDefined();
  await until(async () => expect(await bob.client.unsent(conversation)).toEqual([]));
  clock.offset += 61_000;
  await pass();
  await until(async () => expect(await shown(bob)).not.toContain('a secret'));
  for (const person of [alice, bob]) {
    expect(JSON.stringify(await messages(person, conversation))).not.toMatch(/secret|🤫/);
    expect(await countUnder(person, `annotation/${conversation}/`)).toBe(0);
    expect(await countUnder(person, 'ending/')).toBe(0);
    expect(await allRecords(person)).not.toMatch(/a secret|🤫/);
  }
});

test('a message whose time came while nothing ran goes away without a connection, too', async () => {
  const { alice, bob, conversation, clock, platform } = pair;
  await alice.client.sendText(conversation, 'a secret', { expiresIn: 60 });
  await until(async () => expect(await shown(bob)).toContain('a secret'));
  await bob.client.markRead(await lineOf(bob, conversation, 'a secret'));
  await until(async () => expect(await bob.client.unsent(conversation)).toEqual([]));
  await bob.client.close();
  clock.offset += 61_000;
  platform.failCall = () => 'cut';
  const { client } = pair.open(bob.store);
  const connecting = client.connect();
  connecting.catch(() => {});
  await until(async () => expect(await shown(bob)).not.toContain('a secret'));
  await client.close();
});

test('a message whose time came while nothing ran is not shown by a client that never connects, and goes away', async () => {
  const { alice, bob, conversation, clock } = pair;
  await alice.client.sendText(conversation, 'a secret', { expiresIn: 60 });
  await until(async () => expect(await shown(bob)).toContain('a secret'));
  await bob.client.markRead(await lineOf(bob, conversation, 'a secret'));
  await until(async () => expect(await bob.client.unsent(conversation)).toEqual([]));
  await bob.client.close();
  clock.offset += 61_000;
  const { client } = pair.open(bob.store);
  expect(JSON.stringify(await client.history(conversation))).not.toMatch(/secret/);
  expect(JSON.stringify(await client.lines(conversation))).not.toMatch(/secret/);
  await until(async () => expect(await shown(bob)).not.toContain('a secret'));
  await client.close();
});

test('a message that went away is not shown again when the platform repeats it', async () => {
  const { alice, bob, conversation, clock } = pair;
  await alice.client.sendText(conversation, 'a secret', { expiresIn: 1 });
  await until(async () => expect(await shown(bob)).toContain('a secret'));
  await bob.client.markRead(await lineOf(bob, conversation, 'a secret'));
  clock.offset += 2_000;
  await pass();
  await until(async () => expect(await shown(bob)).not.toContain('a secret'));
  for (const device of pair.platform.devices) device.cursors.clear();
  pair.platform.cutAll();
  await alice.client.sendText(conversation, 'later');
  await until(async () => expect(await shown(bob)).toContain('later'));
  expect(await shown(bob)).toEqual(['hello', 'later']);
  await until(async () => expect(await shown(alice)).toEqual(['hello', 'later']));
});

test('what had to go while nothing ran is gone soon after the next connection', async () => {
  const { alice, bob, conversation, clock } = pair;
  await alice.client.sendText(conversation, 'a secret', { expiresIn: 60 });
  await until(async () => expect(await shown(bob)).toContain('a secret'));
  await bob.client.markRead(await lineOf(bob, conversation, 'a secret'));
  await bob.client.close();
  clock.offset += 61_000;
  expect(await shown(bob)).toContain('a secret');
  const again = await pair.reopen(bob);
  await until(async () => expect(await shown(again)).not.toContain('a secret'));
});

test('the timer of a conversation goes along with what is sent after it, on both sides', async () => {
  const { alice, bob, conversation } = pair;
  const { id } = await alice.client.setTimer(conversation, 3_600);
  expect(await timerOf(alice)).toBe(3_600); // At once here,
  await alice.client.sendText(conversation, 'under it');
  await alice.client.whenStored(id);
  await until(async () => expect(await timerOf(bob)).toBe(3_600)); // and there when it has come.
  await bob.client.sendText(conversation, 'mine too');
  await bob.client.sendText(conversation, 'this one stays', { expiresIn: null });
  await until(async () => expect(await shown(alice)).toContain('this one stays'));
  const items = await messages(alice, conversation);
  const lives = items.map((item) =>
    item.type === 'message' && item.content.type === 'text' ? item.content.expiresIn : 'timer',
  );
  expect(lives).toEqual([undefined, 'timer', 3_600, 3_600, undefined]);
  expect((await lines(bob, conversation))[1]!.body).toEqual({ type: 'timer', seconds: 3_600 });
});

test('a timer that the platform refuses is none', async () => {
  const { alice, conversation, platform } = pair;
  await alice.client.setTimer(conversation, 60);
  await until(async () => expect(await alice.client.unsent(conversation)).toEqual([]));
  const { ApiError, toProblem } = await import('@sotto/api');
  platform.judge = () => toProblem(new ApiError('request.invalid'));
  await alice.client.setTimer(conversation, null);
  expect(await timerOf(alice)).toBeNull();
  await until(async () => expect(await timerOf(alice)).toBe(60));
});

test('a member who sets the timer to and fro leaves the last one, and lifetimes out of reason are no content', async () => {
  const { alice, bob, conversation } = pair;
  for (let count = 0; count < 20; count++) {
    await bob.client.setTimer(conversation, count % 2 === 0 ? 5 : null);
  }
  await bob.client.setTimer(conversation, 77);
  const endless = { v: 1, type: 'timer', seconds: 1e12 };
  await forge(bob, conversation, new TextEncoder().encode(JSON.stringify(endless)));
  await bob.client.sendText(conversation, 'done', { expiresIn: null });
  await until(async () => expect(await shown(alice)).toContain('done'));
  expect(await timerOf(alice)).toBe(77);
  await expect(bob.client.setTimer(conversation, 0)).rejects.toMatchObject({
    code: 'content.invalid',
  });
});

test('one of ours that another device of ours has read goes away here too', async () => {
  const { alice, bob, conversation, clock } = pair;
  const second = await pair.linkBob();
  await alice.client.sendText(conversation, 'a secret', { expiresIn: 60 });
  for (const person of [bob, second]) {
    await until(async () => expect(await shown(person)).toContain('a secret'));
  }
  await bob.client.markRead(await lineOf(bob, conversation, 'a secret'));
  await until(async () =>
    expect((await lineOf(second, conversation, 'a secret')).expiresAt).toBeDefined(),
  );
  clock.offset += 61_000;
  await pass();
  for (const person of [bob, second]) {
    await until(async () => expect(await shown(person)).not.toContain('a secret'));
  }
});

/** Has clients look at their clocks, which moved by themselves: a connection does. */
async function pass(): Promise<void> {
  pair.platform.cutAll();
}
