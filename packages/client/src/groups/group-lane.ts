/** What a lane does for a group: it meets members, and goes by what the platform says of them. Nobody holds the others up. */
import {
  type Address,
  type ConversationId,
  DeviceId,
  type GroupAudience,
  type UserId,
} from '@sotto/api';
import { CryptoError, type LocalParty } from '@sotto/crypto';
import { isProblem } from '../errors.ts';
import { PASSED_OVER_MS } from '../limits.ts';
import { noteMet } from '../messages/control-outbox.ts';
import type { ConversationRecord, GroupRecord } from '../messages/conversation-record.ts';
import { type Refused, setAside, unseal } from '../messages/outbox.ts';
import { isControl, OutboxEntry, putEntry } from '../messages/outbox-entry.ts';
import { waitingChanges } from '../messages/waiting-changes.ts';
import { addressKey, keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { decodeRecord, entriesUnder } from '../store/stored-record.ts';
import { refreshList } from '../trust/peer-lists.ts';
import { meetWhomPossible, type PeerDeps } from '../trust/peers.ts';
import type { Wanted } from '../trust/wanted.ts';
import { noteVersions } from './group-audience.ts';
import type { GroupDeps } from './group-authors.ts';
import { noteOwed } from './group-keys.ts';
import { readGroup } from './group-reading.ts';

/** Users of whom nothing could be had a moment ago. */
export interface PassedOver {
  has(user: UserId): boolean;
  add(user: UserId): void;
}

/** Nobody yet. Everybody is asked for again after a while. */
export function createPassedOver(clock: () => number): PassedOver {
  const until = new Map<UserId, number>();
  return {
    has: (user) => clock() < (until.get(user) ?? 0),
    add: (user) => until.set(user, clock() + PASSED_OVER_MS),
  };
}

interface Asking {
  readonly conversation: GroupRecord;
  readonly passedOver: PassedOver;
}

/** Fetches what is wanted in one request, and goes on without those of whom it does not come. Throws what calls throw. */
export async function meetMembers(
  deps: PeerDeps,
  { conversation, passedOver }: Asking,
  wanted: readonly Wanted[],
): Promise<void> {
  const unmet = await meetWhomPossible(deps, wanted);
  for (const [user, error] of unmet) {
    passedOver.add(user);
    deps.events.emit('trouble', { error });
  }
  await deps.store.transaction(async (transaction) => {
    if (unmet.size > 0) await leaveOut(transaction, conversation, new Set(unmet.keys()));
    await noteMet(transaction, conversation.id, wanted);
  });
  for (const [user, error] of unmet) {
    // At least what has left the list is to get nothing any more.
    const isKnown = isProblem(error, 'rate.limited') && conversation.members.includes(user);
    if (isKnown) await readList(deps, user, passedOver);
  }
}

/** Reads lists that somebody has said to be other ones by now. Throws what calls throw. */
export async function readLists(
  deps: PeerDeps,
  { passedOver }: Asking,
  users: readonly UserId[],
): Promise<void> {
  for (const user of users) await readList(deps, user, passedOver);
}

async function readList(deps: PeerDeps, user: UserId, passedOver: PassedOver): Promise<void> {
  try {
    await refreshList(deps, user);
  } catch (error) {
    const isTheirs = isProblem(error, 'key.list-unknown') || isProblem(error, 'rate.limited');
    if (!(error instanceof CryptoError) && !isTheirs) throw error;
    passedOver.add(user);
  }
}

/** Nobody waits for those who cannot be met: what was to go to them goes without them, and their keys another time. */
async function leaveOut(
  transaction: StoreTransaction,
  { id }: GroupRecord,
  users: ReadonlySet<UserId>,
): Promise<void> {
  const left: Address[] = [];
  for await (const { value } of entriesUnder(transaction, keys.outbox(id))) {
    const entry = decodeRecord(OutboxEntry, value);
    if (entry.sealed || !entry.to?.some(({ user }) => users.has(user))) continue;
    // There may be a session to send it in, where it was to have one of its own.
    if (entry.isFresh) continue;
    const sealed = new Set(entry.recipients.map(addressKey));
    const gone = entry.to.filter(
      (address) => users.has(address.user) && !sealed.has(addressKey(address)),
    );
    left.push(...gone);
    await putEntry(transaction, { ...entry, to: entry.to.filter((one) => !gone.includes(one)) });
  }
  await noteOwed(transaction, id, left);
}

/** Has refused messages keyed again, for the members and devices that the platform names. Throws what calls throw. */
export async function followAudience(
  deps: GroupDeps,
  { id, head }: GroupRecord,
  { audience, refused }: { readonly audience: GroupAudience; readonly refused: Refused },
): Promise<void> {
  await deps.store.transaction(async (transaction) => {
    await noteVersions(transaction, id, audience.lists);
    await unseal(transaction, refused);
  });
  if (audience.version > head.version) await readGroup(deps, id);
}

/** Whether it is a group that this account is no member of any more. */
export function hasLeft(
  conversation: ConversationRecord,
  { address }: LocalParty,
): conversation is GroupRecord {
  const isIn = conversation.members.some((member) => member === address.user);
  return conversation.kind === 'group' && !isIn;
}

/** Gives up what waits in a group that this account is no member of any more, or where there is no conversation. */
export async function giveUpAll(
  { store, events, local }: PeerDeps,
  conversation: ConversationId,
): Promise<void> {
  const author = DeviceId.parse(local.address.device);
  const given = await store.transaction(async (transaction) => {
    const entries: OutboxEntry[] = [];
    for await (const { value } of entriesUnder(transaction, keys.outbox(conversation))) {
      entries.push(decodeRecord(OutboxEntry, value));
    }
    const changes = await waitingChanges(transaction, author, conversation);
    for (const entry of entries) {
      await setAside(transaction, entry, { change: changes.get(entry.id) });
    }
    return entries.filter((entry) => !isControl(entry) && entry.resent === undefined);
  });
  for (const { id } of given) {
    events.emit('failed', { id, conversation, code: 'conversation.not-found' });
  }
}
