/** A store with a life behind it, for tests of what leaves it. */
import { ConversationId, DeviceId, MessageId, UserId } from '@sotto/api';
import { makeIdentity, type Provider } from '@sotto/crypto';
import { Account, HeadRecord, IdentityRecord, Peer } from '../account/records.ts';
import { ConversationRecord } from '../messages/conversation-record.ts';
import { keepItem, writeCursor } from '../messages/conversations.ts';
import type { Message } from '../messages/history-item.ts';
import { keys } from '../store/key-space.ts';
import type { Store } from '../store/store.ts';
import { putRecord } from '../store/stored-record.ts';
import { ContactLeaf, LogPin, OwnLeaf, SeenTree } from '../trust/log-standing.ts';

const uuid = (number: number) => `0190a1b2-c3d4-7e5f-8a9b-${String(number).padStart(12, '0')}`;

export const ALICE = UserId.parse(uuid(1));
export const BOB = UserId.parse(uuid(2));
export const ALICES_DEVICE = DeviceId.parse(uuid(11));
export const BOBS_DEVICE = DeviceId.parse(uuid(12));
export const CONVERSATION = ConversationId.parse(uuid(21));

/** What a message of the history says, beside its place. */
export interface Said {
  readonly text: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly expiresIn?: number;
}

/** Makes a store that of Alice, who knows Bob; gives her identity's seed. */
export async function settle(store: Store, provider: Provider): Promise<Uint8Array> {
  const { seed } = makeIdentity(provider);
  const bytes = (fill: number) => new Uint8Array(32).fill(fill);
  const head = (version: number) => ({ version, hash: bytes(version) });
  await store.transaction(async (it) => {
    const account = { user: ALICE, device: ALICES_DEVICE, session: uuid(31), username: 'alice' };
    const tokens = { access: 'access-secret', renewAt: 0, refresh: 'refresh-secret' };
    await putRecord(it, keys.account, [Account, Account.parse({ ...account, tokens })]);
    await putRecord(it, keys.identity, [IdentityRecord, { seed, registrationId: 5 }]);
    const pins = { user: BOB, identityKey: bytes(7), list: head(3), acceptedAt: 5 };
    const peer = { ...pins, devices: [BOBS_DEVICE], version: 9 };
    await putRecord(it, keys.peer(BOB), [Peer, peer]);
    await putRecord(it, keys.logLeaf(BOB), [ContactLeaf, { identityKey: bytes(7), head: head(1) }]);
    await putRecord(it, keys.ownList, [HeadRecord, head(4)]);
    await putRecord(it, keys.logPin, [LogPin, { logKey: bytes(8), blindingKey: bytes(9) }]);
    await putRecord(it, keys.logTree, [SeenTree, { size: 12, root: bytes(10) }]);
    await putRecord(it, keys.logOwnLeaf, [OwnLeaf, { identityKey: bytes(6), head: head(2) }]);
    const record = { id: CONVERSATION, kind: 'direct' as const, members: [ALICE, BOB] };
    await putRecord(it, keys.conversation(CONVERSATION), [ConversationRecord, record]);
    await writeCursor(it, CONVERSATION, 1);
  });
  return seed;
}

/** Bob's message at a place of the conversation. */
export function messageAt(seq: number, { text, at, expiresIn }: Said): Message {
  return {
    type: 'message',
    id: MessageId.parse(uuid(1_000_000 + seq)),
    conversation: CONVERSATION,
    seq,
    sender: { user: BOB, device: BOBS_DEVICE },
    sentAt: new Date(at).toISOString() as Message['sentAt'],
    time: at,
    content: { type: 'text', text, ...(expiresIn !== undefined && { expiresIn }) },
    own: false,
    order: 'next',
  };
}

/** Writes messages to the places behind one. */
export async function say(store: Store, said: readonly Said[], after = 0): Promise<void> {
  await store.transaction(async (it) => {
    for (const [index, each] of said.entries())
      await keepItem(it, messageAt(after + index + 1, each));
  });
}
