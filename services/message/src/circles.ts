/**
 * Who may hear whose signals in a conversation: what is typed, what has been delivered.
 *
 * Members who have accepted the conversation hear each other, but for those with a block between them. What is
 * remembered is half a minute old at most; changes are told before that, by a signal that may be lost.
 */
import type { ConversationId, UserId } from '@sotto/api';
import type { Database } from '@sotto/runtime';
import { type CircleRow, findCircles } from './circle-store.ts';
import { createGathering } from './gathering.ts';
import {
  CIRCLE_AGE_MS,
  CIRCLE_MEMBERS_MAX,
  CIRCLE_NEWS_MAX,
  CIRCLES_PER_STATEMENT,
  CIRCLES_WAITING_MAX,
} from './limits.ts';
import type { Tables } from './schema.ts';

/** The members of now of one conversation; none of a conversation that does not exist. */
export interface Circle {
  /** When it was asked for, as `performance.now()`. */
  readonly at: number;
  /** False for members who have yet to accept the conversation. */
  readonly members: ReadonlyMap<UserId, boolean>;
  /** Of each member, those whom they have blocked; members who have blocked nobody are missing. */
  readonly blocks: ReadonlyMap<UserId, ReadonlySet<UserId>>;
}

/** What has changed: who is in a conversation, or how users stand to each other. */
export interface RelationNews {
  readonly users: readonly UserId[];
  readonly conversation?: ConversationId | undefined;
}

export type CircleDatabase = Pick<Database<Tables>, 'query'>;

export interface Circles {
  /** What is remembered and still true of a user's signals in a conversation. */
  find(conversation: ConversationId, from: UserId): Circle | undefined;
  /** Asks the database, for many conversations together. Rejects with its error, or when too many ask. */
  load(conversation: ConversationId): Promise<Circle>;
  /** Forgets what a change has made untrue. */
  change(news: RelationNews): void;
}

/** Whether two members may hear each other's signals, as far as blocks go. */
export function areApart({ blocks }: Circle, one: UserId, other: UserId): boolean {
  // Nearly always nobody has blocked anybody.
  if (blocks.size === 0) return false;
  return Boolean(blocks.get(one)?.has(other) || blocks.get(other)?.has(one));
}

/** Nothing remembered yet. When full, the conversation asked for longest ago goes first. */
export function createCircles(database: CircleDatabase): Circles {
  const known = new Map<ConversationId, Circle>();
  /** When something changed about a user or a conversation: what was asked for before does not count for them. */
  const news = new Map<UserId | ConversationId, number>();
  /** When that became too much: nothing asked for before counts, for it is not known any more what has changed. */
  let changedAt = 0;
  let members = 0;

  function forget(conversation: ConversationId): void {
    members -= known.get(conversation)?.members.size ?? 0;
    known.delete(conversation);
  }

  function remember(conversation: ConversationId, circle: Circle): void {
    forget(conversation);
    known.set(conversation, circle);
    members += circle.members.size;
    for (const oldest of known.keys()) {
      if (members <= CIRCLE_MEMBERS_MAX) return;
      forget(oldest);
    }
  }

  const ask = createGathering(
    async (conversations: readonly ConversationId[]) => {
      const at = performance.now();
      return groupRows(await findCircles(database, conversations), at);
    },
    { atOnceMax: CIRCLES_PER_STATEMENT, waitingMax: CIRCLES_WAITING_MAX },
  );

  return {
    find(conversation, from) {
      const circle = known.get(conversation);
      if (circle === undefined) return undefined;
      const since = Math.max(
        performance.now() - CIRCLE_AGE_MS,
        changedAt,
        news.get(from) ?? 0,
        news.get(conversation) ?? 0,
      );
      if (circle.at > since) return circle;
      forget(conversation);
      return undefined;
    },
    async load(conversation) {
      const found = await ask(conversation);
      const circle = found.circles.get(conversation) ?? { ...NOBODY, at: found.at };
      if (circle.members.size > 0) remember(conversation, circle);
      return circle;
    },
    change({ users, conversation }) {
      const now = performance.now();
      if (news.size + users.length > CIRCLE_NEWS_MAX) {
        known.clear();
        news.clear();
        members = 0;
        // A question may be under way that was asked before one of the changes.
        changedAt = now;
      }
      for (const user of users) news.set(user, now);
      if (conversation !== undefined) news.set(conversation, now);
    },
  };
}

const NOBODY = { members: new Map(), blocks: new Map() };

function groupRows(
  rows: readonly CircleRow[],
  at: number,
): { at: number; circles: Map<ConversationId, Circle> } {
  const circles = new Map<
    ConversationId,
    Circle & { members: Map<UserId, boolean>; blocks: Map<UserId, Set<UserId>> }
  >();
  for (const { conversation, user_id, requested, blocked } of rows) {
    let circle = circles.get(conversation);
    if (circle === undefined) {
      circle = { at, members: new Map(), blocks: new Map() };
      circles.set(conversation, circle);
    }
    circle.members.set(user_id, !requested);
    if (blocked.length > 0) circle.blocks.set(user_id, new Set(blocked));
  }
  return { at, circles };
}
