/** Audiences in memory, bounded by what they weigh: a group of 200 weighs as much as a hundred conversations of two. */
import type { ConversationId } from '@sotto/api';
import type { Audience } from './audience.ts';
import { AUDIENCE_PARTS_EACH, AUDIENCE_PARTS_MAX } from './limits.ts';

export interface AudienceMemory {
  find(conversation: ConversationId): Audience | undefined;
  /** Keeps an audience, unless a newer one of its conversation is kept. Those kept longest go first. */
  remember(audience: Audience): void;
  forget(conversation: ConversationId): void;
}

/** An empty memory. */
export function createAudienceMemory(): AudienceMemory {
  const known = new Map<ConversationId, Audience>();
  let parts = 0;

  function forget(conversation: ConversationId): void {
    const audience = known.get(conversation);
    if (audience === undefined) return;
    parts -= partsOf(audience);
    known.delete(conversation);
  }

  return {
    find: (conversation) => known.get(conversation),
    remember(audience) {
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
    },
    forget,
  };
}

function partsOf({ room, devices }: Audience): number {
  return AUDIENCE_PARTS_EACH + room.members.size + devices.size;
}
