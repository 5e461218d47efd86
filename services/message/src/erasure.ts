/**
 * What happens to messages when an account is deleted (DESIGN 6).
 *
 * The user leaves the directory and every conversation. What others wrote for the user's devices is cut out of the
 * messages; what the user wrote for others is theirs to keep, and stays under an id that leads to nobody. A
 * conversation goes as a whole with its last member.
 */
import type { ConversationId, UserId } from '@sotto/api';
import { type Bus, type Closable, consumeEvent, type Database, type Logger } from '@sotto/runtime';
import type { Transaction } from 'kysely';
import {
  conversationsOf,
  findLeaving,
  finishErasure,
  isDeserted,
  type Leaving,
  leaveDirect,
  lockConversation,
  markErased,
  messagesAfter,
  removeSome,
  replaceRecipients,
} from './erasure-store.ts';
import { signalRetired } from './key-hints.ts';
import { ERASED_MESSAGES_AT_ONCE, ERASURE_EVERY_MS } from './limits.ts';
import { depart } from './membership-departure.ts';
import { deviceBytes, withoutDevices } from './packed-recipients.ts';
import type { Tables } from './schema.ts';

type ErasureDatabase = Pick<Database<Tables>, 'query'>;

/**
 * Erases whoever deletes their account, until it is closed. The event only leaves a mark, for what comes behind it must
 * not wait until a long history is gone; the work is done from the marks, and goes on after a crash.
 */
export async function startErasures({
  bus,
  database,
  log,
}: {
  bus: Bus;
  database: ErasureDatabase;
  log: Logger;
}): Promise<Closable> {
  const { query } = database;
  let closed = false;
  let working = Promise.resolve();
  async function work(): Promise<void> {
    for (const leaving of await findLeaving(query)) {
      if (closed) return;
      await eraseUser(database, leaving);
    }
  }
  function begin(): void {
    working = working.then(work).catch((error) => {
      log.warn('a deleted account cannot be erased yet', { error });
    });
  }
  const consumer = await consumeEvent(
    bus,
    'message-erasure',
    'events.account.deleted',
    async ({ user, devices = [] }) => {
      await query
        .transaction()
        .execute((transaction) => markErased(transaction, { user, devices }));
      for (const device of devices) signalRetired(bus, device);
      begin();
    },
  );
  begin();
  const timer = setInterval(begin, ERASURE_EVERY_MS);
  return {
    async close() {
      closed = true;
      clearInterval(timer);
      await consumer.close();
      await working;
    },
  };
}

/** Erases a user. It may be broken off anywhere and repeated, also by two nodes at once. */
async function eraseUser(database: ErasureDatabase, leaving: Leaving): Promise<void> {
  const { query } = database;
  const devices = leaving.devices.map(deviceBytes);
  for (const conversation of await conversationsOf(query, leaving.user)) {
    await leaveConversation(database, { conversation, user: leaving.user, devices });
  }
  await query.transaction().execute((transaction) => finishErasure(transaction, leaving));
}

interface Departure {
  conversation: ConversationId;
  user: UserId;
  devices: readonly Buffer[];
}

async function leaveConversation(
  database: ErasureDatabase,
  { conversation, user, devices }: Departure,
): Promise<void> {
  const { query } = database;
  const isEmpty = await query
    .transaction()
    .execute((transaction) => leave(transaction, conversation, user));
  if (!isEmpty) return cutOut(database, conversation, devices);
  let isGone = false;
  while (!isGone) {
    isGone = await query
      .transaction()
      .execute((transaction) => removeSome(transaction, conversation, ERASED_MESSAGES_AT_ONCE));
  }
}

/** True when the conversation has nobody left. */
async function leave(
  transaction: Transaction<Tables>,
  conversation: ConversationId,
  user: UserId,
): Promise<boolean> {
  const room = await lockConversation(transaction, conversation);
  if (room === undefined) return false;
  if (room.kind === 'group') await depart(transaction, conversation, user);
  else await leaveDirect(transaction, { conversation, user, lastSeq: room.last_seq });
  return isDeserted(transaction, conversation);
}

async function cutOut(
  database: ErasureDatabase,
  conversation: ConversationId,
  devices: readonly Buffer[],
): Promise<void> {
  let after = 0;
  for (;;) {
    const page = { conversation, after, limit: ERASED_MESSAGES_AT_ONCE };
    const messages = await messagesAfter(database, page);
    for (const message of messages) {
      const recipients = withoutDevices(message.recipients, devices);
      if (recipients === undefined) continue;
      await replaceRecipients(database.query, conversation, { ...message, recipients });
    }
    const last = messages.at(-1);
    if (last === undefined || messages.length < ERASED_MESSAGES_AT_ONCE) return;
    after = last.seq;
  }
}
