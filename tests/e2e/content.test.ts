/**
 * What people do with messages, on the platform as users run it: two people, of whom one has two devices, and a group.
 * Whatever they do, the platform is shown ciphertexts.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Client,
  type ConversationRecord,
  createClient,
  type MessageView,
  type Observable,
} from '@sotto/client';
import { openSqliteStore } from '@sotto/client/sqlite';
import { nodeProvider } from '@sotto/crypto/node';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { NO_LIMITS, type Standalone, startStandalone } from '../cluster.ts';

const PASSWORD = 'Correct-Horse-7';
const WAIT_MS = 30_000;
const TEST_MS = 120_000;

let platform: Standalone;
let directory: string;
/** Everything that the platform was told over sockets. */
let told: string[];
const clients = new Set<Client>();
let people = 0;

beforeAll(async () => {
  platform = await startStandalone({ environment: NO_LIMITS });
});
afterAll(() => platform?.close());
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sotto content '));
  told = [];
});
afterEach(async () => {
  for (const client of clients) await client.close();
  clients.clear();
  rmSync(directory, { recursive: true, force: true });
});

interface Device {
  readonly client: Client;
  readonly path: string;
}

test(
  'two people and three devices agree on what was answered, changed, taken back and read',
  async () => {
    const { alice, bob, phone, conversation } = await threeDevices();
    const all = [alice, bob, phone];
    const shown = all.map(({ client }) => watch(client.state.messages(conversation.id)));
    const everywhere = async (expected: unknown) => {
      for (const lines of shown)
        await until(() => expect(lines()).toMatchObject(expected as object));
    };
    await everywhere([{}, { body: { text: 'When?' } }]);
    const question = lineAt(shown[0], -1);
    await bob.client.sendText(conversation.id, 'Seven?', { replyTo: question });
    await everywhere([{}, {}, { replyTo: question.reference, body: { text: 'Seven?' } }]);
    await phone.client.react(question, '👍'); // From the other device of who asked.
    await everywhere([{}, { reactions: [{ emoji: '👍' }] }, {}]);
    await bob.client.react(question, '🎉');
    await everywhere([{}, { reactions: [{ emoji: '👍' }, { emoji: '🎉' }] }, {}]);
    await bob.client.edit(lineAt(shown[1], 2), 'Eight?');
    await everywhere([{}, {}, { body: { text: 'Eight?', isEdited: true } }]);
    await phone.client.deleteMessage(question);
    await everywhere([
      {},
      { body: { type: 'deleted' }, reactions: [] },
      { body: { type: 'text' } },
    ]);
    const list = watch(phone.client.state.conversations);
    await until(() => expect(list()).toMatchObject([{ unread: 2 }]));
    await alice.client.markRead(lineAt(shown[0], 2));
    await until(() => expect(lineAt(shown[1], 2).status).toBe('read'));
    await until(() => expect(list()).toMatchObject([{ unread: 0 }]));
    await bob.client.close();
    const again = await reopened(bob);
    const his = watch(again.client.state.messages(conversation.id));
    await until(() => expect(his()).toEqual(shown[1]?.()));
    expectNothingTold(['Seven?', 'Eight?', '👍', '🎉', 'reaction', 'edit', 'delete"', 'upTo']);
  },
  TEST_MS,
);

test(
  'a timer goes along with messages, and they go away on each device when they were read',
  async () => {
    const { alice, bob, phone, conversation } = await threeDevices();
    await bob.client.setTimer(conversation.id, 5);
    const shown = [alice, bob, phone].map(({ client }) =>
      watch(client.state.messages(conversation.id)),
    );
    for (const lines of shown) {
      await until(() => expect(lineAt(lines, -1).body).toEqual({ type: 'timer', seconds: 5 }));
    }
    await alice.client.sendText(conversation.id, 'not for long');
    for (const lines of shown) {
      await until(() => expect(textsOf(lines())).toContain('not for long'));
    }
    for (const lines of [shown[0], shown[2]]) {
      await until(() => expect(textsOf(lines?.())).not.toContain('not for long'));
    }
    expect(textsOf(shown[1]?.())).toContain('not for long'); // Bob has not read it yet.
    await bob.client.markRead(lineAt(shown[1], -1));
    await until(() => expect(textsOf(shown[1]?.())).not.toContain('not for long'));
    expect(JSON.stringify(await bob.client.history(conversation.id))).not.toContain('for long');
    expectNothingTold(['timer', 'expiresIn', 'for long']);
  },
  TEST_MS,
);

