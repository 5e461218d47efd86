/** Names and pictures that nobody may show, and what becomes of those who try. */
import { randomUUID } from 'node:crypto';
import { nodeProvider } from '@sotto/crypto/node';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { getPeer } from '../account/records.ts';
import { PICTURE_BYTES_MAX } from '../limits.ts';
import { enqueueControl } from '../messages/control-outbox.ts';
import type { ConversationRecord } from '../messages/conversation-record.ts';
import { OutboxEntry } from '../messages/outbox-entry.ts';
import { getRecord, putRecord } from '../store/stored-record.ts';
import { loadLocalParty } from '../trust/sessions.ts';
import type { Picture } from './picture.ts';
import {
  controlsSent,
  openScene,
  type Person,
  png,
  type Scene,
  sayIn,
  until,
} from './profile.fixture.ts';

let scene: Scene;
let alice: Person;
let bob: Person;
let conversation: ConversationRecord;

beforeEach(async () => {
  scene = await openScene();
  alice = await scene.enter('alice');
  bob = await scene.enter('bob');
  conversation = await alice.client.openDirect(bob.user);
});
afterEach(() => scene.close());

test.each([
  ['empty', { type: 'image/png', bytes: new Uint8Array() }, 'file.size'],
  ['too large', () => png(PICTURE_BYTES_MAX + 1), 'file.size'],
  ['of 100 MiB', () => png(100 * 1024 * 1024), 'file.size'],
  ['a drawing with scripts', { ...ofText('<svg/>'), type: 'image/svg+xml' }, 'content.invalid'],
  ['of no type', { ...png(9), type: '' }, 'content.invalid'],
  ['no picture at all', { ...ofText('%PDF-1.7'), type: 'image/png' }, 'content.invalid'],
  ['of another type than said', { ...png(99), type: 'image/webp' }, 'content.invalid'],
])('a picture that is %s is refused, and nothing has changed', async (_, given, code) => {
  await alice.client.people.setProfile({ name: 'Alice' });
  const before = await alice.client.people.profile(alice.user);
  const picture = typeof given === 'function' ? given() : given;
  const change = alice.client.people.setProfile({ name: 'Other', picture });
  await expect(change).rejects.toMatchObject({ code });
  expect(await alice.client.people.profile(alice.user)).toEqual(before);
});

test.each(['', ' ', '\u200b', ' Alice', 'Al\nice', 'Al\u202eice', 'Al\ud800', 'a'.repeat(65)])(
  'the name %j is refused',
  async (name) => {
    const change = alice.client.people.setProfile({ name });
    await expect(change).rejects.toMatchObject({ code: 'content.invalid' });
    expect(await alice.client.people.profile(alice.user)).toBeUndefined();
  },
);

const GOOD = {
  id: randomUUID(),
  key: keyOf(1),
  name: 'h',
  mediaType: 'image/png',
  size: 9,
  digest: keyOf(2),
};

test.each([
  ['a picture of 100 MiB', { picture: { ...GOOD, size: 100 * 1024 * 1024 } }],
  ['a picture that is a drawing', { picture: { ...GOOD, mediaType: 'image/svg+xml' } }],
  ['a picture without a digest', { picture: { ...GOOD, digest: undefined } }],
  ['a name of two lines', { name: 'Al\nice' }],
  ['a name without end', { name: 'a'.repeat(65) }],
  ['no time', { name: 'Alice', time: null }],
  ['what nobody knows', { name: 'Alice', colour: 'red' }],
])('of a profile with %s nothing is believed, and nothing is shown for it', async (_, said) => {
  await say(alice, 'hello');
  await alice.client.close();
  await writeRaw(alice, { v: 1, type: 'profile', time: scene.now, ...said });
  alice = await scene.comeBack(alice);
  await say(alice, 'hello again');
  await until(async () => (await bob.client.history(conversation.id)).length === 2);
  expect(controlsSent(scene.platform)).toBe(1);
  expect(await bob.client.people.profile(alice.user)).toBeUndefined();
  const types = (await bob.client.history(conversation.id)).map(({ type }) => type);
  expect(types).toEqual(['message', 'message']);
});

test('a picture that the platform has replaced, or has no more, is not shown', async () => {
  await alice.client.people.setProfile({ picture: png(2_000) });
  await say(alice, 'hello');
  await until(async () => (await bob.client.people.profile(alice.user))?.hasPicture === true);
  scene.platform.files.show = (bytes) =>
    bytes.map((byte, index) => (index === 99 ? byte ^ 1 : byte));
  const opened = bob.client.people.openPicture(alice.user);
  await expect(opened).rejects.toMatchObject({ code: 'file.damaged' });
  scene.platform.files.stored.clear();
  expect(await bob.client.people.openPicture(alice.user)).toBeUndefined();
  expect(await alice.client.people.openPicture(alice.user)).toEqual(png(2_000));
});

function say(person: Person, text: string): Promise<void> {
  return sayIn(conversation.id, person, text);
}

/** Has a device say what no release would. */
async function writeRaw({ store }: Person, said: object): Promise<void> {
  const local = await loadLocalParty(store, nodeProvider);
  const deps = { provider: nodeProvider, local, clock: () => scene.now };
  const content = new TextEncoder().encode(JSON.stringify(said));
  await store.transaction(async (transaction) => {
    const peer = await getPeer(transaction, bob.user);
    const to = peer?.devices.map((device) => ({ user: bob.user, device })) ?? [];
    const control = { type: 'profile', time: 0 } as const;
    const place = { conversation: conversation.id, control, to };
    const [key = expect.fail('nobody to tell')] = await enqueueControl(deps, transaction, place);
    const entry = (await getRecord(transaction, key, OutboxEntry)) ?? expect.fail();
    await putRecord(transaction, key, [OutboxEntry, { ...entry, content }]);
  });
}

/** A key as JSON has it. */
function keyOf(value: number): string {
  return Buffer.alloc(32, value).toString('base64url');
}

function ofText(text: string): Pick<Picture, 'bytes'> {
  return { bytes: new TextEncoder().encode(text) };
}
