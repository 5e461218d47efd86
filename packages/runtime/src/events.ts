/** Durable events of the contract, checked on both ends. */
import { EVENTS, type Event, type EventSubject } from '@sotto/api/internal';
import type { Transaction } from 'kysely';
import { z } from 'zod';
import type { Bus, Closable } from './bus.ts';
import type { EventGroup } from './event-groups.ts';
import { enqueue, type OutboxTables } from './outbox.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Puts an event into the outbox, to be published once the transaction has committed. */
export async function enqueueEvent<Tables extends OutboxTables, S extends EventSubject>(
  transaction: Transaction<Tables>,
  subject: S,
  event: Event<S>,
): Promise<void> {
  await enqueue(transaction, subject, encode(subject, event));
}

/** Publishes an event that no transaction stands behind. `id` names it: the same id twice is one event. */
export async function publishEvent<S extends EventSubject>(
  bus: Bus,
  subject: S,
  event: Event<S>,
  id: string,
): Promise<void> {
  await bus.publish(subject, encode(subject, event), id);
}

/**
 * Consumes an event at least once per group. An event outside its schema comes from a newer or a broken publisher:
 * it is not acknowledged and waits, which the bus logs, until this service understands it. A new group has its place in
 * `event-groups.ts`.
 */
export function consumeEvent<S extends EventSubject>(
  bus: Bus,
  name: EventGroup<S>,
  subject: S,
  handler: (event: Event<S>) => Promise<void>,
): Promise<Closable> {
  return bus.consume(name, subject, (data) => handler(decode(subject, data)));
}

function encode<S extends EventSubject>(subject: S, event: Event<S>): Uint8Array {
  return Buffer.from(JSON.stringify(z.encode(EVENTS[subject], event)));
}

function decode<S extends EventSubject>(subject: S, data: Uint8Array): Event<S> {
  return z.decode(EVENTS[subject], JSON.parse(utf8.decode(data))) as Event<S>;
}
