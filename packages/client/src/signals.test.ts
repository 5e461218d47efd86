/** Whoever waits for people or for the platform can give it up, here and where the client runs elsewhere. */
import { ConversationId, DeviceId, type MessageId, SessionId, UserId } from '@sotto/api';
import { nodeProvider } from '@sotto/crypto/node';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeRecoveryKey } from './backup/recovery-words.ts';
import { type Client, createClient } from './client.ts';
import { giveWay } from './connection/stretch.ts';
import type { Message } from './messages/history-item.ts';
import { type Platform, startPlatform } from './platform/platform.fixture.ts';
import { portLine } from './remote/line.ts';
import { followClient, serveClient } from './remote/serve.ts';
import { openMemoryStore } from './store/store-memory.ts';

const REASON = new Error('enough');
const ALICE = { username: 'alice', password: 'Secret!23' };
const NOBODY = UserId.parse('018f0000-0000-7000-8000-00000000000a');
const NOWHERE = ConversationId.parse('018f0000-0000-7000-8000-00000000000c');
const DEVICE = DeviceId.parse('018f0000-0000-7000-8000-00000000000d');
const SESSION = SessionId.parse('018f0000-0000-7000-8000-00000000000e');
const WORDS = makeRecoveryKey(nodeProvider);

/** A client that has an account and is not connected, one that has none, and what is asked of them. */
interface Parties {
  readonly alice: Client;
  readonly nobody: Client;
  /** A message of alice that waits to be sent. */
  readonly unsent: MessageId;
  /** What another device of hers shows. */
  readonly code: string;
}

type Waiting = (parties: Parties, options: { signal: AbortSignal }) => Promise<unknown>;

const WAITING: Record<string, Waiting> = {
  register: ({ nobody }, options) => nobody.register(ALICE, options),
  login: ({ nobody }, options) => nobody.login(ALICE, options),
  'login by the device key': ({ alice }, options) => alice.login(undefined, options),
  recover: ({ nobody }, options) =>
    nobody.recover({ username: 'alice', recoveryCode: 'code', newPassword: 'Secret!24' }, options),
  connect: ({ alice }, options) => alice.connect(options),
  exportData: ({ alice }, options) => alice.exportData(options),
  beginLink: async ({ nobody }, options) => (await nobody.beginLink(options)).completed,
  completeLink: ({ alice, code }, options) => alice.completeLink(code, options),
  findUser: ({ alice }, options) => alice.findUser('bob', options),
  openDirect: ({ alice }, options) => alice.openDirect(NOBODY, options),
  whenStored: ({ alice, unsent }, options) => alice.whenStored(unsent, options),
  logout: ({ alice }, options) => alice.logout(options),
  logoutEverywhere: ({ alice }, options) => alice.logoutEverywhere(options),
  sessions: ({ alice }, options) => alice.sessions(options),
  endSession: ({ alice }, options) => alice.endSession(SESSION, options),
  changePassword: ({ alice }, options) =>
    alice.changePassword({ currentPassword: 'Secret!23', newPassword: 'Secret!24' }, options),
  renewRecoveryCode: ({ alice }, options) => alice.renewRecoveryCode('Secret!23', options),
  deleteAccount: ({ alice }, options) => alice.deleteAccount('Secret!23', options),
  devices: ({ alice }, options) => alice.devices(options),
  renameDevice: ({ alice }, options) => alice.renameDevice(DEVICE, 'name', options),
  unlink: ({ alice }, options) => alice.unlink(DEVICE, options),
  reportLost: ({ alice }, options) => alice.reportLost(DEVICE, options),
  renewIdentity: ({ alice }, options) => alice.renewIdentity(options),
  safetyNumber: ({ alice }, options) => alice.safetyNumber(NOBODY, options),
  pushKey: ({ alice }, options) => alice.pushKey(options),
  subscribePush: ({ alice }, options) =>
    alice.subscribePush({ endpoint: 'https://push.example.org/1' }, options),
  unsubscribePush: ({ alice }, options) => alice.unsubscribePush(options),
  'groups.create': ({ alice }, options) => alice.groups.create({ members: [NOBODY] }, options),
  'groups.add': ({ alice }, options) => alice.groups.add(NOWHERE, [NOBODY], options),
  'groups.remove': ({ alice }, options) => alice.groups.remove(NOWHERE, [NOBODY], options),
  'groups.leave': ({ alice }, options) => alice.groups.leave(NOWHERE, options),
  'groups.setRole': ({ alice }, options) => alice.groups.setRole(NOWHERE, NOBODY, 'admin', options),
  'groups.rename': ({ alice }, options) => alice.groups.rename(NOWHERE, 'title', options),
  'groups.members': ({ alice }, options) => alice.groups.members(NOWHERE, options),
  'groups.acceptLog': ({ alice }, options) => alice.groups.acceptLog(NOWHERE, options),
  'people.showPresence': ({ alice }, options) => alice.people.showPresence(true, options),
  'people.block': ({ alice }, options) => alice.people.block(NOBODY, options),
  'people.unblock': ({ alice }, options) => alice.people.unblock(NOBODY, options),
  'people.blocks': ({ alice }, options) => alice.people.blocks(options),
  'people.requests': ({ alice }, options) => alice.people.requests(options),
  'people.accept': ({ alice }, options) => alice.people.accept(NOWHERE, options),
  'people.decline': ({ alice }, options) => alice.people.decline(NOWHERE, options),
  'people.mute': ({ alice }, options) => alice.people.mute(NOWHERE, null, options),
  'people.standing': ({ alice }, options) => alice.people.standing(NOWHERE, options),
  'people.report': ({ alice }, options) =>
    alice.people.report({ user: NOBODY, reason: 'spam' }, options),
  'people.list': ({ alice }, options) => alice.people.list({ name: 'bob' }, options),
  'people.find': ({ alice }, options) => alice.people.find(NOBODY, options),
};

