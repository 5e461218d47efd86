/**
 * The title of a group as a device knows it: the ciphertext, which the log names and the platform has, and the keys, which
 * members' devices hand to each other. The two come in any order; a title shows when both are there.
 */
import { type Address, bytesOf, ConversationId, getConversation, UserId } from '@sotto/api';
import { type LocalParty, openGroupTitle, type Provider } from '@sotto/crypto';
import * as z from 'zod/mini';
import { getPeer, sameBytes } from '../account/records.ts';
import { isProblem } from '../errors.ts';
import { SPARE_TITLE_KEYS_MAX } from '../limits.ts';
import { enqueueControl } from '../messages/control-outbox.ts';
import type { GroupRecord } from '../messages/conversation-record.ts';
import type { OpenDeps } from '../messages/opening.ts';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { entriesUnder, getRecord, putRecord } from '../store/stored-record.ts';
import { meetWhomPossible } from '../trust/peers.ts';
import type { Wanted } from '../trust/wanted.ts';
import { needVersions } from './group-audience.ts';
import type { GroupDeps } from './group-authors.ts';
import { getGroup, putGroup } from './group-log.ts';

/** Keys, and the users who are to be given them. */
const TitleKeysDue = z.object({
  due: z.array(z.object({ key: bytesOf(32), users: z.array(UserId) })),
});
type DueKey = z.infer<typeof TitleKeysDue>['due'][number];

/** The group with its title as the platform has it, if that is the one that the log names. */
export function takeTitle(
  provider: Provider,
  record: GroupRecord,
  sealed: Uint8Array,
): GroupRecord {
  const { titleHash } = record;
  if (titleHash === undefined || !sameBytes(provider.sha256(sealed), titleHash)) return record;
  return opened(provider, { ...record, sealedTitle: sealed });
}

/** The group with a key that has come for its title. */
export function takeTitleKey(
  provider: Provider,
  record: GroupRecord,
  key: Uint8Array,
): GroupRecord {
  const { titleKey, spareTitleKeys = [] } = record;
  if (titleKey === undefined) return opened(provider, { ...record, titleKey: key });
  if ([titleKey, ...spareTitleKeys].some((known) => sameBytes(known, key))) return record;
  const spare = [key, ...spareTitleKeys].slice(0, SPARE_TITLE_KEYS_MAX);
  return opened(provider, { ...record, spareTitleKeys: spare });
}

/** With the title in the clear when one of the keys opens it, which is the key from then on. */
function opened(provider: Provider, record: GroupRecord): GroupRecord {
  const { id: conversation, sealedTitle, titleKey, spareTitleKeys = [] } = record;
  if (sealedTitle === undefined || titleKey === undefined) return record;
  for (const key of [titleKey, ...spareTitleKeys]) {
    const title = openGroupTitle(provider, { key, conversation }, sealedTitle);
    if (title === undefined) continue;
    if (key === titleKey) return { ...record, title };
    const { isTitleKeySpent: _, ...kept } = record;
    // The other keys stay: a title of our own may be on its way under one of them.
    const spare = [titleKey, ...spareTitleKeys].filter((other) => other !== key);
    return { ...kept, title, titleKey: key, spareTitleKeys: spare };
  }
  return record;
}

/** Fetches the title that the newest `rename` names, unless it is there. Throws what calls throw. */
export async function fetchTitle(deps: GroupDeps, id: ConversationId): Promise<void> {
  const isThere = await deps.store.transaction(async (transaction) => {
    const record = await getGroup(transaction, id);
    return record?.titleHash === undefined || record.sealedTitle !== undefined;
  });
  if (isThere) return;
  try {
    const { title } = await deps.call(getConversation, { params: { id } });
    if (title !== undefined) await keepTitle(deps, id, title);
  } catch (error) {
    // Whoever has been removed since is told nothing, and needs to know no title.
    if (!isProblem(error, 'conversation.not-found')) throw error;
  }
}

/** Takes in a title that the platform has named. */
export async function keepTitle(
  deps: Pick<GroupDeps, 'store' | 'provider' | 'events'>,
  id: ConversationId,
  sealed: Uint8Array,
): Promise<void> {
  const isNews = await deps.store.transaction(async (transaction) => {
    const record = await getGroup(transaction, id);
    if (record === undefined || record.sealedTitle !== undefined) return false;
    const after = takeTitle(deps.provider, record, sealed);
    if (after === record) return false;
    await putGroup(transaction, after);
    return after.title !== undefined;
  });
  if (isNews) deps.events.emit('conversation', { conversation: id });
}

