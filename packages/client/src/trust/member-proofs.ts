/**
 * Looks others up in the key log, one after the other behind the messages that went to them or came from them: what turns
 * out wrong is told by the key log, and shut out by another sender key at the next message.
 */
import type { UserId } from '@sotto/api';
import type { LocalParty } from '@sotto/crypto';
import { createPace } from '../connection/pace.ts';
import { MEMBER_PROOF_MS, PROOFS_WAITING_MAX } from '../limits.ts';
import type { Store } from '../store/store.ts';
import type { Contact, KeyLog } from './key-log.ts';
import { nextOwed, settleProof } from './owed-proofs.ts';

export interface MemberProofs {
  /** Has these looked up, the last ones first. What fails is asked for again by the next message. */
  need(contacts: readonly Contact[]): void;
  /** To be called at each connection: has those looked up, once, whom the store still names. */
  needOwed(): Promise<void>;
  close(): Promise<void>;
}

export interface MemberProofsDeps {
  readonly store: Store;
  readonly local: LocalParty;
  readonly keyLog: Pick<KeyLog, 'needContact'>;
  readonly onError: (error: unknown) => void;
}

/** Those of one connection. */
export function createMemberProofs(deps: MemberProofsDeps): MemberProofs {
  const { store, local } = deps;
  const waiting = new Map<UserId, Contact>();
  const pace = createPace({ pauseMs: MEMBER_PROOF_MS, onError: deps.onError });
  /** Whoever the store names behind `after` is to be looked up. */
  let owed: { readonly after?: UserId } | undefined;
  let isTurnOfOwed = false;

  async function proveNext(): Promise<void> {
    try {
      // By turns: new ones must not keep those off for ever who have waited.
      const next = isTurnOfOwed
        ? ((await takeOwed()) ?? takeWaiting())
        : (takeWaiting() ?? (await takeOwed()));
      isTurnOfOwed = !isTurnOfOwed;
      if (next === undefined) return;
      await deps.keyLog.needContact(next);
      await settleProof(store, next);
    } finally {
      goOn();
    }
  }

  function takeWaiting(): Contact | undefined {
    const next = [...waiting.values()].at(-1);
    if (next !== undefined) waiting.delete(next.user);
    return next;
  }

  async function takeOwed(): Promise<Contact | undefined> {
    if (owed === undefined) return undefined;
    const next = await nextOwed(store, local, owed.after);
    owed = next && { after: next.user };
    return next;
  }

  function goOn(): void {
    if (waiting.size > 0 || owed !== undefined) pace.need(proveNext);
  }

  return {
    need(contacts) {
      for (const contact of contacts) {
        // Behind all others, also when it was there.
        waiting.delete(contact.user);
        waiting.set(contact.user, contact);
      }
      for (const user of waiting.keys()) {
        if (waiting.size <= PROOFS_WAITING_MAX) break;
        waiting.delete(user);
      }
      goOn();
    },
    async needOwed() {
      if ((await nextOwed(store, local)) === undefined) return;
      owed ??= {};
      goOn();
    },
    close: () => pace.close(),
  };
}