/** What asks nobody, and takes long all the same. */
const WORKING: Record<string, Waiting> = {
  'people.openPicture': ({ alice }, options) => alice.people.openPicture(NOBODY, options),
  exportBackup: ({ alice }, options) => alice.exportBackup(WORDS, options),
  restoreBackup: ({ nobody }, options) => nobody.restoreBackup(WORDS, new Blob(), options),
};

let platform: Platform;
let clients: Client[];
let isHeld: boolean;
let parties: Parties;

beforeEach(async () => {
  [clients, isHeld] = [[], false];
  platform = await startPlatform();
  const [alice, bob, nobody, newcomer] = [open(), open(), open(), open()];
  await alice.register(ALICE);
  await bob.register({ ...ALICE, username: 'bob' });
  await bob.connect();
  const { id: conversation } = await alice.openDirect((await bob.me())!.user);
  const { id: unsent } = await alice.sendText(conversation, 'hello');
  const { code } = await newcomer.beginLink();
  isHeld = true;
  parties = { alice, nobody, unsent, code };
});
afterEach(async () => {
  for (const client of clients) await client.close();
  await platform.close();
});

describe.each([
  ['a client', (client: Client) => client],
  ['a follower', follow],
])('of %s', (_, reach) => {
  const reached = () => ({
    ...parties,
    alice: reach(parties.alice),
    nobody: reach(parties.nobody),
  });

  test.each(Object.entries(WAITING))('%s rejects with the reason at once', async (_name, wait) => {
    const giving = new AbortController();
    const { signal } = giving;
    const waiting = wait(reached(), { signal }).catch((error) => error);
    await giveWay();
    giving.abort(REASON);
    expect(await waiting).toBe(REASON);
  });

  test.each(Object.entries({ ...WAITING, ...WORKING }))(
    '%s does not begin when nobody waits any more',
    async (_name, wait) => {
      const calls = platform.calls.length;
      await expect(wait(reached(), { signal: AbortSignal.abort(REASON) })).rejects.toBe(REASON);
      expect(platform.calls).toHaveLength(calls);
    },
  );

  test('the loop over messages ends, and another one may begin', async () => {
    const { alice } = reached();
    for (let time = 0; time < 2; time++) {
      const giving = new AbortController();
      const looping = collect(alice.messages({ signal: giving.signal }));
      await giveWay();
      giving.abort(REASON);
      expect(await looping).toEqual([]);
    }
  });
});

test('the pieces of a backup end with the reason', async () => {
  isHeld = false;
  await parties.alice.connect();
  const giving = new AbortController();
  const backup = await parties.alice.exportBackup(WORDS, { signal: giving.signal });
  giving.abort(REASON);
  await expect(new Response(backup).bytes()).rejects.toBe(REASON);
});

test('a message that this store has never had is never waited for', async () => {
  const { alice, unsent } = parties;
  const stranger = unsent.replace(/.$/, (digit) => (digit === '0' ? '1' : '0')) as MessageId;
  await expect(alice.whenStored(stranger)).rejects.toMatchObject({ code: 'message.unknown' });
  const waiting = alice.whenStored(unsent);
  isHeld = false;
  await alice.connect();
  expect(await waiting).toMatchObject({ seq: 1 });
});

async function collect(messages: AsyncIterable<Message>): Promise<Message[]> {
  const all: Message[] = [];
  for await (const message of messages) all.push(message);
  return all;
}

/** Of a platform that answers nothing while it is held. */
function open(): Client {
  const client = createClient({
    url: platform.url,
    store: openMemoryStore(),
    provider: nodeProvider,
    fetch: (target, init) => (isHeld ? untilAborted(init?.signal) : fetch(target, init)),
  });
  clients.push(client);
  return client;
}

function untilAborted(signal: AbortSignal | null | undefined): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason));
  });
}

function follow(client: Client): Client {
  const { port1, port2 } = new MessageChannel();
  serveClient(client, portLine(port1));
  const follower = followClient(portLine(port2));
  clients.push(follower);
  return follower;
}
