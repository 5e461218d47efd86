/**
 * What the platform says a group's messages are to be keyed for: the version of the membership log, and its own counts of
 * the changes of each member's devices (docs/protocol.md, section 13). A wrong one makes us try in vain, and no more.
 */
import { type ConversationId, type GroupAudience, getConversation, type UserId } from '@sotto/api';
import { digestDeviceLists, type Provider } from '@sotto/crypto';
import * as z from 'zod/mini';
import type { ConversationDeps } from '../messages/conversations.ts';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { getRecord, putRecord } from '../store/stored-record.ts';
import { getGroup } from './group-log.ts';

const AudienceRecord = z.object({
  /** By user. */
  versions: z.record(z.string(), z.int().check(z.minimum(0))),
});

/** The count for each member. */
export type Versions = ReadonlyMap<UserId, number>;

/** The counts for the members of now; undefined when one of them is not known. */
export async function findVersions(
  transaction: StoreTransaction,
  { id, members }: { id: ConversationId; members: readonly UserId[] },
): Promise<Versions | undefined> {
  const record = await getRecord(transaction, keys.groupAudience(id), AudienceRecord);
  if (record === undefined) return undefined;
  const versions = new Map<UserId, number>();
  for (const user of members) {
    const version = record.versions[user];
    if (version === undefined) return undefined;
    versions.set(user, version);
  }
  return versions;
}

/** The same, asked for when they are not known; undefined for what is no group. Throws what calls throw. */
export async function needVersions(
  deps: ConversationDeps,
  id: ConversationId,
): Promise<Versions | undefined> {
  const find = () =>
    deps.store.transaction(async (transaction) => {
      const group = await getGroup(transaction, id);
      return { group, versions: group && (await findVersions(transaction, group)) };
    });
  const { group, versions } = await find();
  if (group === undefined || versions !== undefined) return versions;
  await learnVersions(deps, group);
  return (await find()).versions;
}

/** Goes by what a refusal says. */
export function noteVersions(
  transaction: StoreTransaction,
  conversation: ConversationId,
  lists: GroupAudience['lists'],
): Promise<void> {
  const versions = Object.fromEntries(lists.map(({ user, version }) => [user, version]));
  return putRecord(transaction, keys.groupAudience(conversation), [AudienceRecord, { versions }]);
}

/**
 * Asks for the counts, so that a first message need not be refused to learn them. Of whom the platform does not speak,
 * the next refusal tells. Throws what calls throw.
 */
export async function learnVersions(
  { store, call }: ConversationDeps,
  { id, members }: { id: ConversationId; members: readonly UserId[] },
): Promise<void> {
  const { lists = [] } = await call(getConversation, { params: { id } });
  const unknown = members
    .filter((member) => !lists.some(({ user }) => user === member))
    .map((user) => ({ user, version: 0 }));
  await store.transaction((transaction) => noteVersions(transaction, id, [...lists, ...unknown]));
}

/** All of them as one value, as a message names them to the platform. */
export function digestVersions(provider: Provider, versions: Versions): Uint8Array {
  return digestDeviceLists(
    provider,
    [...versions].map(([user, version]) => ({ user, version })),
  );
}
