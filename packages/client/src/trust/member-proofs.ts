/**
 * Looks members of groups up in the key log, one after the other behind the messages that went to them: what turns out
 * wrong is told by the key log, and shut out by another sender key at the next message.
 */
import type { UserId } from '@sotto/api';
import { createPace } from '../connection/pace.ts';
import { MEMBER_PROOF_MS } from '../limits.ts';
import type { Contact, KeyLog } from './key-log.ts';

export interface MemberProofs {
  /** Has these looked up, sooner or later. What fails is asked for again by the next message. */
  need(contacts: readonly Contact[]): void;
  close(): Promise<void>;
}

/** Those of one connection. */
export function createMemberProofs(deps: {
  readonly keyLog: Pick<KeyLog, 'needContact'>;
  readonly onError: (error: unknown) => void;
}): MemberProofs {
  const waiting = new Map<UserId, Contact>();
  const pace = createPace({ pauseMs: MEMBER_PROOF_MS, onError: deps.onError });

  async function proveNext(): Promise<void> {
    const [next] = waiting.values();
    if (next === undefined) return;
    waiting.delete(next.user);
    try {
      await deps.keyLog.needContact(next);
    } finally {
      if (waiting.size > 0) pace.need(proveNext);
    }
  }

  return {
    need(contacts) {
      for (const contact of contacts) waiting.set(contact.user, contact);
      if (waiting.size > 0) pace.need(proveNext);
    },
    close: () => pace.close(),
  };
}
