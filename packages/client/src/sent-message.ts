/** What became of a message that this device sent. */
import { DeviceId, type MessageId } from '@sotto/api';
import { ClientError } from './errors.ts';
import type { PeerDeps } from './peers.ts';
import { getRecord, keys, Place } from './records.ts';

/**
 * Resolves with the place of a message once it is `stored`, at once when it was before. Rejects with
 * `message.refused` when the platform has refused it for good, and `client.closed`.
 */
export function whenStored(deps: PeerDeps, id: MessageId, closing: AbortSignal): Promise<Place> {
  const { promise, resolve, reject } = Promise.withResolvers<Place>();
  const close = () => reject(new ClientError('client.closed', 'the client was closed'));
  const refuse = () => reject(new ClientError('message.refused', 'the message was refused'));
  const ends = [
    deps.events.on('stored', (event) => {
      if (event.id === id) resolve({ conversation: event.conversation, seq: event.seq });
    }),
    deps.events.on('failed', (event) => {
      if (event.id === id) refuse();
    }),
    () => closing.removeEventListener('abort', close),
  ];
  closing.addEventListener('abort', close);
  if (closing.aborted) close();
  readOutcome(deps, id).then((outcome) => {
    if (outcome === 'refused') refuse();
    else if (outcome !== undefined) resolve(outcome);
  }, reject);
  return promise.finally(() => {
    for (const end of ends) end();
  });
}

function readOutcome(
  { store, local }: PeerDeps,
  id: MessageId,
): Promise<Place | 'refused' | undefined> {
  const key = keys.messageId(DeviceId.parse(local.address.device), id);
  return store.transaction(async (transaction) => {
    if (await transaction.get(keys.failed(id))) return 'refused';
    return getRecord(transaction, key, Place);
  });
}
