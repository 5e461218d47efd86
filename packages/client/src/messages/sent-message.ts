/** What becomes of the messages that this device sends. */
import type { ConversationId, MessageId } from '@sotto/api';
import { isLoggedOut, loggedOutError } from '../account/tokens.ts';
import { ClientError } from '../errors.ts';
import { keys } from '../store/key-space.ts';
import type { Store } from '../store/store.ts';
import { decodeRecord, entriesUnder, getRecord } from '../store/stored-record.ts';
import { alarmError, assertNotCompromised } from '../trust/log-standing.ts';
import type { PeerDeps } from '../trust/peers.ts';
import { type Content, decodeContent } from './content.ts';
import { Place } from './history-item.ts';
import { isControl, OutboxEntry } from './outbox-entry.ts';
import { wasRefused } from './refused-message.ts';
import type { WaitingIds } from './waiting-ids.ts';

/** A message that the platform has not acknowledged yet. */
export interface UnsentMessage {
  readonly id: MessageId;
  readonly conversation: ConversationId;
  /** When it was written, in milliseconds since 1970. */
  readonly time: number;
  readonly content: Content;
}

/** Unsent messages of a conversation, oldest first; at most `limit`. What is only sent again is not among them. */
export function readUnsent(
  store: Store,
  conversation: ConversationId,
  limit: number,
): Promise<UnsentMessage[]> {
  return store.transaction(async (transaction) => {
    const unsent: UnsentMessage[] = [];
    for await (const { value } of entriesUnder(transaction, keys.outbox(conversation))) {
      if (unsent.length === limit) break;
      const entry = decodeRecord(OutboxEntry, value);
      if (entry.resent !== undefined || isControl(entry)) continue;
      const { id, time, content } = entry;
      unsent.push({ id, conversation, time, content: decodeContent(content) });
    }
    return unsent;
  });
}

export interface Waiting {
  readonly waiting: WaitingIds;
  /** Aborted when nobody waits any more. */
  readonly ended: AbortSignal;
}

/**
 * Resolves with the place of a message once it is `stored`, at once when it was before. Rejects with
 * `message.refused` when the platform has refused it for good, `message.unknown` for none of this store, the reason of
 * `ended`, and, while the message stays in the outbox, `account.compromised` and `account.logged-out`: nothing is sent
 * before somebody has done something about it.
 */
export function whenStored(
  deps: PeerDeps,
  id: MessageId,
  { waiting, ended }: Waiting,
): Promise<Place> {
  const { promise, resolve, reject } = Promise.withResolvers<Place>();
  const close = () => reject(ended.reason);
  const refuse = () => reject(new ClientError('message.refused', 'the message was refused'));
  const alarm = ({ cause }: { cause: string }) =>
    reject(alarmError({ code: 'account.compromised', cause }));
  const ends = [
    deps.events.on('account-compromised', alarm),
    deps.events.on('logged-out', () => reject(loggedOutError())),
    deps.events.on('stored', (event) => {
      if (event.id === id) resolve({ conversation: event.conversation, seq: event.seq });
    }),
    deps.events.on('failed', (event) => {
      if (event.id === id) refuse();
    }),
    () => ended.removeEventListener('abort', close),
  ];
  ended.addEventListener('abort', close);
  if (ended.aborted) close();
  readOutcome(deps, id, waiting).then((outcome) => {
    if (outcome === 'refused') refuse();
    else if (outcome !== undefined) resolve(outcome);
  }, reject);
  return promise.finally(() => {
    for (const end of ends) end();
  });
}

/** What has become of it; undefined when that is still to come. Throws when it does not come by itself. */
function readOutcome(
  { store, local }: PeerDeps,
  id: MessageId,
  waiting: WaitingIds,
): Promise<Place | 'refused' | undefined> {
  const key = keys.messageId(local.address, id);
  return store.transaction(async (transaction) => {
    if (await wasRefused(transaction, id)) return 'refused';
    const place = await getRecord(transaction, key, Place);
    if (place !== undefined) return place;
    if (!(await waiting.has(transaction, id))) {
      throw new ClientError('message.unknown', 'no message of this store has the id');
    }
    await assertNotCompromised(transaction);
    if (await isLoggedOut(transaction)) throw loggedOutError();
    return undefined;
  });
}
