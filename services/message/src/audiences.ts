/** The audiences that this node remembers, and where it asks for those it does not. */
import type { ConversationId, UserId } from '@sotto/api';
import type { Clock, Database } from '@sotto/runtime';
import { type Audience, currentMembers, makeAudience, type Room } from './audience.ts';
import { findDeviceLists, findRoom } from './conversation-store.ts';
import type { Copies } from './copies.ts';
import {
  AUDIENCE_PARTS_EACH,
  AUDIENCE_PARTS_MAX,
  AUDIENCE_READS_MAX,
  CONFIRM_MS,
  OWNERS_ASKED_AT_ONCE,
} from './limits.ts';
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
  /** Reads who is in a conversation, and remembers its audience only when that is wanted. Undefined when it is not. */
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

/** An empty memory. When full, the conversations that were loaded longest ago go first. */
export function createAudiences({ database, copies, clock }: AudiencesDeps): Audiences {
  const known = new Map<ConversationId, Audience>();
  const loading = new Map<string, Promise<Audience | undefined>>();
  // For the database alone: an owner that is slow must not hold up conversations that need not ask it.
  const inTurn = createTurnstile(AUDIENCE_READS_MAX);

  let parts = 0;

  function forget(conversation: ConversationId): void {
    const audience = known.get(conversation);
    if (audience === undefined) return;
    parts -= partsOf(audience);
    known.delete(conversation);
  }

  function remember(audience: Audience): void {
    const { conversation, version } = audience.room;
    // Of two readings at once the older one may end last.
    if ((known.get(conversation)?.room.version ?? 0) > version) return;
    forget(conversation);
    known.set(conversation, audience);
    parts += partsOf(audience);
    for (const oldest of known.keys()) {
      if (parts <= AUDIENCE_PARTS_MAX) return;
      forget(oldest);
    }
  }

  const readRoom = (conversation: ConversationId) =>
    inTurn(() => findRoom(database.query, conversation));

  async function read(
    conversation: ConversationId,
    confirm: boolean,
  ): Promise<Audience | undefined> {
    const room = await readRoom(conversation);
    return room && (await complete(room, confirm));
  }

  async function complete(room: Room, confirm: boolean): Promise<Audience> {
    const members = currentMembers(room);
    const found = await inTurn(() => findDeviceLists(database.query, members));
    const isAsked = (user: UserId) => (confirm && room.kind === 'direct') || !found.has(user);
    const asked = members.filter(isAsked);
    const atOwner = createTurnstile(OWNERS_ASKED_AT_ONCE);
    const fetched = await Promise.all(
      asked.map((user) => atOwner(() => copies.fetchDeviceList(user))),
    );
    for (const list of fetched) {
      // A question under way is shared: its answer may be older than a copy that was read after it was asked.
      if (list === undefined || list.version <= (found.get(list.user)?.version ?? -1)) continue;
      found.set(list.user, list);
    }
    const lists = members.map((user: UserId) => {
      return found.get(user) ?? { user, version: 0, devices: [] };
    });
    const audience = makeAudience(room, lists, confirm ? clock() : 0);
    remember(audience);
    return audience;
  }

  return {
    find: (conversation) => known.get(conversation),
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
      return (await complete(room, false)).room;
    },
    isConfirmed: ({ confirmedAt }) => clock() - confirmedAt < CONFIRM_MS,
    forget,
  };
}

function partsOf({ room, devices }: Audience): number {
  return AUDIENCE_PARTS_EACH + room.members.size + devices.size;
}
