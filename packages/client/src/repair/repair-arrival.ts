/**
 * A message that comes again because it could not be read (ADR 14): it takes the place of what lies unreadable there,
 * and goes on as if it had just come. Whoever may send it is the account that sent it first; each takes effect once.
 */
import { bytes, CIPHERTEXT_BYTES_MAX } from '@sotto/api';
import * as z from 'zod/mini';
import { compareWithLog, membersAt } from '../groups/group-log.ts';
import { decodeContent } from '../messages/content.ts';
import type { Control } from '../messages/control.ts';
import type { Message, UnreadableMessage } from '../messages/history-item.ts';
import type { ControlArrival, ControlHandler, OpenDeps } from '../messages/opening.ts';
import { keys } from '../store/key-space.ts';
import { getRecord, putRecord } from '../store/stored-record.ts';
import { findMissed } from './missed-message.ts';
import { acceptRepaired } from './repaired-order.ts';

type Again = Extract<Control, { type: 'again' }>;

/** What has come of a message so far. */
const Pieces = z.object({ content: bytes({ min: 1, max: CIPHERTEXT_BYTES_MAX }) });

/** Takes it in if it was missing, and is whole. Throws `content.invalid`. */
export const takeAgain: ControlHandler<'again'> = async (deps, arrival, control) => {
  const { transaction, local, conversation } = deps;
  const { of: device, id, counter, time } = control;
  const { user } = arrival.sender;
  const sender = { conversation: conversation.id, user, device };
  const missed = await findMissed(transaction, sender, id);
  if (missed === undefined || !(await isOfTheLog(deps, arrival, missed))) return;
  const whole = await gather(deps, { arrival, control, missed });
  if (whole === undefined) return;
  const content = decodeContent(whole);
  const { cause: _, isRefused: __, after: ___, ...placed } = missed;
  const order = await acceptRepaired(transaction, missed, counter);
  const own = placed.sender.user === local.address.user;
  await transaction.delete(keys.unheard(conversation.id, missed.seq));
  await transaction.delete(keys.wantedAgain(conversation.id, sender, missed.seq));
  const item: Message = { ...placed, type: 'message', time, content, own, order, isRepaired: true };
  deps.repaired.push({ ...item, ...(counter && { counter }) });
};

/**
 * Whether it may be believed by a group's log: whoever answers has seen no entry that is missing here, and the sender was a
 * member at the place. Throws `head.forked`.
 */
async function isOfTheLog(
  { transaction, conversation, onLogBehind }: OpenDeps,
  { membership, sender: { user } }: ControlArrival,
  { seq, sender }: UnreadableMessage,
): Promise<boolean> {
  if (conversation.kind === 'direct') return true;
  if (membership && (await compareWithLog(transaction, conversation, membership)) === 'newer') {
    onLogBehind(user);
    return false;
  }
  return (await membersAt(transaction, conversation, seq)).includes(sender.user);
}

interface Gathering {
  readonly arrival: ControlArrival;
  readonly control: Again;
  readonly missed: UnreadableMessage;
}

/**
 * The whole content, once its last piece is there. Pieces of one device come in order; the first one begins anew, so what
 * was cut off does no harm.
 */
async function gather(
  { transaction }: OpenDeps,
  { arrival, control, missed }: Gathering,
): Promise<Uint8Array | undefined> {
  const { offset, size, content } = control;
  const key = keys.againPiece(missed.conversation, missed.seq, arrival.sender);
  const before =
    offset === 0 ? new Uint8Array(0) : (await getRecord(transaction, key, Pieces))?.content;
  if (before?.length !== offset || offset + content.length > size) return undefined;
  const all = new Uint8Array([...before, ...content]);
  if (all.length === size) {
    await transaction.delete(key);
    return all;
  }
  await putRecord(transaction, key, [Pieces, { content: all }]);
  return undefined;
}