/** Notes in the store that users are to be given a key of the title; {@link giveTitleKeys} does it. */
export async function oweTitleKey(
  transaction: StoreTransaction,
  id: ConversationId,
  { key, users }: DueKey,
): Promise<void> {
  const due = await readDue(transaction, id);
  const same = due.find((known) => sameBytes(known.key, key));
  const others = due.filter((known) => known !== same).slice(-SPARE_TITLE_KEYS_MAX);
  const all = { key, users: [...new Set([...(same?.users ?? []), ...users])] };
  await putRecord(transaction, keys.titleKeyDue(id), [TitleKeysDue, { due: [...others, all] }]);
}

/**
 * Puts keys of a group's title into the outbox for the devices of those who are to have them; true when there were any.
 * Who cannot be met now gets the key with the first message that any device sends them. Throws what calls throw.
 */
export async function giveTitleKeys(deps: GroupDeps, id: ConversationId): Promise<boolean> {
  const { store, local } = deps;
  // With the versions at which they are met, so that the first message need not meet them again.
  const versions = await needVersions(deps, id);
  const asked = new Set<UserId>();
  const wanted = await store.transaction(async (transaction) => {
    for (const { users } of await readDue(transaction, id)) {
      for (const user of users) asked.add(user);
    }
    const unmet: Wanted[] = [];
    for (const user of asked) {
      if ((await getPeer(transaction, user))?.devices.length) continue;
      const version = versions?.get(user);
      unmet.push({ user, ...(version && { version }) });
    }
    return unmet;
  });
  if (wanted.length > 0) await meetWhomPossible(deps, wanted);
  return store.transaction(async (transaction) => {
    const due = await readDue(transaction, id);
    await transaction.delete(keys.titleKeyDue(id));
    const { members = [] } = (await getGroup(transaction, id)) ?? {};
    let isAny = false;
    for (const { key, users } of due) {
      // Who has come in meanwhile is asked for by whoever let them in.
      const later = users.filter((user) => !asked.has(user));
      if (later.length > 0) await oweTitleKey(transaction, id, { key, users: later });
      const stillIn = users.filter((user) => asked.has(user) && members.includes(user));
      const to = await devicesOf(transaction, local, stillIn);
      isAny ||= to.length > 0;
      const control = { type: 'title-key', key } as const;
      await enqueueControl(deps, transaction, { conversation: id, control, to });
    }
    return isAny;
  });
}

/** The same in all groups in which somebody is still to be given a key. */
export async function giveAllTitleKeys(
  deps: GroupDeps,
  wake: (conversation: ConversationId) => void,
): Promise<void> {
  const owing: ConversationId[] = [];
  await deps.store.transaction(async (transaction) => {
    for await (const { key } of entriesUnder(transaction, keys.titleKeysDue)) {
      owing.push(ConversationId.parse(key.slice(keys.titleKeysDue.length)));
    }
  });
  for (const id of owing) if (await giveTitleKeys(deps, id)) wake(id);
}

async function devicesOf(
  transaction: StoreTransaction,
  local: LocalParty,
  users: readonly UserId[],
): Promise<Address[]> {
  const found: Address[] = [];
  for (const user of users) {
    const { devices = [] } = (await getPeer(transaction, user)) ?? {};
    const others = devices.filter((device) => device !== local.address.device);
    found.push(...others.map((device) => ({ user, device })));
  }
  return found;
}

async function readDue(transaction: StoreTransaction, id: ConversationId): Promise<DueKey[]> {
  return (await getRecord(transaction, keys.titleKeyDue(id), TitleKeysDue))?.due ?? [];
}

/** Takes a key in that another member's device has sent, within the transaction that receives it. */
export async function receiveTitleKey(
  { transaction, provider, conversation, events, later }: OpenDeps,
  key: Uint8Array,
): Promise<void> {
  const record = await getGroup(transaction, conversation.id);
  if (record === undefined) return;
  const after = takeTitleKey(provider, record, key);
  if (after === record) return;
  await putGroup(transaction, after);
  if (after.title === record.title) return;
  later.push(() => events.emit('conversation', { conversation: record.id }));
}
