/** What the key service has to write in the audit log. Each line leaves with the transaction that it speaks of. */
import { randomUUID } from 'node:crypto';
import type { AuditEntry } from '@sotto/api/internal';
import { type Caller, type Connection, enqueueEvent } from '@sotto/runtime';
import type { KeyTransaction } from './store.ts';

/** Who does something, and from where. */
export interface Actor extends Caller {
  /** Undefined for a call within the process. */
  source: string | undefined;
}

/** The actor of a request. */
export function actorOf({
  caller,
  connection,
}: {
  caller: Caller;
  connection: Connection | undefined;
}): Actor {
  return { ...caller, source: connection?.remoteAddress };
}

/** Puts a line into the outbox. Nudge it once the transaction has committed. */
export async function noteAudit(
  transaction: KeyTransaction,
  { user, device, session, source }: Actor,
  { action, at, count }: { action: AuditEntry['action']; at: Date; count?: number },
): Promise<void> {
  const who = { user, device, session, ...(source !== undefined && { source }) };
  const entry = { at: at.toISOString(), action, ...who, ...(count !== undefined && { count }) };
  await enqueueEvent(transaction, 'events.audit.noted', { id: randomUUID(), entries: [entry] });
}
