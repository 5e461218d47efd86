/** The audiences that this node remembers, and where it asks for those it does not. */
import type { ConversationId, UserId } from '@sotto/api';
import type { Clock, Database } from '@sotto/runtime';
import {
  type Audience,
  currentMembers,
  type DeviceList,
  makeAudience,
  type Room,
} from './audience.ts';
import { createAudienceMemory } from './audience-memory.ts';
import { findDeviceLists, findRoom } from './conversation-store.ts';
import type { Copies } from './copies.ts';
import { AUDIENCE_READS_MAX, CONFIRM_MS, OWNERS_ASKED_AT_ONCE } from './limits.ts';
import type { Tables } from './schema.ts';
import { createTurnstile } from './turnstile.ts';

export interface Audiences {
  /** What is remembered. */
  find(conversation: ConversationId): Audience | undefined;
  /**
   * Asks the database, and the owner of the device lists for users not heard of. Undefined when there is no such
   * conversation.
   */
  load(conversation: ConversationId, options?: LoadOptions): Promise<Audience | undefined>;
  /**
   * Reads who is in a conversation, when that is wanted; undefined when it is not. Asks no owner of lists, for what was
   * committed must not wait for one; so an audience is remembered only when there are copies of all.
   */
  loadRoom(
    conversation: ConversationId,
    isWanted: (room: Room) => boolean,
  ): Promise<Room | undefined>;
  /** True when the owners were asked a moment ago, so that asking again would bring nothing. */
  isConfirmed(audience: Audience): boolean;
  /** Forgets what turned out to be out of date. */
  forget(conversation: ConversationId): void;
}

export interface LoadOptions {
  /**
   * Asks the owner for every list: for when a sender contradicts what is remembered. Not in a group, where that would be two
   * hundred questions: the copies are as new as what a sender can know, since who publishes a list is answered once they
   * have it.
   */
  confirm?: boolean;
  /** Begins to read now, for somebody who knows of a commit: a reading under way may be older than that. */
  fresh?: boolean;
}

export interface AudiencesDeps {
  database: Pick<Database<Tables>, 'query'>;
  copies: Pick<Copies, 'fetchDeviceList'>;
  clock: Clock;
}

type Lists = Map<UserId, DeviceList>;

/** With an empty memory. */
export function createAudiences({ database, copies, clock }: AudiencesDeps): Audiences {
  const memory = createAudienceMemory();
  const loading = new Map<string, Promise<Audience | undefined>>();
  // For the database alone: an owner that is slow must not hold up conversations that need not ask it.
  const inTurn = createTurnstile(AUDIENCE_READS_MAX);

  const readRoom = (conversation: ConversationId) =>
    inTurn(() => findRoom(database.query, conversation));
  const readLists = (members: readonly UserId[]): Promise<Lists> =>
    inTurn(() => findDeviceLists(database.query, members));

  async function read(
    conversation: ConversationId,
    confirm: boolean,
  ): Promise<Audience | undefined> {
    const room = await readRoom(conversation);
    return room && (await complete(room, confirm));
  }

  /** Of whom no list is copied, and with `confirm` of both in a direct conversation, the owner of the lists is asked. */
  async function complete(room: Room, confirm: boolean): Promise<Audience> {
    const members = currentMembers(room);
    const found = await readLists(members);
    const isAsked = (user: UserId) => (confirm && room.kind === 'direct') || !found.has(user);
    const asked = members.filter(isAsked);
    const atOwner = createTurnstile(OWNERS_ASKED_AT_ONCE);
    const fetched = await Promise.all(
      asked.map((user) => atOwner(() => copies.fetchDeviceList(user))),
    );
    takeNewer(found, fetched);
    return remember(room, found, confirm ? clock() : 0);
  }

  function remember(room: Room, found: Lists, confirmedAt: number): Audience {
    const lists = currentMembers(room).map((user) => {
      return found.get(user) ?? { user, version: 0, devices: [] };
    });
    const audience = makeAudience(room, lists, confirmedAt);
    memory.remember(audience);
    return audience;
  }

  return {
    find: memory.find,
    load(conversation, { confirm = false, fresh = false } = {}) {
      const key = `${conversation} ${confirm}`;
      let reading = fresh ? undefined : loading.get(key);
      if (reading === undefined) {
        const begun = read(conversation, confirm).finally(() => {
          if (loading.get(key) === begun) loading.delete(key);
        });
        reading = begun;
        loading.set(key, reading);
      }
      return reading;
    },
    async loadRoom(conversation, isWanted) {
      const room = await readRoom(conversation);
      if (room === undefined || !isWanted(room)) return undefined;
      const members = currentMembers(room);
      const found = await readLists(members);
      if (members.every((user) => found.has(user))) remember(room, found, 0);
      return room;
    },
    isConfirmed: ({ confirmedAt }) => clock() - confirmedAt < CONFIRM_MS,
    forget: memory.forget,
  };
}

/** A question under way is shared: its answer may be older than a copy that was read after it was asked. */
function takeNewer(found: Lists, fetched: readonly (DeviceList | undefined)[]): void {
  for (const list of fetched) {
    if (list !== undefined && list.version > (found.get(list.user)?.version ?? -1)) {
      found.set(list.user, list);
    }
  }
}