test(
  'a group reacts, reads, and sees who is writing',
  async () => {
    const { alice, bob, phone } = await threeDevices();
    const carol = await enter('carol');
    const members = [await userOf(bob), await userOf(carol)];
    const { id } = await alice.client.groups.create({ members });
    const shown = [alice, bob, phone, carol].map(({ client }) => watch(client.state.messages(id)));
    await alice.client.sendText(id, 'all here?');
    for (const lines of shown) await until(() => expect(textsOf(lines())).toContain('all here?'));
    // Who has not accepted an invitation by a stranger is not seen to write.
    for (const { client } of [bob, carol]) await client.people.accept(id);
    await bob.client.react(lineAt(shown[1], -1), '✋');
    await carol.client.react(lineAt(shown[3], -1), '✋');
    for (const lines of shown) {
      await until(() => expect(lineAt(lines, -1).reactions[0]?.users).toHaveLength(2));
    }
    await bob.client.markRead(lineAt(shown[1], -1));
    await until(() => expect(lineAt(shown[0], -1).status).not.toBe('read'));
    await carol.client.markRead(lineAt(shown[3], -1));
    await until(() => expect(lineAt(shown[0], -1).status).toBe('read'));
    const writing = [alice, carol].map(({ client }) => watch(client.state.conversations));
    await bob.client.typing(id);
    for (const list of writing) {
      await until(() =>
        expect(list()?.find((room) => room.id === id)?.typing).toEqual([members[0]]),
      );
    }
    await expect(carol.client.edit(lineAt(shown[3], -1), 'mine')).rejects.toMatchObject({
      code: 'message.fixed',
    });
    expectNothingTold(['all here', '✋', 'typing']);
  },
  TEST_MS,
);

/** Alice, who has a phone too, and bob: they have spoken, so each knows all devices. */
async function threeDevices() {
  const [alice, bob] = [await enter('alice'), await enter('bob')];
  const conversation = await alice.client.openDirect(await userOf(bob));
  const phone = await link(alice);
  await bob.client.sendText(conversation.id, 'hello');
  await until(async () => expect(await count(phone, conversation)).toBe(1));
  await alice.client.sendText(conversation.id, 'When?');
  for (const device of [bob, phone]) {
    await until(async () => expect(await count(device, conversation)).toBe(2));
  }
  return { alice, bob, phone, conversation };
}

async function count({ client }: Device, { id }: ConversationRecord): Promise<number> {
  return (await client.history(id)).length;
}

async function enter(name: string): Promise<Device> {
  const username = `${name}${Date.now()}${++people}`;
  const device = open(username);
  await device.client.register({ username, password: PASSWORD });
  await device.client.connect();
  return device;
}

async function link(to: Device): Promise<Device> {
  const added = open(`linked${++people}`);
  const { code, completed } = await added.client.beginLink();
  await Promise.all([completed, to.client.completeLink(code)]);
  await added.client.connect();
  return added;
}

function open(name: string): Device {
  const path = join(directory, `${name}.db`);
  const store = openSqliteStore(path);
  const options = { url: platform.url, store, provider: nodeProvider, WebSocket: Overheard };
  const client = createClient(options);
  clients.add(client);
  return { client, path };
}

async function reopened({ client, path }: Device): Promise<Device> {
  await client.close();
  const store = openSqliteStore(path);
  const again = createClient({ url: platform.url, store, provider: nodeProvider });
  clients.add(again);
  await again.connect();
  return { client: again, path };
}

class Overheard extends WebSocket {
  override send(data: Parameters<WebSocket['send']>[0]): void {
    told.push(String(data));
    super.send(data);
  }
}

/** Neither words nor what kind of thing was done. */
function expectNothingTold(words: readonly string[]): void {
  expect(told.filter((frame) => frame.startsWith('{"type":"send"')).length).toBeGreaterThan(2);
  for (const word of words) {
    const telling = told.filter((frame) => frame.includes(word));
    expect(telling, `frames with ${word}`).toEqual([]);
  }
}

async function userOf({ client }: Device) {
  const me = await client.me();
  return me?.user ?? expect.fail('nobody is logged in');
}

function watch<T>(observable: Observable<T>): () => T {
  observable.subscribe(() => {});
  return observable.get;
}

type Lines = () => readonly MessageView[] | undefined;

function lineAt(lines: Lines | undefined, index: number): MessageView {
  return lines?.()?.at(index) ?? expect.fail('there is no such line');
}

function textsOf(lines: readonly MessageView[] | undefined): string[] {
  return (lines ?? []).map(({ body }) => (body.type === 'text' ? body.text : body.type));
}

async function until(check: () => unknown): Promise<void> {
  await vi.waitFor(check, { timeout: WAIT_MS, interval: 20 });
}
