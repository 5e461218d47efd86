/** Stored messages as one device sees them: its own ciphertext or an empty slot, and as text for its socket. */
import type { DeviceId, Slot } from '@sotto/api';
import { encodeBase64url } from '@sotto/api';
import { findCiphertext } from './packed-recipients.ts';
import type { StoredMessage } from './stored-message.ts';

/** Who reads. */
export interface Reader {
  readonly device: DeviceId;
  /** The device id as `packed-recipients.ts` wants it. */
  readonly bytes: Uint8Array;
}

/** Places, both inclusive. */
export interface Range {
  from: number;
  to: number;
}

/**
 * Every place of the range in order, exactly once: a message where there is a ciphertext for the device, and runs of
 * empty places between. Messages must be sorted by `seq` and lie within the range. The sender's own device has nothing
 * to read: `stored` told it of the place.
 */
export function slotsOf(
  messages: readonly StoredMessage[],
  { device, bytes }: Reader,
  { from, to }: Range,
): Slot[] {
  const slots: Slot[] = [];
  let next = from;
  for (const message of messages) {
    if (message.sender.device === device) continue;
    const ciphertext = findCiphertext(message.packed, bytes);
    if (ciphertext === undefined) continue;
    if (message.seq > next) slots.push({ type: 'none', from: next, to: message.seq - 1 });
    const { seq, id, kind, sender, sentAt } = message;
    slots.push({ type: 'message', seq, id, kind, sender, sentAt, ciphertext });
    next = message.seq + 1;
  }
  if (next <= to) slots.push({ type: 'none', from: next, to });
  return slots;
}

/**
 * A slot as JSON text. Written out because this runs once per message and device; every text in it is an id, a date or
 * base64url, none of which JSON would escape. A test holds it to the contract's schema.
 */
export function slotText(slot: Slot): string {
  if (slot.type === 'none') return `{"type":"none","from":${slot.from},"to":${slot.to}}`;
  const { seq, id, kind, sender, sentAt, ciphertext } = slot;
  return (
    `{"type":"message","seq":${seq},"id":"${id}","kind":"${kind}",` +
    `"sender":{"user":"${sender.user}","device":"${sender.device}"},` +
    `"sentAt":"${sentAt}","ciphertext":"${encodeBase64url(ciphertext)}"}`
  );
}
