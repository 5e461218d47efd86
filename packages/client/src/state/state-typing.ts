/** Who is writing just now: for some seconds after each sign of it, or until what was written has come. */
import type { ConversationId, UserId } from '@sotto/api';
import type { Events } from '../events.ts';
import { TYPING_SHOWN_MS } from '../limits.ts';

export interface TypingBoard {
  /** Who began first stands first. */
  in(conversation: ConversationId): readonly UserId[];
  close(): void;
}

export interface TypingDeps {
  readonly events: Events;
  readonly onChange: (conversation: ConversationId) => void;
}

/** Nobody, at first. It has timers only for those who write. */
export function openTypingBoard({ events, onChange }: TypingDeps): TypingBoard {
  const timers = new Map<ConversationId, Map<UserId, ReturnType<typeof setTimeout>>>();

  function end(conversation: ConversationId, user: UserId): void {
    const writers = timers.get(conversation);
    const timer = writers?.get(user);
    if (writers === undefined || timer === undefined) return;
    clearTimeout(timer);
    writers.delete(user);
    if (writers.size === 0) timers.delete(conversation);
    onChange(conversation);
  }

  const ends = [
    events.on('typing', ({ conversation, user }) => {
      const writers = timers.get(conversation) ?? new Map();
      timers.set(conversation, writers);
      const isNew = !writers.has(user);
      clearTimeout(writers.get(user));
      writers.set(
        user,
        setTimeout(() => end(conversation, user), TYPING_SHOWN_MS),
      );
      if (isNew) onChange(conversation);
    }),
    events.on('message', ({ conversation, sender }) => end(conversation, sender.user)),
  ];
  return {
    in: (conversation) => [...(timers.get(conversation)?.keys() ?? [])],
    close() {
      for (const stop of ends) stop();
      for (const writers of timers.values())
        for (const timer of writers.values()) clearTimeout(timer);
      timers.clear();
    },
  };
}
