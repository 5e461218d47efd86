/** What a user interface shows, against the platform as users run it: lines, ticks, who writes and who is there. */
import {
  type Client,
  type ConversationRecord,
  createClient,
  type MessageView,
  type Observable,
  openMemoryStore,
} from '@sotto/client';
import { nodeProvider } from '@sotto/crypto/node';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { NO_LIMITS, type Standalone, startStandalone } from '../cluster.ts';

const WAIT_MS = 30_000;
const PASSWORD = 'Correct-Horse-7';

let platform: Standalone;
const clients: Client[] = [];
let people = 0;

beforeAll(async () => {
  platform = await startStandalone({ environment: NO_LIMITS });
});
afterAll(() => platform?.close());
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
});

test('the ticks of a message rise, from waiting to read', async () => {
  const { alice, bob, conversation } = await pair();
  const lines = watch(alice.state.messages(conversation.id));
  const seen: (string | undefined)[] = [];
  alice.state.messages(conversation.id).subscribe(() => seen.push(lines()?.at(-1)?.status));
  await alice.sendText(conversation.id, 'hello');
  await until(() => expect(lines()?.at(-1)?.status).toBe('delivered'));
  const his = watch(bob.state.messages(conversation.id));
  await until(() => expect(textsOf(his())).toEqual(['hello']));
  const list = watch(bob.state.conversations);
  await until(() => expect(list()).toMatchObject([{ unread: 1 }]));
  await bob.people.accept(conversation.id); // Strangers are not told what is read.
  await bob.markRead(his()?.at(-1) ?? expect.fail('there is no line'));
  await until(() => expect(list()).toMatchObject([{ unread: 0 }]));
  await until(() => expect(lines()?.at(-1)?.status).toBe('read'));
  expect([...new Set(seen)].filter((status) => status !== undefined)).toEqual(
    ['waiting', 'stored', 'delivered', 'read'].filter((status) => seen.includes(status)),
  );
});

test('what is done with a message shows in its line, on both sides', async () => {
  const { alice, bob, conversation } = await pair();
  const [hers, his] = [alice, bob].map((client) => watch(client.state.messages(conversation.id)));
  await alice.sendText(conversation.id, 'helo');
  await until(() => expect(textsOf(his?.())).toEqual(['helo']));
  await alice.edit(hers?.()?.at(-1) ?? expect.fail(), 'hello');
  await bob.react(his?.()?.at(-1) ?? expect.fail(), '👍');
  for (const lines of [hers, his]) {
    await until(() =>
      expect(lines?.()).toMatchObject([
        { body: { type: 'text', text: 'hello', isEdited: true }, reactions: [{ emoji: '👍' }] },
      ]),
    );
  }
  await alice.deleteMessage(hers?.()?.at(-1) ?? expect.fail());
  await until(() => expect(his?.()?.map(({ body }) => body.type)).toEqual(['deleted']));
});

test('who is there is seen to come and go, and who writes while they do', async () => {
  const { alice, bob, conversation } = await pair();
  const me = (await bob.me()) ?? expect.fail('nobody is logged in');
  const presence = watch(alice.state.presence(me.user));
  await until(() => expect(presence()).toEqual({ online: true }));
  const list = watch(alice.state.conversations);
  await bob.sendText(conversation.id, 'wait');
  await until(() => expect(list()?.[0]?.newest?.body).toMatchObject({ text: 'wait' }));
  await bob.typing(conversation.id);
  await until(() => expect(list()?.[0]?.typing).toEqual([me.user]));
  await bob.sendText(conversation.id, 'here');
  await until(() => expect(list()?.[0]).toMatchObject({ typing: [], unread: 2 }));
  await bob.close();
  await until(() => expect(presence()).toMatchObject({ online: false }));
});

test('a name that somebody gives themselves is shown to whom they write', async () => {
  const { alice, bob, conversation } = await pair();
  const hers = watch(bob.state.profile((await alice.me())?.user ?? expect.fail()));
  await alice.people.setProfile({ name: 'Alice A.' });
  await alice.sendText(conversation.id, 'it is me');
  await until(() => expect(hers()).toMatchObject({ name: 'Alice A.' }));
});

test('a group is in the list of those whom it has, with its title, and changes there', async () => {
  const { alice, bob } = await pair();
  const list = watch(bob.state.conversations);
  const his = (await bob.me())?.user ?? expect.fail();
  const { id } = await alice.groups.create({ members: [his], title: 'Walks' });
  await until(() =>
    expect(list()?.find((each) => each.id === id)).toMatchObject({ kind: 'group', title: 'Walks' }),
  );
  await alice.groups.rename(id, 'Long walks');
  await until(() => expect(list()?.find((each) => each.id === id)?.title).toBe('Long walks'));
  await alice.sendText(id, 'who comes?');
  await until(() =>
    expect(list()?.[0]).toMatchObject({ id, newest: { body: { text: 'who comes?' } } }),
  );
});

/** Two people, of whom each has let the other in. */
async function pair(): Promise<{ alice: Client; bob: Client; conversation: ConversationRecord }> {
  const [alice, bob] = [await enter(), await enter()];
  const his = (await bob.me())?.user ?? expect.fail();
  const conversation = await alice.openDirect(his);
  await bob.people.accept(conversation.id);
  return { alice, bob, conversation };
}

async function enter(): Promise<Client> {
  const store = openMemoryStore();
  const client = createClient({ url: platform.url, store, provider: nodeProvider });
  clients.push(client);
  await client.register({ username: `person${++people}`, password: PASSWORD });
  await client.connect();
  return client;
}

/** The value of an observable as it is now, from a subscription that stays. */
function watch<T>({ subscribe, get }: Observable<T>): () => T {
  subscribe(() => {});
  return get;
}

function textsOf(lines: readonly MessageView[] | undefined): string[] {
  return (lines ?? []).map(({ body }) => (body.type === 'text' ? body.text : body.type));
}

async function until(check: () => void): Promise<void> {
  await vi.waitFor(check, { timeout: WAIT_MS, interval: 10 });
}
