/**
 * Which devices are to be woken, from what was committed: one node gets each batch of the fan-out log, and what it
 * finds is due in the database before the batch counts as taken.
 *
 * A mark that stands for very many batches wakes nobody. Whoever it leaves out is woken by the next message.
 */
import type { DeviceId } from '@sotto/api';
import { FANOUT_SUBJECT } from '@sotto/api/internal';
import type { Bus, Closable } from '@sotto/runtime';
import { findConnected } from './connection-store.ts';
import { decodeBatch, type FanoutBatch } from './fanout-batch.ts';
import { readForwards } from './history-store.ts';
import type { Hub } from './hub.ts';
import { CATCH_UP_PAGE } from './limits.ts';
import { devicesOf } from './packed-recipients.ts';
import { findCandidates, makeDue, type Occasion, type PushDatabase } from './push-store.ts';
import type { StoredMessage } from './stored-message.ts';

export interface WakeUpsDeps {
  database: PushDatabase;
  bus: Bus;
  hub: Pick<Hub, 'find'>;
  /** Something is due. */
  onDue(): void;
}

/** Reads the fan-out log until it is closed, from where the last node left off. */
export function startWakeUps(deps: WakeUpsDeps): Promise<Closable> {
  return deps.bus.consume('message-push', FANOUT_SUBJECT, async (data) => {
    for await (const messages of messagesOf(deps, decodeBatch(data))) {
      await wakeFor(deps, messages);
    }
  });
}

async function* messagesOf(
  { database }: Pick<WakeUpsDeps, 'database'>,
  batch: FanoutBatch,
): AsyncGenerator<readonly StoredMessage[]> {
  if (batch.type === 'messages') yield batch.groups.flatMap(({ messages }) => messages);
  if (batch.type !== 'references') return;
  for (const { conversation, first, last } of batch.references) {
    for (let above = first - 1; above < last; ) {
      const wanted = { conversation, above, upTo: last, limit: CATCH_UP_PAGE };
      const { messages } = await readForwards(database, wanted);
      yield messages;
      above = messages.at(-1)?.seq ?? last;
    }
  }
}

async function wakeFor(
  { database, hub, onDue }: WakeUpsDeps,
  messages: readonly StoredMessage[],
): Promise<void> {
  const occasions = messages
    .flatMap(occasionsOf)
    .filter(({ device }) => device === undefined || hub.find(device) === undefined);
  if (occasions.length === 0) return;
  const candidates = await findCandidates(database, distinct(occasions));
  if (candidates.length === 0) return;
  const connected = await findConnected(
    database,
    candidates.map(({ device }) => device),
  );
  const asleep = candidates.filter(({ device }) => !connected.has(device));
  if (asleep.length === 0) return;
  await makeDue(database, asleep);
  onDue();
}

/** Whom a message is for. Who comes to a group or goes is no reason to wake anybody. */
function occasionsOf(message: StoredMessage): Occasion[] {
  const { conversation, kind, packed, isUrgent = false } = message;
  const heading = { conversation, sender: message.sender.user, isUrgent };
  if (kind === 'membership') return [];
  if (kind === 'group') return [heading];
  return devicesOf(packed).map((device: DeviceId) => ({ ...heading, device }));
}

/** A hundred messages to somebody are one occasion. */
function distinct(occasions: readonly Occasion[]): Occasion[] {
  const known = new Map<string, Occasion>();
  for (const occasion of occasions) {
    const { conversation, sender, device = '' } = occasion;
    const key = `${conversation} ${sender} ${device}`;
    const isUrgent = occasion.isUrgent || (known.get(key)?.isUrgent ?? false);
    known.set(key, { ...occasion, isUrgent });
  }
  return [...known.values()];
}
